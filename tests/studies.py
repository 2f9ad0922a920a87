"""Studies for tests: waiting, claimed, answered, signed."""

from __future__ import annotations

import uuid
from typing import Any

from django.core.files.base import ContentFile
from django.utils import timezone

from clinic.accounts.models import User
from ml import package
from patients.models import Patient
from predictions import lease, run
from predictions.models import Document, Explanation, Prediction, Study
from predictions.states import State
from predictions.storage import receive, storage

HEADLINE = {"en": "4 in 100", "fr": "4 sur 100"}


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
