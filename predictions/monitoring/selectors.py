"""Reading reports and alerts, for the pages and for /metrics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from django.db.models import F, QuerySet
from django.http import Http404

from clinic.accounts.models import Unit
from predictions.models import JobState
from predictions.monitoring import windows
from predictions.monitoring.days import today
from predictions.monitoring.models import Alert, Reference, Report


class Reading(NamedTuple):
    """One figure of the latest window of every day.

    Parameters
    ----------
    unit
        Code of the unit.
    field
        What it is about: a field, ``"performance"``, ``"calibration"``, ``"alerts"``, ``"studies"`` or
        ``"windows"`` (``age_days`` of the latest one, ``lost``: whether the last one said nothing).
    measure
        ``psi``, ``psi_excess``, ``statistic``, ``p_adjusted``, ``missing_share``, ``roc_auc``, …; of
        calibration ``observed``, ``expected`` and the shift, in ``log_odds`` or as a ``share``.
    """

    algorithm: str
    unit: str
    field: str
    measure: str
    value: float


def latest() -> list[Reading]:
    """Return the figures of the latest window of every algorithm and unit; none before the first.

    Where the last window was refused or failed, the figures of the one before are old and left out: only how
    old they are and what is open is said.
    """
    daily = Report.objects.filter(asked_by=None).order_by()
    units = Unit.objects.in_bulk(daily.values_list("unit", flat=True).distinct())
    found = daily.values_list("algorithm", "unit").distinct().order_by("algorithm", "unit")
    return [one for algorithm, unit in found for one in _standing(algorithm, units[unit])]


def _standing(algorithm: str, unit: Unit) -> Iterator[Reading]:
    of = algorithm, unit.code
    done = windows.daily(algorithm, unit).filter(state=JobState.DONE).order_by("-last_day").first()
    lost = windows.stopped(algorithm, unit) is not None
    if done is None and not lost:
        return
    open_ones = Alert.objects.filter(algorithm=algorithm, unit=unit, closed_at=None)
    yield Reading(*of, "windows", "lost", lost)
    yield Reading(*of, "alerts", "open", open_ones.count())
    yield Reading(*of, "alerts", "new", open_ones.filter(acknowledged_at=None).count())
    if done is not None:
        yield Reading(*of, "windows", "age_days", (today() - done.last_day).days)
        if not lost:
            yield from _figures(of, done.content)


def _figures(of: tuple[str, str], content: Mapping[str, Any]) -> Iterator[Reading]:
    yield Reading(*of, "studies", "n", content["n"])
    for field in content["fields"]:
        for measure in ("psi", "psi_excess", "statistic", "p_adjusted", "missing_share"):
            if field.get(measure) is not None:
                yield Reading(*of, field["name"], measure, field[measure])
    if calibration := content.get("calibration"):
        scale = "share" if calibration["by_study"] else "log_odds"
        yield Reading(*of, "calibration", scale, calibration["shift"]["value"])
    for field, names in (("performance", PERFORMANCE), ("calibration", CALIBRATION)):
        for name in names:
            if (value := _figure((content.get(field) or {}).get(name))) is not None:
                yield Reading(*of, field, name, value)


PERFORMANCE = ("roc_auc", "sensitivity", "specificity", "agreement")
CALIBRATION = ("observed", "expected")


def _figure(held: object) -> float | None:
    return held["value"] if isinstance(held, dict) else held


def reports(algorithm: str, unit: str) -> QuerySet[Report]:
    """Return the reports of one unit, the latest first."""
    return Report.objects.filter(algorithm=algorithm, unit__code=unit).select_related("unit", "asked_by")


def report_or_404(report_id: object) -> Report:
    """Return one report; raises ``Http404`` when there is none."""
    found = Report.objects.filter(pk=report_id).select_related("unit", "asked_by").first()
    if found is None:
        raise Http404
    return found


def alerts(algorithm: str = "", unit: str = "") -> QuerySet[Alert]:
    """Return alerts: those that nobody has looked at, those that are still open, those that closed."""
    found = Alert.objects.select_related("unit", "acknowledged_by", "opened_by", "closed_by")
    if algorithm:
        found = found.filter(algorithm=algorithm, unit__code=unit)
    first = (F(name).asc(nulls_first=True) for name in ("closed_at", "acknowledged_at"))
    return found.order_by(*first, "-opened_at")


def reference(algorithm: str, unit: str) -> Reference | None:
    """Return what the windows of every day are held against; ``None`` while too few studies are there."""
    return Reference.objects.filter(algorithm=algorithm, unit__code=unit).select_related("chosen_by").first()
