"""Counting what ended since the last time: each event once, however many watches there are.

Events are found by their time, looked back over :data:`LATE` because a row may be committed after one that
is younger. What was counted within that time is remembered by its key.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from clinic.audit.models import Action, Event
from predictions.metrics.definitions import (
    ANSWERED,
    ENDED,
    EPOCHS,
    FAILED,
    FAILURES,
    REFUSALS,
    REFUSED,
    SCORES,
    STAGES,
)
from predictions.metrics.known import AT_INTAKE, BY_ANALYSIS
from predictions.metrics.models import Counted, Mark
from predictions.metrics.tallies import Tallies
from predictions.models import Prediction, Study
from predictions.states import State

LATE = timedelta(minutes=10)
# Counted in one go, so that the first look at an old installation takes little longer than any other.
MOST = 1000
READ_TOGETHER = 50
BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
WITHOUT_ANSWER = {State.REFUSED: REFUSED, State.FAILED: FAILED}
# Where the answer of an algorithm lies between 0 and 1.
SCORED = {"haemorrhage": "risk", "chest_xray": "probability"}
STAGED = "sleep"
TIMED = ("load", "predict", "explain")

Key = tuple[str, datetime]


@dataclass(frozen=True, slots=True)
class Source:
    """Something that ends and is counted.

    Parameters
    ----------
    keys
        ``function(since, most)``: key and time of what ended since, oldest first.
    tally
        ``function(keys, tallies)``: adds what ended under those keys.
    """

    name: str
    keys: Callable[[datetime, int], list[Key]]
    tally: Callable[[list[str], Tallies], None]


def count() -> None:
    """Count what ended since the last time, :data:`MOST` events of each source at most."""
    for source in SOURCES:
        mark = Mark.objects.filter(source=source.name).first()
        stale = mark is None or mark.until < timezone.now() - LATE
        if stale or _fresh(source, mark.until):
            _count(source)


def _count(source: Source) -> None:
    with transaction.atomic():
        # One counts at a time: another process waits here, and then finds nothing fresh.
        Mark.objects.get_or_create(source=source.name, defaults={"until": BEGINNING})
        mark = Mark.objects.select_for_update().get(source=source.name)
        looked_at = timezone.now()
        fresh = _fresh(source, mark.until)
        tallies = Tallies()
        source.tally([key for key, _ in fresh], tallies)
        tallies.write()
        Counted.objects.bulk_create(Counted(source=source.name, key=_kept(key), at=at) for key, at in fresh)
        # A clock that was ahead must not hide what ends until it is that late again.
        reached = looked_at if len(fresh) < MOST else min(fresh[-1][1], looked_at)
        mark.until = max(mark.until, reached)
        mark.save(update_fields=["until"])
        Counted.objects.filter(source=source.name, at__lt=mark.until - LATE).delete()


def _fresh(source: Source, until: datetime) -> list[Key]:
    """Return what has not been counted yet, oldest first, :data:`MOST` at most."""
    since = until - LATE
    counted = set(Counted.objects.filter(source=source.name, at__gte=since).values_list("key", "at"))
    found = source.keys(since, MOST + len(counted))
    return [(key, at) for key, at in found if (_kept(key), at) not in counted][:MOST]


def _kept(key: str) -> str:
    """Return a key as it is remembered: an erased study leaves no number behind here."""
    return hashlib.blake2b(key.encode(), digest_size=16).hexdigest()


def _ended_studies(since: datetime, most: int) -> list[Key]:
    ended = Study.objects.filter(finished_at__gte=since).order_by("finished_at")
    return [(str(key), at) for key, at in ended.values_list("pk", "finished_at")[:most]]


def _tally_studies(keys: list[str], tallies: Tallies) -> None:
    fields = ("algorithm", "state", "problems", "submitted_at", "started_at", "finished_at")
    rows = Study.objects.filter(pk__in=keys).only(*fields)
    for study in rows.iterator(READ_TOGETHER):
        outcome = WITHOUT_ANSWER.get(State(study.state), ANSWERED)
        tallies.add(ENDED, study.algorithm, outcome)
        codes = Counter(problem["code"] for problem in study.problems)
        if study.state == State.REFUSED:
            _add_refusals(tallies, study.algorithm, BY_ANALYSIS, codes)
        elif study.state == State.FAILED:
            for code, number in codes.items():
                tallies.add(FAILURES, study.algorithm, code, count=number)
    _tally_answers(keys, tallies)


def _tally_answers(keys: list[str], tallies: Tallies) -> None:
    """Count the latest answer of each study that has one."""
    answers = Prediction.objects.filter(study__in=keys, study__state__in=(State.READY, State.SIGNED))
    latest: set[Any] = set()
    rows = answers.order_by("study", "-created_at").select_related("study")
    for answer in rows.only(
        "package_version", "result", "timings_ms",
        "study__algorithm", "study__submitted_at", "study__started_at", "study__finished_at",
    ).iterator(READ_TOGETHER):  # fmt: skip
        if answer.study_id in latest:
            continue
        latest.add(answer.study_id)
        _tally_times(answer, tallies)
        _tally_result(answer, tallies)


def _tally_times(answer: Prediction, tallies: Tallies) -> None:
    study = answer.study
    seconds = {name: answer.timings_ms[name] / 1000 for name in TIMED if name in answer.timings_ms}
    seconds["total"] = (study.finished_at - study.submitted_at).total_seconds()
    if study.started_at:
        seconds["queue"] = (study.started_at - study.submitted_at).total_seconds()
    for stage, value in seconds.items():
        tallies.observe(STAGES, study.algorithm, stage, value=max(value, 0.0))


def _tally_result(answer: Prediction, tallies: Tallies) -> None:
    algorithm, version = answer.study.algorithm, answer.package_version
    # An answer of an older version may lack what today's has: it is not counted, and stops nothing.
    score = answer.result.get(SCORED.get(algorithm, ""))
    if isinstance(score, int | float):
        tallies.observe(SCORES, algorithm, version, value=score)
    elif algorithm == STAGED:
        for stage, epochs in Counter(answer.result.get("stages", ())).items():
            tallies.add(EPOCHS, version, stage, count=epochs)


def _refused_inputs(since: datetime, most: int) -> list[Key]:
    """Return the refusals at intake, of which the audit alone knows: no study was made of them."""
    refused = Event.objects.filter(action=Action.REFUSE_INPUT, kind="study", study=None, at__gte=since)
    return [(str(key), at) for key, at in refused.order_by("at").values_list("pk", "at")[:most]]


def _tally_inputs(keys: list[str], tallies: Tallies) -> None:
    said = Event.objects.filter(pk__in=keys, payload__isnull=False).values_list("payload__content", flat=True)
    for content in said:
        detail = json.loads(content)
        _add_refusals(tallies, detail["algorithm"], AT_INTAKE, detail["codes"])


def _add_refusals(tallies: Tallies, algorithm: str, where: str, codes: Iterable[str]) -> None:
    for code, number in Counter(codes).items():
        tallies.add(REFUSALS, algorithm, where, code, count=number)


SOURCES = (
    Source("studies", _ended_studies, _tally_studies),
    Source("inputs", _refused_inputs, _tally_inputs),
)
