"""Pages of patients: search, record, identity, encounters."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from clinic.audit.models import Action
from clinic.audit.recording import record, record_seen
from clinic.methods import post_or_back
from clinic.rules import under
from ml import registry
from ml.contracts import Contract
from patients import access, consent, emergency, erasure_access, links, selectors, services, timeline
from patients.forms import EncounterForm, PatientForm, SearchForm
from patients.models import Encounter, Patient

SHOWN = 50


def _posted(request: HttpRequest) -> QueryDict | None:
    """Return what was sent, also when it is empty; ``None`` when nothing was."""
    return request.POST if request.method == "POST" else None


def _status(form: Any) -> int:
    return 422 if form.errors else 200


@under(access.CARERS)
@require_http_methods(["GET", "POST"])
def patient_search(request: HttpRequest) -> HttpResponse:
    """Ask whom to look for; answer a POST, so that no name or number is in an address."""
    form = SearchForm(_posted(request))
    context: dict[str, Any] = {"form": form}
    if request.method == "POST" and form.is_valid():
        found = list(selectors.search(request.user, **form.cleaned_data)[: SHOWN + 1])
        context |= {"found": found[:SHOWN], "more": len(found) > SHOWN, "shown": SHOWN}
        _record_search(request, form.cleaned_data, found[:SHOWN])
    return render(request, "patients/search.html", context, status=_status(form))


def _record_search(request: HttpRequest, terms: dict[str, Any], found: list[Patient]) -> None:
    detail = {name: value for name, value in terms.items() if value}
    detail["found"] = [patient.pk for patient in found]
    record(Action.SEARCH, actor=request.user, kind="patient", detail=detail)
    opened = emergency.marks(request.user)
    record_seen(Action.SEARCH, actor=request.user, patients=detail["found"], kind="patient", under=opened)


@under(access.CARERS)
@require_http_methods(["GET", "POST"])
def patient_new(request: HttpRequest) -> HttpResponse:
    """Create a patient."""
    form = PatientForm(_posted(request), user=request.user)
    if request.method == "POST" and form.is_valid():
        try:
            patient = services.create_patient(user=request.user, **form.cleaned_data)
        except IntegrityError:  # two people typed the same number at the same moment
            form.add_error("record_number", PatientForm.taken())
        else:
            return redirect("patient", patient.pk)
    return render(request, "patients/form.html", {"form": form}, status=_status(form))


@under(access.OWN_RECORD)
@require_http_methods(["GET", "POST"])
def patient_edit(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Change identity or units."""
    patient = access.get_or_404(request.user, patient_id)
    form = PatientForm(
        _posted(request), instance=access.get_or_404(request.user, patient_id), user=request.user
    )
    if request.method == "POST" and form.is_valid():
        try:
            services.update_patient(user=request.user, patient=patient, **form.cleaned_data)
        except IntegrityError:
            form.add_error("record_number", PatientForm.taken())
        else:
            messages.success(request, _("Saved."))
            return redirect("patient", patient.pk)
    elif request.method == "GET":
        record(Action.VIEW, actor=request.user, patient=patient.pk, kind="patient")
    context = {"form": form, "patient": patient}
    return render(request, "patients/form.html", context, status=_status(form))


def _offers(request: HttpRequest) -> list[Contract]:
    """Return the analyses this person may ask for in their units."""
    units = set(request.user.units.values_list("code", flat=True))
    return [
        contract
        for contract in registry.contracts(clinical=True)
        if request.user.role in contract.submit_roles and contract.unit in units
    ]


@under(access.RECORD)
@require_GET
def patient_page(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Show a patient: encounters and one timeline of everything."""
    patient = access.get_or_404(request.user, patient_id)
    record(Action.VIEW, actor=request.user, patient=patient.pk, kind="patient")
    stays = patient.encounters.select_related("unit")
    context = {
        "patient": patient,
        "units": patient.units.all(),
        "encounters": [
            (stay, links.of(request.user, stay), services.may_reopen(stay, timezone.now())) for stay in stays
        ],
        "ending": set(access.stays(request.user, patient).values_list("pk", flat=True)),
        "answers_for": access.answers_for(request.user, patient.pk),
        "may_ask_erasure": erasure_access.may_ask(request.user, patient.pk),
        "emergencies": emergency.lately(patient),
        "uses": consent.uses(patient),
        "timeline": timeline.of(request.user, patient),
        "offers": _offers(request),
    }
    return render(request, "patients/page.html", context)


@under(access.RECORD)
@require_http_methods(["GET", "POST"])
def encounter_new(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Open an encounter."""
    patient = access.get_or_404(request.user, patient_id)
    form = EncounterForm(_posted(request), user=request.user, patient=patient)
    if request.method == "POST" and form.is_valid():
        services.create_encounter(user=request.user, patient=patient, **form.cleaned_data)
        return redirect("patient", patient.pk)
    context = {"form": form, "patient": patient}
    return render(request, "patients/encounter.html", context, status=_status(form))


@under(access.OWN_RECORD)
@require_http_methods(["GET", "HEAD", "POST"])
def encounter_end(request: HttpRequest, patient_id: UUID, encounter_id: UUID) -> HttpResponse:
    """Ask whether an encounter of one's own unit shall end, and end it now."""
    patient, encounter = _own_encounter(request, patient_id, encounter_id)
    if encounter.ended_at is not None:
        messages.warning(request, _("This encounter had ended already."))
    elif request.method != "POST":
        return render(request, "patients/encounter_end.html", {"patient": patient, "encounter": encounter})
    elif services.end_encounter(user=request.user, encounter=encounter, at=timezone.now()):
        messages.success(request, _("The encounter has ended. It can be opened again within 24 hours."))
    return redirect("patient", patient.pk)


@under(access.OWN_RECORD)
@post_or_back("patient", "patient_id")
def encounter_reopen(request: HttpRequest, patient_id: UUID, encounter_id: UUID) -> HttpResponse:
    """Take back the end of an encounter of one's own unit."""
    patient, encounter = _own_encounter(request, patient_id, encounter_id)
    if services.reopen_encounter(user=request.user, encounter=encounter, at=timezone.now()):
        messages.success(request, _("The encounter goes on."))
    else:
        messages.warning(
            request,
            _("This encounter can no longer be opened again: another one goes on, or it is too late."),
        )
    return redirect("patient", patient.pk)


def _own_encounter(request: HttpRequest, patient_id: UUID, encounter_id: UUID) -> tuple[Patient, Encounter]:
    patient = access.get_or_404(request.user, patient_id)
    return patient, get_object_or_404(access.stays(request.user, patient), pk=encounter_id)
