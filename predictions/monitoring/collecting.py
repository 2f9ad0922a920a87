"""Reading the studies of some days as the statistics take them; in a worker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

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

    row: Row
    score: Score | None
    version: str = ""
    sha256: str = ""


def group(algorithm: str, unit: Unit, days: Days, *, sha256: str = "") -> tuple[Group, int]:
    """Return the studies of some days, and how many another version answered.

    Parameters
    ----------
    sha256
        The version whose answers are compared; the one that answered most when empty.
    """
    seen = list(_seen(algorithm, unit, days))
    versions = Counter((one.sha256, one.version) for one in seen if one.sha256)
    most = max(versions, key=lambda pinned: (versions[pinned], pinned), default=("", ""))
    pinned = next((one for one in versions if one[0] == sha256), most) if sha256 else most
    answered = [one for one in seen if one.sha256 == pinned[0]]
    things = registry.door(algorithm, "summary").WATCHED
    found = Group(
        n=len(seen),
        inputs=samples(things, [one.row for one in seen], output=False),
        outputs=samples(things, [one.row for one in answered if pinned[0]], output=True),
        scores=[one.score for one in answered if one.score],
        version=pinned[1],
        sha256=pinned[0],
    )
    return found, sum(versions.values()) - versions[pinned]


def _seen(algorithm: str, unit: Unit, days: Days) -> Iterator[Seen]:
    found = studies(algorithm, unit).filter(within(days))
    yield from _answered(algorithm, found)
    door = registry.door(algorithm, "summary")
    refused = found.filter(state=State.REFUSED).values_list("values", "answer", "problems")
    for values, answer, problems in refused.iterator(chunk_size=CHUNK):
        codes = tuple(problem["code"] for problem in problems) or ("refused",)
        yield Seen(door.row(watched.Study(values=values, result=answer or {}, refused=codes)), None)


def _answered(algorithm: str, found: QuerySet[Study]) -> Iterator[Seen]:
    """Yield the studies by their latest answer; a night that says it is simulated is nobody's."""
    door = registry.door(algorithm, "summary")
    answers = Prediction.objects.filter(study__in=found).exclude(study__state=State.REFUSED)
    wanted = answers.order_by("study_id", "-created_at").values_list(
        "study_id", "study__values", "result", "quality", "package_version", "package_sha256"
    )
    last = None
    for study, values, result, quality, version, sha256 in wanted.iterator(chunk_size=CHUNK):
        if study != last and not result.get("simulated"):
            asked = watched.Study(values=values, result=result, quality=quality)
            yield Seen(door.row(asked), door.score(asked), version, sha256)
        last = study
