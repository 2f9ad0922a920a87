"""A house with a study in every state and one of every kind, for looking at pages."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.core.files.base import ContentFile
from django.utils import timezone
from PIL import Image

from clinic.accounts.models import Unit, User
from clinic.accounts.roles import Role
from ml.algorithms.haemorrhage.examples import EXAMPLES, as_of
from ml.algorithms.sleep.statistics import statistics
from ml.contracts import Problem, Text
from patients.models import Patient
from predictions import outcomes
from predictions.answers import stored
from predictions.models import Explanation, Prediction, StoredArtefact, Study
from predictions.states import State
from predictions.storage import receive, storage
from tests import factories, studies
from tests.chest_phantom import phantom

LONG_NAME = "Lantern-Ladder-Featherstonehaugh-Wolkenkratzerfenster"


@dataclass(frozen=True)
class House:
    """Who and what the pages are about."""

    url: str
    staff: dict[str, User]
    claire: Patient
    studies: dict[str, Study]


def build(url: str) -> House:
    """Return a house with a study in every state and one of every kind."""
    units = [factories.unit(code) for code in ("maternity", "radiology", "sleep")]
    staff = {
        "physician": factories.staff("bob", Role.PHYSICIAN, *units),
        "radiologist": factories.staff("charlie", Role.RADIOLOGIST, units[1]),
        "admin": factories.staff("admin", Role.ADMIN),
        "steward": factories.staff("steward", Role.STEWARD),
    }
    claire = factories.patient(*units, invented=True)
    factories.encounter(claire)
    long = factories.patient(units[0], family_name=LONG_NAME, given_name="Maximiliana Bartholomea Anastasia")
    bob = staff["physician"]
    made = {
        "waiting": studies.waiting(bob, claire, unit=units[0]),
        "haemorrhage": _assessed_again(bob, long, units[0]),
        "birth_over": _over(bob, factories.patient(units[0], given_name="Odile"), units[0]),
        "refused": _stopped(bob, claire, State.REFUSED),
        "failed": _stopped(bob, claire, State.FAILED),
        "sleep": _night(bob, claire),
        "chest_xray": _xray(staff["radiologist"], claire),
    }
    return House(url, staff, claire, made)


def _assessed(by: User, patient: Patient, **fields: Any) -> Study:
    answers = as_of(EXAMPLES[0], timezone.now()) | fields.pop("changes", {})
    return studies.analysed(studies.waiting(by, patient, values=stored(answers), **fields))


def _assessed_again(by: User, patient: Patient, unit: Unit) -> Study:
    """Return the second assessment of a birth, whose first one came from another version of the model."""
    stay = factories.encounter(patient, unit=unit)
    first = _assessed(by, patient, encounter=stay, unit=unit)
    Study.objects.filter(pk=first.pk).update(submitted_at=timezone.now() - timedelta(hours=3))
    anaemic = {"haemoglobin": 9.4, "onset": "induced"}
    return _assessed(by, patient, encounter=stay, unit=unit, changes=anaemic)


def _over(by: User, patient: Patient, unit: Unit) -> Study:
    """Return the assessment of a birth whose blood loss was recorded and corrected."""
    stay = factories.encounter(patient, unit=unit)
    study = _assessed(by, patient, encounter=stay, unit=unit)
    measured = {"millilitres": 1260, "method": "weighed", "measured_at": timezone.now()}
    outcomes.keep(user=by, encounter=stay, values=measured)
    outcomes.keep(user=by, encounter=stay, values=measured | {"millilitres": 620}, reason="typing error")
    return study


def _stopped(by: User, patient: Patient, state: State) -> Study:
    study = studies.waiting(by, patient, unit=factories.unit("radiology"), algorithm="chest_xray")
    problem = Problem(
        "adult",
        Text(
            "The X-ray is of an adult; the model is for children.", "La radiographie est celle d’un adulte."
        ),
    )
    Study.objects.filter(pk=study.pk).update(
        state=state, problems=[problem.as_json()], finished_at=timezone.now()
    )
    study.refresh_from_db()
    return study


def _answered(study: Study, result: dict[str, Any], explanation: dict[str, Any]) -> Study:
    Study.objects.filter(pk=study.pk).update(state=State.READY, finished_at=timezone.now())
    pins = {"package_version": "1.0.0", "package_sha256": "ab" * 32}
    report = {"headline": studies.HEADLINE, "sections": [], "limits": []}
    prediction = Prediction.objects.create(
        study=study, result=result, report=report, created_at=timezone.now(), **pins
    )
    sentence = {"en": "This spoke most for it.", "fr": "Ceci a le plus parlé pour cela."}
    Explanation.objects.create(
        prediction=prediction, status="ok", method="test", sentence=sentence, data=explanation, **pins
    )
    study.refresh_from_db()
    return study


def keep_artefact(prediction: Prediction, name: str, media_type: str, content: bytes) -> None:
    """Keep a file of a result as the analyser would."""
    received = receive(ContentFile(content), limit=10**8)
    digest = received.sha256
    StoredArtefact.objects.create(
        prediction=prediction,
        name=name,
        media_type=media_type,
        stored_name=storage.adopt(received, "artefacts"),
        size=len(content),
        sha256=digest,
    )


def _night(by: User, patient: Patient) -> Study:
    order = ("W", "N1", "N2", "N3", "R")
    stages = (["W"] * 20 + ["N1"] * 5 + ["N2"] * 60 + ["N3"] * 40 + ["R"] * 25) * 6
    channels = {"eeg_frontal_central": "C4-M1", "eeg_posterior": "O2-M1", "eog": None, "emg_chin": "chin"}
    result = {
        "stages": stages,
        "probabilities": [[0.72 if stage == own else 0.07 for stage in order] for own in stages],
        "epoch_seconds": 30,
        "channels": channels,
        "statistics": statistics(stages),
        "uncertain": list(range(20, 300, 5)),
        "start": "2026-11-20T22:41:30",
        "simulated": True,
    }
    study = studies.waiting(by, patient, algorithm="sleep", unit=factories.unit("sleep"))
    study = _answered(study, result, {})
    slots = list(channels)[:3]
    contributions = {
        "slots": slots,
        "bands": ["delta", "theta", "alpha", "sigma", "beta"],
        "contributions": [[0.8, -0.4, 0.2, 0.1, 0.0] * 3] * len(stages),
        "neighbours": [0.4] * len(stages),
    }
    envelope = {"slot": slots[0], "label": "C4-M1", "unit": "µV", "min": [-40.0] * 400, "max": [35.0] * 400}
    signal = {"seconds": 30 * len(stages), "channels": [envelope]}
    keep_artefact(
        study.prediction, "contributions.json", "application/json", json.dumps(contributions).encode()
    )
    keep_artefact(study.prediction, "signal.json", "application/json", json.dumps(signal).encode())
    return study


def _xray(by: User, patient: Patient) -> Study:
    picture = io.BytesIO()
    Image.fromarray(phantom()).save(picture, "PNG")
    result = {
        "probability": 0.873,
        "label": "PNEUMONIA",
        "threshold": 0.61,
        "gate": {"accepted": True, "reasons": []},
        "preview": {"width": 1024, "height": 1024},
    }
    zones = [
        {"row": row, "side": side, "added": 0.3, "share": 0.2}
        for row in ("upper", "middle", "lower")
        for side in ("left", "right")
    ]
    study = studies.waiting(by, patient, algorithm="chest_xray", unit=factories.unit("radiology"))
    colours = ["#102030", "#8090a0", "#f0e0d0"]
    study = _answered(study, result, {"zones": zones, "ceiling": 1.2, "ramp": colours})
    keep_artefact(study.prediction, "preview.png", "image/png", picture.getvalue())
    keep_artefact(study.prediction, "heatmap.png", "image/png", picture.getvalue())
    return study
