"""X-ray examinations for looking at: real files through the analyser's own reading, maps drawn by hand.

Every patient is invented. The images are drawings that the gate would refuse, so they are read past it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from django.utils import timezone
from pydicom.dataset import Dataset

from clinic.accounts.models import User
from ml import runner
from ml.algorithms.chest_xray import heatmap
from ml.contracts import Source, Text
from patients.models import Patient
from predictions import first_read
from predictions.models import Confidence, Explanation, Impression, Prediction, Study
from predictions.states import State
from tests import factories, studies
from tests.browser.house import keep_artefact
from tests.dicom_builder import write

SENTENCE = Text("The lower zone raised the score most.", "La zone inférieure a le plus élevé le score.")
CAVEAT = Text("A map shows where, not why.", "Une carte montre où, pas pourquoi.")
REFUSED = {
    "code": "not_frontal",
    "message": {"en": "This is a lateral view.", "fr": "C’est un cliché de profil."},
}


def xray(
    by: User,
    patient: Patient,
    files: Sequence[Dataset],
    *,
    days_ago: int = 0,
    unscored: Sequence[int] = (),
    read: bool = True,
) -> Study:
    """Make an analysed examination of several files.

    Parameters
    ----------
    days_ago
        When it was sent.
    unscored
        Numbers of images that the gate is to have refused.
    read
        Whether ``by`` has committed a first impression.
    """
    outcome = _analysed(files)
    result = outcome.result
    for number in unscored:
        image = result["images"][number]
        image.pop("probability"), image.pop("label")
        image |= {"accepted": False, "reasons": [REFUSED]}
    scored = [image["number"] for image in result["images"] if image["number"] not in unscored]
    result["scored"] = scored[0]
    study = studies.waiting(by, patient, algorithm="chest_xray", unit=factories.unit("radiology"))
    sent = timezone.now() - timedelta(days=days_ago)
    Study.objects.filter(pk=study.pk).update(state=State.READY, submitted_at=sent, finished_at=sent)
    pins = {"package_version": "1.2.0", "package_sha256": "ab" * 32}
    report = {
        "headline": {"en": "Suggests pneumonia", "fr": "En faveur d’une pneumonie"},
        "sections": [],
        "limits": [],
    }
    prediction = Prediction.objects.create(study=study, result=result, report=report, created_at=sent, **pins)
    for artefact in outcome.artefacts:
        keep_artefact(prediction, artefact.name, artefact.media_type, artefact.content)
    _explained(prediction, scored, pins)
    study.refresh_from_db()
    if read:
        first_read.commit(
            user=by, study=study, impression=Impression.values[0], confidence=Confidence.values[0]
        )
    return study


def _analysed(files: Sequence[Dataset]) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        paths = [write(dataset, Path(folder) / f"{at}.dcm") for at, dataset in enumerate(files)]
        source = Source(path=paths[0], further=tuple(paths[1:]), options={"no_gate": True})
        return runner.run("chest_xray", source, explain=False)


def evidence(*, left: bool) -> np.ndarray:
    """Return a map, (112, 112), with all its evidence in one lower corner of the image."""
    found = np.zeros((112, 112))
    found[70:100, 10:40] = 1.0
    return found if left else found[:, ::-1]


def _explained(prediction: Prediction, scored: Sequence[int], pins: dict[str, str]) -> None:
    labels = {"evidence": Text("Evidence", "Indices"), "shap": Text("Regions (SHAP)", "Régions (SHAP)")}
    maps = []
    for number in scored:
        for method, label in labels.items():
            name = f"map_{method}_{number}.png"
            keep_artefact(
                prediction, name, "image/png", heatmap.draw(evidence(left=method == "evidence"), 1.0)
            )
            entry = {"image": number, "method": method, "label": label.as_json(), "name": name}
            maps.append(entry | {"ceiling": 1.0, "unit": "log odds"})
    zones = [
        {"row": row, "side": side, "added": 0.3, "share": 0.2}
        for row in ("upper", "middle", "lower")
        for side in ("left", "right")
    ]
    colours = ["#" + "".join(f"{level:02x}" for level in colour) for colour in heatmap.ramp()]
    data = {"maps": maps, "ramp": colours, "zones": zones, "caveat": CAVEAT.as_json()}
    Explanation.objects.create(
        prediction=prediction, status="ok", method="test", sentence=SENTENCE.as_json(), data=data, **pins
    )
