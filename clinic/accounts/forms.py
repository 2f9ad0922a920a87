"""The form of a member of staff."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from clinic.accounts.models import User
from clinic.accounts.roles import CLINICAL


class StaffForm(forms.ModelForm):
    """Name, role, units and, for somebody who exists, whether they may log in.

    Parameters
    ----------
    actor
        The administrator who fills it in: nobody takes their own rights away, so that somebody is left
        to give them back.
    """

    username = forms.CharField(
        label=_("User name"),
        max_length=60,
        validators=[
            RegexValidator(
                r"^[a-z][a-z0-9._-]*$",
                _("Use small letters without accents, digits, dots and hyphens, beginning with a letter."),
            )
        ],
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )
    is_active = forms.BooleanField(label=_("May log in"), required=False)

    class Meta:
        model = User
        fields = ("username", "first_name", "last_name", "role", "units", "is_active")
        labels = {"role": _("Role"), "units": _("Units")}
        widgets = {"units": forms.CheckboxSelectMultiple}

    def __init__(self, *args: Any, actor: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.actor = actor
        for name in ("first_name", "last_name"):
            self.fields[name].required = True
        self.fields["units"].help_text = _(
            "Midwives, radiologists, technicians and physicians see the patients of these."
        )
        if self.instance.pk is None:
            del self.fields["is_active"]

    def clean_username(self) -> str:
        """Refuse a name that differs from another only by case."""
        username = self.cleaned_data["username"]
        if User.objects.filter(username__iexact=username).exclude(pk=self.instance.pk).exists():
            raise forms.ValidationError(_("This user name is taken. Choose another."))
        return username

    def clean(self) -> dict[str, Any]:
        """Hold role, units and the administrator's own account against each other."""
        data = super().clean()
        role = data.get("role")
        if role in CLINICAL and not data.get("units"):
            self.add_error("units", _("Choose at least one unit: without one this person sees no patient."))
        if role and role not in CLINICAL and data.get("units"):
            self.add_error(
                "units", _("This role sees no patients. Leave the units empty, or choose another role.")
            )
        if self.instance == self.actor:
            if role and role != self.instance.role:
                self.add_error("role", _("Ask another administrator to change your own role."))
            if not data.get("is_active"):
                self.add_error("is_active", _("Ask another administrator to disable your own account."))
        return data
