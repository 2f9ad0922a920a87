"""Invented studies of a unit over many days, written as if workers had analysed them long ago."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any

import numpy as np
from django.utils import timezone

from clinic.accounts.models import Unit, User
from patients.models import Encounter, Patient
from predictions import jobs
from predictions.models import JobState, Prediction, Signature, Study
from predictions.monitoring import windows
from predictions.monitoring.days import today
from predictions.monitoring.models import Report
from predictions.states import State

PINNED = {"package_version": "9.9.9", "package_sha256": "9" * 64}
Draw = Callable[[np.random.Generator], dict[str, Any]]


def radiograph(
    rng: np.random.Generator, *, maker: str = "siemens", brighter: float = 0.0, sick: float = 0.4
) -> dict[str, Any]:
    """Return the result of an invented X-ray: children of 1 to 5 years, one device, four in ten sick."""
    odds = rng.normal(1.5 if rng.random() < sick else -1.5, 1.2)
    probability = float(1 / (1 + np.exp(-odds)))
    appearance = {
        "brightness": float(rng.normal(120 + brighter, 12)),
        "contrast": float(rng.normal(55, 6)),
        "black": 0.0,
        "white": 0.01,
        "distance": float(rng.gamma(20, 0.05)),
        "heads": {name: float(rng.normal(-4, 1)) for name in ("not_chest", "inverted", "rotated", "adult")},
    }
    image = {
        "number": 0, "view": "AP", "width": 1200, "height": 1000, "maker": maker, "appearance": appearance,
    }  # fmt: skip
    label = "PNEUMONIA" if probability >= 0.5 else "NORMAL"
    return {"probability": probability, "label": label, "threshold": 0.5, "scored": 0, "images": [image]}


def write(
    by: User,
    patient: Patient,
    unit: Unit,
    draw: Draw,
    *,
    n: int,
    since: int,
    a_day: int = 25,
    algorithm: str = "chest_xray",
    seed: int = 0,
    age: float = 3.0,
    refused: str = "",
    state: State = State.READY,
    encounter: Encounter | None = None,
    package_sha256: str = PINNED["package_sha256"],
    each: int = 1,
) -> list[Prediction]:
    """Write ``n`` answered studies, ``a_day`` on each day from ``since`` days ago on.

    Parameters
    ----------
    patient
        Whose they are where ``each`` is 0; else whom the others are like.
    each
        How many studies in a row are of one and the same patient.
    age
        Mean age of the children, by the header.
    refused
        Code of the reason; such studies have no answer.
    """
    rng = np.random.default_rng(seed)
    people = _people(patient, unit, -(-n // each)) if each else [patient]
    studies, answers = [], []
    for number in range(n):
        at = noon(today() - timedelta(days=since - number // a_day))
        study = Study(
            algorithm=algorithm,
            patient=people[number // each] if each else patient,
            unit=unit,
            submitted_by=by,
            submitted_at=at,
            finished_at=at,
            state=State.REFUSED if refused else state,
            problems=[{"code": refused}] if refused else [],
            encounter=encounter,
            idempotency_key=uuid.uuid4().hex,
            fingerprint="0" * 64,
        )
        studies.append(study)
        years = max(0.5, rng.normal(age, 1.1))
        quality = [{"code": "age", "value": f"{years:.1f}"}, {"code": "bits", "value": "12"}]
        result = draw(rng)
        answers.append(
            Prediction(
                study=study,
                result=result,
                report={},
                quality=quality,
                created_at=at,
                package_version=PINNED["package_version"],
                package_sha256=package_sha256,
            )
        )
    Study.objects.bulk_create(studies)
    return [] if refused else Prediction.objects.bulk_create(answers)


def _people(like: Patient, unit: Unit, n: int) -> list[Patient]:
    """Write ``n`` more people of a unit."""
    fields = {name: getattr(like, name) for name in ("family_name", "given_name", "birth_date", "sex")}
    found = Patient.objects.bulk_create(Patient(record_number=uuid.uuid4().hex, **fields) for _ in range(n))
    of_unit = Patient.units.through
    of_unit.objects.bulk_create(of_unit(patient_id=one.pk, unit_id=unit.pk) for one in found)
    return found


def noon(day: date) -> datetime:
    """Return noon of a day, by the clock of the hospital."""
    return timezone.make_aware(datetime.combine(day, time(12)))


def look(unit: Unit) -> list[Report]:
    """Do every window that is due, one after the other, as the watch and a worker would."""
    done = []
    while row := windows.begin("chest_xray", unit):
        jobs.work("monitoring", row.pk)
        row.refresh_from_db()
        assert row.state == JobState.DONE, row.problems
        done.append(row)
    return done


def sign(answer: Prediction, by: User, verdict: str) -> None:
    """Review and sign an answer five minutes after it."""
    review = answer.reviews.create(author=by, verdict=verdict, created_at=answer.created_at)
    Signature.objects.create(
        study=answer.study,
        version=1,
        prediction=answer,
        review=review,
        signer=by,
        signed_at=answer.created_at + timedelta(minutes=5),
        content_sha256="0" * 64,
    )
