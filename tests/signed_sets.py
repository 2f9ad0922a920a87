"""Signed cases of people who agreed, and training sets made of them, for tests."""

from __future__ import annotations

import csv
import io
import zipfile
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from django.utils import timezone

from clinic.accounts.models import Unit, User
from ml.algorithms.haemorrhage.examples import ADMISSIONS, as_of
from patients.models import Patient, Research
from predictions import answers, jobs, outcomes
from predictions.feedback import services as feedback
from predictions.feedback.models import TrainingSet
from predictions.models import JobState, Prediction, Review, Signature, Study
from predictions.states import State
from predictions.storage import storage
from tests import chest_phantom, dicom_builder, factories, outputs, studies

BORN = date(1951, 7, 14)
NAMES = {
    "family_name": "Ladderman",
    "given_name": "Henriette",
    "record_number": "VG-000417",
    "birth_date": BORN,
}
LEAKS = (b"LADDERMAN", b"HENRIETTE", b"VG-000417", b"000417", b"1951-07-14", b"19510714", b"14-JUL-1951")


def agreed(patient: Patient) -> Patient:
    Patient.objects.filter(pk=patient.pk).update(research=Research.AGREED)
    patient.refresh_from_db()
    return patient


def made(algorithm: str, steward: User, admin: User, **options: Any) -> TrainingSet:
    """Ask, approve and write a set as the worker does."""
    asked = feedback.ask(user=steward, algorithm=algorithm, purpose="To retrain", **options)
    found = feedback.approve(user=admin, asked=asked)
    jobs.work("training_set", found.pk)
    found.refresh_from_db()
    return found


def opened(found: TrainingSet) -> dict[str, bytes]:
    """Return the files of a written set."""
    assert found.state == JobState.DONE, found.problems
    with storage.open(found.stored_name) as stream, zipfile.ZipFile(io.BytesIO(stream.read())) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def unpacked(found: TrainingSet, folder: Path) -> Path:
    for name, content in opened(found).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode())))


def birth(by: User, mother: Patient, millilitres: int = 1250, *, signer: User | None = None) -> Study:
    came = timezone.now() - timedelta(hours=2)
    stay = factories.encounter(mother, started_at=came)
    values = answers.stored(as_of(ADMISSIONS["typical"][1], came))
    study = studies.analysed(studies.waiting(by, mother, values=values, encounter=stay))
    Study.objects.filter(pk=study.pk).update(submitted_at=came)
    loss = {"millilitres": millilitres, "method": "weighed", "measured_at": timezone.now()}
    outcomes.keep(user=by, encounter=stay, values=loss)
    if signer is not None:
        studies.signed(study, signer)
    return study


def signed_at_once(by: User) -> None:
    """Sign every study with an answer, many at once."""
    predictions = list(Prediction.objects.select_related("study"))
    reviews = Review.objects.bulk_create(
        Review(prediction=one, author=by, verdict="agree", created_at=timezone.now()) for one in predictions
    )
    Signature.objects.bulk_create(
        Signature(
            study=one.study, version=1, prediction=one, review=given, signer=by, signed_at=timezone.now(),
            content_sha256="5" * 64,
        )
        for one, given in zip(predictions, reviews, strict=True)
    )  # fmt: skip
    Study.objects.update(state=State.SIGNED)


def signed_film(radiology: Unit, charlie: User) -> Study:
    """Return a signed film full of names, of somebody who agreed."""
    film = dicom_builder.dx_from_jpeg(
        chest_phantom.phantom(),
        name="LADDERMAN^HENRIETTE",
        record_number="VG-000417",
        birth_date=BORN,
        sex="F",
    )
    patient = agreed(factories.patient(radiology, **NAMES))
    study = outputs.send(studies.radiograph(charlie, patient), outputs.as_file(film))
    studies.signed(study, charlie)
    return study
