"""Reading reports and alerts, for the pages and for /metrics."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from django.db.models import QuerySet
from django.http import Http404

from predictions.models import JobState
from predictions.monitoring.models import Alert, Reference, Report


class Reading(NamedTuple):
    """One figure of the latest window of every day.

    Parameters
    ----------
    unit
        Code of the unit.
    field
        What it is about: a field, ``"performance"``, ``"calibration"``, ``"alerts"`` or ``"studies"``.
    measure
        ``psi``, ``psi_excess``, ``statistic``, ``p_adjusted``, ``missing_share``, ``expected_auc``, …
    """

    algorithm: str
    unit: str
    field: str
    measure: str
    value: float


def latest() -> list[Reading]:
    """Return the figures of the latest window of every algorithm and unit; none before the first."""
    done = Report.objects.filter(asked_by=None, state=JobState.DONE).exclude(content=None)
    # The latest of each first: what every day since the beginning said is not read at every scrape.
    seen = {
        (algorithm, unit): pk
        for algorithm, unit, pk in done.order_by("last_day").values_list("algorithm", "unit", "pk")
    }
    latest_ones = Report.objects.filter(pk__in=seen.values()).select_related("unit")
    return [reading for report in latest_ones.order_by("last_day") for reading in _readings(report)]


def _readings(report: Report) -> Iterator[Reading]:
    of = report.algorithm, report.unit.code
    content = report.content
    yield Reading(*of, "studies", "n", content["n"])
    yield Reading(*of, "alerts", "open", sum(state["open"] for state in report.states.values()))
    for field in content["fields"]:
        for measure in ("psi", "psi_excess", "statistic", "p_adjusted", "missing_share"):
            if field.get(measure) is not None:
                yield Reading(*of, field["name"], measure, field[measure])
    for field, names in (("performance", PERFORMANCE), ("calibration", CALIBRATION)):
        for name in names:
            if (value := _figure((content.get(field) or {}).get(name))) is not None:
                yield Reading(*of, field, name, value)


PERFORMANCE = ("roc_auc", "sensitivity", "specificity", "agreement")
CALIBRATION = ("observed", "expected", "shift")


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
    """Return alerts, those still open first."""
    found = Alert.objects.select_related("unit", "acknowledged_by", "opened_by", "closed_by")
    if algorithm:
        found = found.filter(algorithm=algorithm, unit__code=unit)
    return found.order_by("closed_at", "-opened_at")


def reference(algorithm: str, unit: str) -> Reference | None:
    """Return what the windows of every day are held against; ``None`` while too few studies are there."""
    return Reference.objects.filter(algorithm=algorithm, unit__code=unit).select_related("chosen_by").first()
