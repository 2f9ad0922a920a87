"""The search form of the audit."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from clinic.audit.classes import ActionClass
from clinic.audit.models import Action


class AuditSearchForm(forms.Form):
    """Whose actions, on which record, what and when; everything may be left open."""

    person = forms.CharField(
        label=_("Person"), max_length=100, required=False, help_text=_("User name, or a part of the name.")
    )
    patient = forms.CharField(
        label=_("Patient"),
        max_length=100,
        required=False,
        help_text=_("Record number, or a part of the name."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    kind = forms.ChoiceField(
        label=_("Kind of action"), required=False, choices=[("", _("any")), *ActionClass.choices]
    )
    action = forms.ChoiceField(label=_("Action"), required=False, choices=[("", _("any")), *Action.choices])
    emergency = forms.BooleanField(label=_("Emergency accesses only"), required=False)
    first = forms.DateField(label=_("From"), required=False, widget=forms.DateInput(attrs={"type": "date"}))
    last = forms.DateField(label=_("To"), required=False, widget=forms.DateInput(attrs={"type": "date"}))
    before = forms.IntegerField(required=False, min_value=1, widget=forms.HiddenInput)

    def clean(self) -> dict[str, Any]:
        """Refuse a period that ends before it begins."""
        data = super().clean()
        first, last = data.get("first"), data.get("last")
        if first and last and last < first:
            self.add_error("last", _("The period would end before it begins. Check both days."))
        return data
