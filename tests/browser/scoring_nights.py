"""Nights for looking at in the scoring room: simulated recordings, sent and analysed as the product does."""

from __future__ import annotations

import tempfile
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from clinic.accounts.models import User
from ml import runner
from ml.algorithms.sleep.simulate import write_night
from ml.contracts import Outcome
from patients.models import Patient
from predictions import intake
from predictions.models import Study
from tests import studies
from tests.sleep_files import edf_bytes

TWENTY = (
    *("EEG F4-M1", "EEG C4-M1", "EEG O2-M1", "EEG F3-M2", "EEG C3-M2", "EEG O1-M2", "EEG Fz-M1", "EEG Cz-M1"),
    *("EEG Pz-M1", "EOG E1-M2", "EOG E2-M2", "EMG chin", "ECG", "EEG T3-M2", "EEG T4-M1", "EEG P3-M2"),
    *("EEG P4-M1", "EMG tibialis left", "EMG tibialis right", "EEG Fp1-M2"),
)
RATE = 256


_answers: dict[float, Outcome] = {}


def night(by: User, patient: Patient, *, hours: float = 1.0) -> Study:
    """Make an analysed study of a simulated night; nights as long differ in their patient alone."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "night.edf"
        write_night(path, hours=hours, identity=patient.identity)
        content = path.read_bytes()
    analyse = runner.run

    def once(*given: Any, **options: Any) -> Outcome:
        if hours not in _answers:
            _answers[hours] = analyse(*given, **options)
        return _answers[hours]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner, "run", once)
        return sent(by, patient, content)


def twenty_channels(by: User, patient: Patient, *, minutes: int = 40) -> Study:
    """Make a study of twenty channels at 256 Hz, for seeing how fast pages turn."""
    rng = np.random.default_rng(3)
    steps = rng.normal(0, 60, (minutes * 60 * RATE, len(TWENTY)))
    walks = (4000 * np.sin(np.cumsum(steps, axis=0) / 4000)).reshape(minutes * 60, RATE, len(TWENTY))
    return sent(by, patient, edf_bytes(TWENTY, rate=RATE, samples=walks.transpose(0, 2, 1).astype("<i2")))


def sent(by: User, patient: Patient, content: bytes) -> Study:
    """Send a recording and analyse it."""
    study = intake.submit(
        user=by,
        patient=patient,
        algorithm="sleep",
        upload=SimpleUploadedFile("night.edf", content),
        idempotency_key=uuid.uuid4().hex,
    )
    return studies.analysed(study)
