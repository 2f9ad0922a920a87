"""Measured blood loss: recorded after the birth, corrected by a further row, its history shown."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from clinic.audit.models import Action
from clinic.audit.recording import record
from clinic.rules import under
from ml import registry
from ml.contracts import Problem, Refused, Severity
from patients import access as records
from patients.models import Encounter, Patient
from predictions import access, answers, forms, outcomes
from predictions.models import BloodLoss, Study

UNPROCESSABLE = 422


@under(access.BLOOD_LOSS)
@require_http_methods(["GET", "HEAD", "POST"])
def blood_loss(request: HttpRequest, patient_id: uuid.UUID, encounter_id: uuid.UUID) -> HttpResponse:
    """Show and take the blood loss of a birth."""
    patient = records.get_or_404(request.user, patient_id)
    encounter = get_object_or_404(patient.encounters.select_related("unit"), pk=encounter_id)
    outcomes.require_recorder(request.user, encounter)
    form = registry.door(outcomes.ALGORITHM, "blood_loss").FORM
    if request.method != "POST":
        record(
            Action.VIEW,
            actor=request.user,
            patient=patient.pk,
            kind="blood_loss",
            object_id=str(encounter.pk),
        )
        known = _known(outcomes.latest(encounter))
        return render(request, "births/blood_loss.html", _context(patient, encounter, form, known, ()))
    values = forms.posted(form, request.POST, patient)
    _typed, found = outcomes.check(encounter, values)
    confirmed = request.POST.get("confirmed") == forms.confirmation(found)
    try:
        row = outcomes.keep(
            user=request.user,
            encounter=encounter,
            values=values,
            reason=request.POST.get("reason", ""),
            confirmed=confirmed,
            after=_number(request.POST.get("after", "")),
        )
    except Refused as refusal:
        context = _context(patient, encounter, form, values, refusal.problems)
        context["reason"] = request.POST.get("reason", "")
        return render(request, "births/blood_loss.html", context, status=UNPROCESSABLE)
    messages.success(request, _("Recorded: %(ml)s mL.") % {"ml": row.millilitres})
    study = _assessed(encounter)
    return redirect("study", study.pk) if study else redirect("patient", patient.pk)


def _known(recorded: BloodLoss | None) -> dict[str, str]:
    """Return what the form begins with: what is recorded, so that a correction changes only what is wrong."""
    if recorded is None:
        return {"measured_at": answers.as_typed(timezone.now())}
    return {
        "millilitres": answers.as_typed(recorded.millilitres),
        "method": recorded.method,
        "measured_at": answers.as_typed(recorded.measured_at),
    }


def _context(
    patient: Patient,
    encounter: Encounter,
    form: Any,
    values: dict[str, str],
    problems: tuple[Problem, ...] | list,
) -> dict[str, Any]:
    rows = outcomes.of(encounter)
    refused = [problem for problem in problems if problem.severity is Severity.REFUSE]
    return {
        "patient": patient,
        "encounter": encounter,
        "form": form,
        "groups": forms.groups(form, values, problems),
        "losses": rows,
        "after": rows[0].number if rows else 0,
        "refusals": refused,
        "asked": [] if refused else list(problems),
        "confirmation": forms.confirmation(problems),
        "takes": outcomes.takes_blood_loss(encounter),
        "study": _assessed(encounter),
    }


def _assessed(encounter: Encounter) -> Study | None:
    """Return the latest assessment of the birth."""
    return encounter.studies.filter(algorithm=outcomes.ALGORITHM).order_by("-submitted_at").first()


def _number(sent: str) -> int | None:
    return int(sent) if sent.isdecimal() and len(sent) < 6 else None
