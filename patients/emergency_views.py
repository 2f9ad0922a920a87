"""Opening a record in an emergency, and ending that before its time."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from clinic.accounts import confirm, notices, throttles
from clinic.accounts.models import User
from clinic.audit.models import Action
from clinic.audit.recording import record
from clinic.methods import post_or_back
from clinic.rules import under
from ml.contracts import Text
from patients import access, emergency
from patients.forms import DateField
from patients.models import EmergencyAccess, EmergencyReason, Patient

# Somebody in an emergency mistypes a number twice; whoever tries eleven is looking for something else.
MOST_ATTEMPTS, ATTEMPT_SECONDS = 10, 3600
SHORTEST_REASON = 10
IDENTITY = ("record_number", "family_name", "given_name", "birth_date")
TOO_MANY = Text(
    "{name} tried to open records in an emergency more than 10 times within an hour. See the audit.",
    "{name} a tenté plus de 10 fois en une heure d’ouvrir un dossier en urgence. Voyez le journal.",
)


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
        label=gettext_lazy("Why"), choices=EmergencyReason.choices, widget=forms.RadioSelect
    )
    reason = forms.CharField(
        label=gettext_lazy("In your words"),
        max_length=500,
        min_length=SHORTEST_REASON,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("The lead of the unit reads it, and so does whoever looks at the audit."),
    )

    def clean(self) -> dict[str, Any]:
        """Ask for one whole identity."""
        data = super().clean()
        named = data.get("family_name") and data.get("given_name") and data.get("birth_date")
        if not self.errors and not (data.get("record_number") or named):
            raise forms.ValidationError(
                _("Type the whole record number, or family name, given name and birth date.")
            )
        return data

    @property
    def identity(self) -> dict[str, Any]:
        """What was typed of the identity."""
        return {name: self.cleaned_data[name] for name in IDENTITY if self.cleaned_data.get(name)}


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
    """Return the one patient meant; otherwise say at the form what to do, and keep on record who asked."""
    tried = throttles.count("emergency", str(request.user.pk), ATTEMPT_SECONDS)
    if tried > MOST_ATTEMPTS:
        if tried == MOST_ATTEMPTS + 1:
            _alarm(request.user)
        form.add_error(None, _("Too many attempts within an hour. Call the unit that cares for the patient."))
        return None
    patient = emergency.find(**form.identity)
    if patient is None:
        record(Action.SEARCH, actor=request.user, kind="emergency", detail=form.identity | {"found": []})
        form.add_error(
            None,
            _("Nobody matches exactly. Check the number, or the spelling of the name and the birth date."),
        )
    return patient


def _opened(request: HttpRequest, patient: Patient, form: EmergencyForm) -> HttpResponse:
    if access.for_user(request.user).filter(pk=patient.pk).exists():
        messages.info(request, _("This record is open to you already."))
    else:
        sent = form.cleaned_data
        emergency.open(request.user, patient, sent["reason"], category=sent["category"])
    return redirect("patient", patient.pk)


def _alarm(user: User) -> None:
    record(Action.LOCK, actor=user, kind="emergency", detail={"attempts": MOST_ATTEMPTS})
    page = reverse("audit_person", args=[user.pk])
    notices.notify(notices.administrators(), TOO_MANY.format(name=user.label), link=page)
