"""Reading the studies of some days as the statistics take them; in a worker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from clinic.accounts.models import Unit
from ml import registry
from ml.monitoring import watched
from ml.monitoring.assembling import Group, samples
from ml.monitoring.watched import Row, Score
from predictions.models import Prediction, Study
from predictions.monitoring.days import Days, studies, within
from predictions.states import State

CHUNK = 50
"""Answers held in memory at a time: that of a night is large."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One study, its watched values and which package answered."""

    patient: UUID
    at: datetime
    row: Row
    score: Score | None
    version: str = ""
    sha256: str = ""


def group(algorithm: str, unit: Unit, days: Days, *, sha256: str = "") -> tuple[Group, int]:
    """Return the studies of some days, the first of each patient, and how many another version answered.

    What is sent is that of the first study; what is answered is that of the first one that this version
    answered.

    Parameters
    ----------
    sha256
        The version whose answers are compared; the one that answered most when empty.
    """
    seen = sorted(_seen(algorithm, unit, days), key=lambda one: one.at)
    versions = Counter((one.sha256, one.version) for one in seen if one.sha256)
    most = max(versions, key=lambda pinned: (versions[pinned], pinned), default=("", ""))
    pinned = next((one for one in versions if one[0] == sha256), most) if sha256 else most
    sent = _first_of_each(seen)
    answered = _first_of_each([one for one in seen if pinned[0] and one.sha256 == pinned[0]])
    things = registry.door(algorithm, "summary").WATCHED
    found = Group(
        n=len(sent),
        studies=len(seen),
        inputs=samples(things, [one.row for one in sent], output=False),
        outputs=samples(things, [one.row for one in answered], output=True),
        scores=[one.score for one in answered if one.score],
        version=pinned[1],
        sha256=pinned[0],
    )
    return found, sum(one.sha256 not in ("", pinned[0]) for one in sent)


def _first_of_each(seen: list[Seen]) -> list[Seen]:
    return watched.firsts((one.patient, one) for one in seen)


def _seen(algorithm: str, unit: Unit, days: Days) -> Iterator[Seen]:
    found = studies(algorithm, unit).filter(within(days))
    yield from _answered(algorithm, found)
    door = registry.door(algorithm, "summary")
    refused = found.filter(state=State.REFUSED)
    wanted = refused.values_list("patient_id", "finished_at", "values", "answer", "problems")
    for patient, at, values, answer, problems in wanted.iterator(chunk_size=CHUNK):
        codes = tuple(problem["code"] for problem in problems) or ("refused",)
        row = door.row(watched.Study(values=values, result=answer or {}, refused=codes))
        yield Seen(patient, at, row, None)


def _answered(algorithm: str, found: QuerySet[Study]) -> Iterator[Seen]:
    """Yield the studies by their latest answer; a night that says it is simulated is nobody's."""
    door = registry.door(algorithm, "summary")
    answers = Prediction.objects.filter(study__in=found).exclude(study__state=State.REFUSED)
    wanted = answers.order_by("study_id", "-created_at").values_list(
        "study_id",
        "study__patient_id",
        "study__finished_at",
        "study__values",
        "result",
        "quality",
        "package_version",
        "package_sha256",
    )
    last = None
    for study, patient, at, values, result, quality, version, sha256 in wanted.iterator(chunk_size=CHUNK):
        if study != last and not result.get("simulated"):
            asked = watched.Study(values=values, result=result, quality=quality)
            yield Seen(patient, at, door.row(asked), door.score(asked), version, sha256)
        last = study
