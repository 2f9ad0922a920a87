"""Nights to score in tests: a study of sleep with a draft, without any network."""

from __future__ import annotations

import uuid
from typing import Any

from django.utils import timezone

from clinic.accounts.models import User
from ml.algorithms.sleep.statistics import statistics
from patients.models import Patient
from predictions.models import Explanation, Prediction, Scoring, Study
from predictions.states import State
from predictions.workspaces.sleep import events
from tests import studies

# Ten minutes: five of wake, then sleep down to N3 and REM.
STAGES = ("W",) * 5 + ("N1",) * 2 + ("N2",) * 6 + ("N3",) * 4 + ("R",) * 3
LIKELY, REST = 0.8, 0.05
HEADLINE = {"en": "Draft staging", "fr": "Brouillon de stades"}


def result(stages: tuple[str, ...] = STAGES, **more: Any) -> dict[str, Any]:
    """Return a result as package 1.0.0 stored it; ``more`` adds what later ones store."""
    kinds = ("W", "N1", "N2", "N3", "R")
    found = {
        "stages": list(stages),
        "probabilities": [[LIKELY if kind == stage else REST for kind in kinds] for stage in stages],
        "epoch_seconds": 30,
        "channels": {"frontal": "F4-M1", "posterior": None, "eog": None},
        "statistics": statistics(stages),
        "uncertain": [5, 6, 13],
        "start": "2026-01-05T22:00:00",
        "simulated": True,
    }
    return found | more


def night(by: User, patient: Patient, *, stages: tuple[str, ...] = STAGES, **more: Any) -> Study:
    """Make a night with a draft that waits for its scorers."""
    study = studies.waiting(by, patient, algorithm="sleep")
    Study.objects.filter(pk=study.pk).update(state=State.READY, finished_at=timezone.now())
    drafted(study, stages, **more)
    study.refresh_from_db()
    return study


def drafted(
    study: Study, stages: tuple[str, ...] = STAGES, sha256: str = "5" * 64, **more: Any
) -> Prediction:
    """Add a draft to a night, of the package that ``sha256`` stands for."""
    pins = {"package_version": "0.0.1", "package_sha256": sha256}
    prediction = Prediction.objects.create(
        study=study,
        result=result(stages, **more),
        report={"headline": HEADLINE, "sections": [], "limits": []},
        created_at=timezone.now(),
        **pins,
    )
    Explanation.objects.create(prediction=prediction, status="absent", **pins)
    return prediction


def event(kind: str, **fields: Any) -> dict[str, Any]:
    """Return an event as a window sends it."""
    return {"id": str(uuid.uuid4()), "kind": kind} | fields


def stage(epoch: int, value: str) -> dict[str, Any]:
    """Return the event of one key: a stage for an epoch."""
    return event("stage", epoch=epoch, value=value)


def score(by: User, study: Study, *sent: dict[str, Any], **more: Any) -> events.Taken:
    """Take a batch, as the page would send it."""
    return events.take(user=by, study=study, sent=list(sent), **more)


def finished(by: User, study: Study, *sent: dict[str, Any]) -> Scoring:
    """Score a night and close it."""
    return score(by, study, *sent, event("close")).scoring
