"""Simulated nights of the demo's sleeper: one to send, and one already staged for the scoring room."""

from __future__ import annotations

from pathlib import Path

from django.core.files.base import File

from clinic.accounts.models import User
from ml.algorithms.sleep.simulate import write_night
from patients.models import Patient
from predictions import intake, lease, run
from predictions.models import Study

NIGHT_HOURS = 4.0
TO_SEND, STAGED = "simulated_night.edf", "staged_night.edf"
_SEEDS = {TO_SEND: 0, STAGED: 1}
KEY = "demo-night"


def write(folder: Path, sleeper: Patient, name: str = TO_SEND) -> Path:
    """Return a night of the sleeper, written into ``folder`` when it is missing."""
    path = folder / name
    if not path.exists():
        draft = path.with_suffix(".part")
        write_night(draft, hours=NIGHT_HOURS, seed=_SEEDS[name], identity=sleeper.identity)
        draft.rename(path)
    return path


def send(folder: Path, sleeper: Patient, technician: User) -> None:
    """Send a night once and have it staged here, so that there is one to look at and to score.

    It is analysed here, unless a worker did so before or is at it.
    """
    study = Study.objects.filter(submitted_by=technician, idempotency_key=KEY).first()
    if study is None:
        with write(folder, sleeper, STAGED).open("rb") as stream:
            study = intake.submit(
                user=technician,
                patient=sleeper,
                algorithm="sleep",
                upload=File(stream, STAGED),
                idempotency_key=KEY,
            )
    if claimed := lease.claim(study.pk):
        run.run(claimed)
