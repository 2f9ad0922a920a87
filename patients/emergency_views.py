"""Opening a record in an emergency, and ending that before its time."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from clinic.accounts import confirm
from clinic.methods import post_or_back
from clinic.rules import under
from ml.contracts import Refused
from patients import access, emergency, emergency_search
from patients.forms import DateField
from patients.models import EmergencyAccess, EmergencyReason, Patient


class EmergencyForm(forms.Form):
    """Exactly whose record, and why; there is no list to choose from."""

    record_number = forms.CharField(
        label=gettext_lazy("Record number"),
        max_length=32,
        required=False,
        help_text=gettext_lazy("The whole number, as on the wristband. Or the name with the birth date:"),
        widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": True}),
    )
    family_name = forms.CharField(
        label=gettext_lazy("Family name"),
        max_length=100,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    given_name = forms.CharField(
        label=gettext_lazy("Given name"),
        max_length=100,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    birth_date = DateField(label=gettext_lazy("Birth date"), required=False)
    category = forms.ChoiceField(
        label=gettext_lazy("Why"),
        choices=EmergencyReason.choices,
        widget=forms.RadioSelect,
        error_messages={"required": gettext_lazy("Choose why the record is opened: one of the reasons.")},
    )
    reason = forms.CharField(
        label=gettext_lazy("In your words"),
        max_length=500,
        min_length=emergency_search.SHORTEST_REASON,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("The lead of the unit reads it, and so does whoever looks at the audit."),
        error_messages={"required": gettext_lazy("Say in a few words what happened, or who called you.")},
    )

    def clean(self) -> dict[str, Any]:
        """Ask for one whole identity, and for a reason that says something."""
        data = super().clean()
        if self.errors:
            return data
        language = get_language() or ""
        for problem in emergency_search.check(self.identity, data["reason"]):
            self.add_error(problem.field or None, problem.message.to(language))
        return data

    @property
    def identity(self) -> dict[str, Any]:
        """What was typed of the identity."""
        sent = self.cleaned_data
        return {name: sent[name] for name in emergency_search.IDENTITY if sent.get(name)}


@under(access.CARERS)
@require_http_methods(["GET", "HEAD", "POST"])
@confirm.required
def emergency_new(request: HttpRequest) -> HttpResponse:
    """Ask whose record and why; open it for four hours and say so to the leads of its units."""
    form = EmergencyForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        patient = _found(request, form)
        if patient is not None:
            return _opened(request, patient, form)
    return render(request, "patients/emergency.html", {"form": form}, status=422 if form.errors else 200)


@under(access.CARERS)
@post_or_back("patient_search")
def emergency_end(request: HttpRequest, access_id: UUID) -> HttpResponse:
    """End one's own emergency access now."""
    found = get_object_or_404(EmergencyAccess.objects.select_related("user"), pk=access_id, user=request.user)
    if emergency.end(found):
        messages.success(request, _("The emergency access has ended; the record is closed to you again."))
    else:
        messages.warning(request, _("The emergency access had ended already."))
    return redirect("patient_search")


def _found(request: HttpRequest, form: EmergencyForm) -> Patient | None:
    """Return the one patient meant; otherwise say at the form what to do."""
    try:
        return emergency_search.the_patient(request.user, form.identity)
    except Refused as refusal:
        form.add_error(None, refusal.problems[0].message.to(get_language() or ""))
        return None


def _opened(request: HttpRequest, patient: Patient, form: EmergencyForm) -> HttpResponse:
    if access.for_user(request.user).filter(pk=patient.pk).exists():
        messages.info(request, _("This record is open to you already."))
    else:
        sent = form.cleaned_data
        emergency_search.opened(request.user, patient, sent["reason"], sent["category"])
    return redirect("patient", patient.pk)
