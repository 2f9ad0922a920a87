"""Which windows are due. Every window of a unit follows the one before: windows in a row share no study."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from clinic.accounts.models import Unit
from ml import registry
from predictions import jobs
from predictions.models import JOB_PENDING, JobState
from predictions.monitoring.days import ONE_DAY, Days, counts, studies, today
from predictions.monitoring.models import JOB_LOST, Against, Reference, Report

log = logging.getLogger(__name__)

REFERENCE_PATIENTS = 300
"""How many of the unit's first patients the windows are held against, until a steward chooses others."""
WINDOW_PATIENTS = 100
"""A window ends with the day on which it holds studies of as many."""
LONGEST, LEAST = 28, 30
"""Days after which a window ends with fewer, but never with fewer than thirty patients."""
AGAIN_AFTER = timedelta(hours=20)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the next window is.

    Parameters
    ----------
    since
        Its first day.
    patients
        Of how many it holds a study by now.
    wanted
        How many it takes.
    """

    since: date | None
    patients: int
    wanted: int


def pairs() -> list[tuple[str, Unit]]:
    """Return every algorithm with every unit that ever had a study of it."""
    found = []
    for contract in registry.contracts(clinical=True):
        for unit in Unit.objects.order_by("code"):
            if studies(contract.name, unit).exists():
                found.append((contract.name, unit))
    return found


def duty() -> None:
    """Begin every window that is due; a unit whose last one is still being written waits."""
    for algorithm, unit in pairs():
        begin(algorithm, unit)


def begin(algorithm: str, unit: Unit) -> Report | None:
    """Write the row of the next window of a unit and have a worker do it; ``None`` when none is due."""
    found = daily(algorithm, unit)
    if found.filter(state__in=JOB_PENDING).exists():
        return None
    failed = found.order_by("-last_day").first()
    if failed is not None and failed.state == JobState.FAILED:
        return _again(failed)
    reference = current(algorithm, unit)
    days = due(algorithm, unit) if reference else None
    if days is None:
        return None
    row = Report(
        algorithm=algorithm,
        unit=unit,
        first_day=days.first,
        last_day=days.last,
        against=reference.against,
        reference_first=reference.reference_first,
        reference_last=reference.reference_last,
        queued_at=timezone.now(),
    )
    try:
        with transaction.atomic():
            row.save(force_insert=True)
            jobs.start(row)
    except IntegrityError:
        log.info("window begun by another watch", extra={"algorithm": algorithm, "unit": unit.code})
        return None
    return row


def _again(failed: Report) -> Report | None:
    """Have a window that failed done again, once a day: without it the next would be none in a row."""
    now, afresh = timezone.now(), {"problems": [], "deaths": 0, "sent_at": None}
    with transaction.atomic():
        old = Report.objects.filter(pk=failed.pk, state=JobState.FAILED, finished_at__lt=now - AGAIN_AFTER)
        if not old.update(state=JobState.QUEUED, queued_at=now, **afresh):
            return None
        jobs.start(failed)
    return failed


def current(algorithm: str, unit: Unit) -> Reference | None:
    """Return what windows are held against; the first 300 patients are taken where nobody chose others."""
    chosen = Reference.objects.filter(algorithm=algorithm, unit=unit).first()
    if chosen is not None:
        return chosen
    days = first_studies(algorithm, unit)
    if days is None:
        return None
    return Reference.objects.create(
        algorithm=algorithm,
        unit=unit,
        against=Against.LIVE,
        reference_first=days.first,
        reference_last=days.last,
        chosen_at=timezone.now(),
    )


def first_studies(algorithm: str, unit: Unit) -> Days | None:
    """Return the days of the first 300 patients; ``None`` while there are fewer."""
    by_day = counts(algorithm, unit)
    last = _reached(by_day, REFERENCE_PATIENTS)
    return Days(min(by_day), last) if last else None


def daily(algorithm: str, unit: Unit) -> QuerySet[Report]:
    """Return the windows of every day that count: those a former reference let down are done again."""
    found = Report.objects.filter(algorithm=algorithm, unit=unit, asked_by=None)
    chosen = Reference.objects.filter(algorithm=algorithm, unit=unit).first()
    return found.exclude(state__in=JOB_LOST, queued_at__lt=chosen.chosen_at) if chosen else found


def stopped(algorithm: str, unit: Unit) -> Report | None:
    """Return the last window of every day where that said nothing; ``None`` while all is well."""
    last = daily(algorithm, unit).exclude(state__in=JOB_PENDING).order_by("-last_day").first()
    return last if last is not None and last.state in JOB_LOST else None


def due(algorithm: str, unit: Unit) -> Days | None:
    """Return the days of the next window; ``None`` while it is not full."""
    since = start(algorithm, unit)
    if since is None:
        return None
    last = last_day(since, counts(algorithm, unit, since), yesterday=today() - ONE_DAY)
    return Days(since, last) if last else None


def last_day(since: date, by_day: Mapping[date, int], *, yesterday: date) -> date | None:
    """Return the day with which a window ends; ``None`` while it is not full.

    It is the first day on which there are patients enough, or days and thirty patients enough: whoever looks
    late finds the same windows as who looks every day.

    Parameters
    ----------
    by_day
        How many patients each day adds.
    yesterday
        The last day that is over.
    """
    few = _reached(by_day, LEAST)
    ends = [
        _reached(by_day, WINDOW_PATIENTS),
        max(few, since + timedelta(days=LONGEST - 1)) if few else None,
    ]
    return min((day for day in ends if day and day <= yesterday), default=None)


def start(algorithm: str, unit: Unit) -> date | None:
    """Return the first day of the next window: after the last one, and after the reference."""
    last = daily(algorithm, unit).order_by("-last_day").values_list("last_day", flat=True).first()
    chosen = Reference.objects.filter(algorithm=algorithm, unit=unit).first()
    if chosen is None:
        return None
    ends = [day for day in (last, chosen.reference_last) if day]
    if ends:
        return max(ends) + ONE_DAY
    return min(counts(algorithm, unit), default=None)


def progress(algorithm: str, unit: Unit) -> Progress:
    """Return how far the next window is, or the reference while there is none."""
    since = start(algorithm, unit)
    if since is None:
        return Progress(None, sum(counts(algorithm, unit).values()), REFERENCE_PATIENTS)
    return Progress(since, sum(counts(algorithm, unit, since).values()), WINDOW_PATIENTS)


def _reached(by_day: Mapping[date, int], wanted: int) -> date | None:
    """Return the day on which so many patients are reached."""
    for day, total in _running(by_day):
        if total >= wanted:
            return day
    return None


def _running(by_day: Mapping[date, int]) -> Iterator[tuple[date, int]]:
    total = 0
    for day in sorted(by_day):
        total += by_day[day]
        yield day, total
