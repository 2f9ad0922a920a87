"""Days that no window of every day told anything about, and whether one still will."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from clinic.accounts.models import Unit
from predictions.models import JobState
from predictions.monitoring import windows
from predictions.monitoring.models import JOB_LOST, Report


class Fate(StrEnum):
    """What becomes of days that are not watched."""

    NEXT = "next"
    """Another reference was chosen: the next window holds them."""
    AGAIN = "again"
    """The window failed and is tried again, once a day."""
    REFERENCE = "reference"
    """The window was refused: one holds them once another reference is chosen."""
    NEVER = "never"
    """A later window is done, or the reference is: none will go back to them."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Days that are not watched.

    Parameters
    ----------
    report
        The window that was refused or failed.
    again_at
        When it is tried again; ``None`` when it is not.
    """

    report: Report
    fate: Fate
    again_at: datetime | None = None


def unwatched(algorithm: str, unit: Unit) -> list[Gap]:
    """Return every window of every day that said nothing and that no later one made up for, in order."""
    daily = Report.objects.filter(algorithm=algorithm, unit=unit, asked_by=None)
    lost = daily.filter(state__in=JOB_LOST).order_by("first_day")
    told = list(daily.exclude(state__in=JOB_LOST).values_list("first_day", "last_day"))
    bare = [
        one
        for one in lost
        if not any(first <= one.last_day and last >= one.first_day for first, last in told)
    ]
    if not bare:
        return []
    last, since = windows.stopped(algorithm, unit), windows.start(algorithm, unit)
    return [_gap(one, at_stop=last is not None and one.pk == last.pk, taken_up=since) for one in bare]


def _gap(lost: Report, *, at_stop: bool, taken_up: object) -> Gap:
    if at_stop and lost.state == JobState.FAILED:
        return Gap(lost, Fate.AGAIN, lost.finished_at + windows.AGAIN_AFTER)
    if taken_up is not None and taken_up <= lost.first_day:
        return Gap(lost, Fate.NEXT)
    return Gap(lost, Fate.REFERENCE if at_stop else Fate.NEVER)
