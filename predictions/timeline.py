"""The studies of a patient, for the one timeline of the floor below."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import get_language

from clinic.accounts.models import User
from ml.contracts import Text
from patients import timeline
from patients.models import Patient
from predictions import selectors
from predictions.states import State


def studies(user: User, patient: Patient) -> list[timeline.Entry]:
    """Return the studies of ``patient`` that ``user`` may see, each with its answer in a few words."""
    language = get_language() or ""
    found = selectors.studies_for(user).filter(patient=patient).prefetch_related("predictions")
    return [
        timeline.Entry(
            at=study.submitted_at,
            kind="study",
            title=study.contract.title.to(language),
            state=study.state,
            state_label=str(State(study.state).label),
            detail=Text.from_json(study.prediction.report["headline"]).to(language)
            if study.prediction
            else "",
            url=reverse("study", args=[study.pk]),
        )
        for study in found
    ]


def register() -> None:
    """Add the studies to every patient's timeline."""
    timeline.register(studies)
