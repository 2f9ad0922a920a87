"""Studies for tests: waiting, claimed, answered, signed."""

from __future__ import annotations

import uuid
from typing import Any

from django.core.files.base import ContentFile
from django.utils import timezone

from clinic.accounts.models import User
from ml import package
from patients.models import Patient
from predictions import first_read, lease, reading, review, run
from predictions.models import Document, Explanation, Prediction, Signature, StoredArtefact, Study
from predictions.states import State
from predictions.storage import receive, storage

HEADLINE = {"en": "4 in 100", "fr": "4 sur 100"}
THRESHOLD = 0.5
HEADLINE_OF = {
    "PNEUMONIA": {"en": "The walrus says yes", "fr": "Le morse dit oui"},
    "NORMAL": {"en": "The walrus says no", "fr": "Le morse dit non"},
}
SENTENCE = {"en": "The zebra zone counts most.", "fr": "La zone du zèbre compte le plus."}
SECTION = {
    "title": {"en": "Score", "fr": "Score"},
    "rows": [],
    "paragraphs": [{"en": "The heron counts for one.", "fr": "Le héron compte pour un."}],
}
ARTEFACTS = {"preview_0.png": b"the picture", "map_evidence_0.png": b"the marmot map"}


def waiting(by: User, patient: Patient, *, algorithm: str = "haemorrhage", **fields: Any) -> Study:
    """Make a study that waits in its queue, without any message."""
    fields.setdefault("unit", patient.units.first())
    return Study.objects.create(
        algorithm=algorithm,
        patient=patient,
        submitted_by=by,
        submitted_at=timezone.now(),
        idempotency_key=uuid.uuid4().hex,
        fingerprint="0" * 64,
        **fields,
    )


def analysed(study: Study) -> Study:
    """Claim and analyse it in this process, as a worker would."""
    claimed = lease.claim(study.pk)
    assert claimed is not None
    run.run(claimed)
    study.refresh_from_db()
    return study


def ready(by: User, patient: Patient, **fields: Any) -> Study:
    """Make a study with an answer that waits for a reader."""
    study = waiting(by, patient, **fields)
    Study.objects.filter(pk=study.pk).update(state=State.READY, finished_at=timezone.now())
    pinned = package.load("haemorrhage")
    pins = {"package_version": pinned.version, "package_sha256": pinned.sha256}
    prediction = Prediction.objects.create(
        study=study,
        result={"risk": 0.04},
        report={"headline": HEADLINE, "sections": [], "limits": []},
        created_at=timezone.now(),
        **pins,
    )
    Explanation.objects.create(prediction=prediction, status="absent", **pins)
    study.refresh_from_db()
    return study


def written(study: Study, content: bytes, *, kind: str = "pdf") -> Document:
    """Make a draft document of a study, as if a worker had written ``content``."""
    received = receive(ContentFile(content), limit=len(content))
    return Document.objects.create(
        study=study,
        prediction=study.prediction,
        kind=kind,
        language="fr",
        state="ready",
        media_type="application/pdf",
        size=received.size,
        sha256=received.sha256,
        stored_name=storage.adopt(received, "documents"),
        created_by=study.submitted_by,
        created_at=timezone.now(),
    )


def radiograph(
    by: User, patient: Patient, *, probability: float = 0.81, taken_at: str = "", **fields: Any
) -> Study:
    """Make an analysed X-ray with its pictures and maps, without any network."""
    label = "PNEUMONIA" if probability >= THRESHOLD else "NORMAL"
    image = {
        "number": 0, "role": "frontal", "view": "AP", "recognised_by": "header", "accepted": True,
        "reasons": [], "probability": probability, "label": label, "width": 640, "height": 520,
        "preview": "preview_0.png", "preview_size": {"width": 320, "height": 260}, "pixels": None,
        "spacing": None, "taken_at": taken_at,
    }  # fmt: skip
    figures = {"probability": probability, "label": label, "threshold": THRESHOLD, "prevalence": 0.5}
    gate = {"gate": {"accepted": True, "reasons": []}, "model_view": {"width": 224, "height": 224}}
    fields.setdefault("unit", patient.units.get(code="radiology"))
    study = waiting(by, patient, algorithm="chest_xray", **fields)
    Study.objects.filter(pk=study.pk).update(state=State.READY, finished_at=timezone.now())
    pins = {"package_version": "0.0.1", "package_sha256": "5" * 64}
    prediction = Prediction.objects.create(
        study=study,
        result=figures | gate | {"scored": 0, "images": [image]},
        report={"headline": HEADLINE_OF[label], "sections": [SECTION], "limits": []},
        created_at=timezone.now(),
        **pins,
    )
    Explanation.objects.create(
        prediction=prediction, status="ok", method="test", sentence=SENTENCE, data=_drawn(), **pins
    )
    for name, content in ARTEFACTS.items():
        _kept(prediction, name, content)
    study.refresh_from_db()
    return study


def signed(study: Study, by: User, *, verdict: str = "agree", **review_fields: str) -> Signature:
    """Sign a study, after the first read and with the report that its contract asks for."""
    if first_read.needed(by, study):
        first_read.commit(user=by, study=study, impression="pneumonia", confidence="sure")
    if study.contract.reading:
        written = {field.name: "Seen." for field in study.contract.reading if field.required}
        reading.save(user=by, study=study, values=written, language="en")
    review.give(user=by, study=study, verdict=verdict, **review_fields)
    return review.sign(user=by, study=study)


def _drawn() -> dict[str, Any]:
    shown = {
        "image": 0, "method": "evidence", "label": {"en": "Evidence", "fr": "Arguments"},
        "name": "map_evidence_0.png", "ceiling": 1.0, "unit": "log odds", "zones": [], "sentence": SENTENCE,
    }  # fmt: skip
    ramp = ["#102030", "#8090a0", "#f0e0d0"]
    return {"maps": [shown], "zones": [], "ramp": ramp, "caveat": SENTENCE}


def _kept(prediction: Prediction, name: str, content: bytes) -> None:
    received = receive(ContentFile(content), limit=len(content))
    StoredArtefact.objects.create(
        prediction=prediction,
        name=name,
        media_type="image/png",
        stored_name=storage.adopt(received, "artefacts"),
        size=received.size,
        sha256=received.sha256,
    )
