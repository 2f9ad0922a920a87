"""What the watch over drift found last, each figure under a name that says its unit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from prometheus_client.core import GaugeMetricFamily, Metric

from predictions.monitoring import selectors as monitoring
from predictions.monitoring.selectors import Reading

DAY_SECONDS = 86_400
UNIT = ("algorithm", "unit")


@dataclass(frozen=True, slots=True)
class Shown:
    """One metric of the watch.

    Parameters
    ----------
    label
        Name of the label beside algorithm and unit; empty where there is none.
    values
        ``function(reading)``: value of that label where the reading belongs to this metric, else ``None``.
    factor
        By which a reading is multiplied for the unit of the name.
    """

    name: str
    help: str
    values: Callable[[Reading], str | None]
    label: str = ""
    factor: float = 1


def _field(measure: str) -> Callable[[Reading], str | None]:
    return lambda reading: reading.field if reading.measure == measure else None


def _of(field: str, *measures: str) -> Callable[[Reading], str | None]:
    return lambda reading: reading.measure if reading.field == field and reading.measure in measures else None


SHOWN = (
    Shown(
        "vigie_monitoring_stability_index",
        "Population stability index of a field in the latest window, chance included.",
        _field("psi"),
        "field",
    ),
    Shown(
        "vigie_monitoring_stability_index_beyond_chance",
        "The same less what chance brings; a field has moved from 0.1 on, with an adjusted p of 0.05.",
        _field("psi_excess"),
        "field",
    ),
    Shown(
        "vigie_monitoring_distance_ratio",
        "Kolmogorov-Smirnov distance of a number, Cramér's V of a category: 0 to 1.",
        _field("statistic"),
        "field",
    ),
    Shown(
        "vigie_monitoring_p_value",
        "p value of a field, adjusted over all tests of its window (Benjamini and Hochberg).",
        _field("p_adjusted"),
        "field",
    ),
    Shown(
        "vigie_monitoring_missing_ratio",
        "Share of the patients of the window of whom a field is not given; absent where held back.",
        _field("missing_share"),
        "field",
    ),
    Shown(
        "vigie_monitoring_expected_ratio",
        "Performance expected without outcomes: roc_auc, sensitivity, specificity or agreement.",
        _of("performance", *monitoring.PERFORMANCE),
        "figure",
    ),
    Shown(
        "vigie_monitoring_outcomes",
        "Events observed and expected among the outcomes of the window; of nights, sums of shares of epochs.",
        _of("calibration", "observed", "expected"),
        "kind",
    ),
    Shown(
        "vigie_monitoring_calibration_log_odds",
        "By how much the log odds of the predictions are too low (above 0) or too high.",
        _of("calibration", "log_odds"),
    ),
    Shown(
        "vigie_monitoring_agreement_difference_ratio",
        "Share of the epochs agreed with, observed less expected.",
        _of("calibration", "share"),
    ),
    Shown(
        "vigie_monitoring_window_patients",
        "Patients of the latest window, each of whom counts by one study.",
        _of("studies", "n"),
    ),
    Shown(
        "vigie_monitoring_alerts",
        "Alerts that are open, and those of them that nobody acknowledged (new).",
        _of("alerts", "open", "new"),
        "state",
    ),
    Shown(
        "vigie_monitoring_window_lost",
        "1 where the last window was refused or failed: nothing is watched there.",
        _of("windows", "lost"),
    ),
    Shown(
        "vigie_monitoring_window_age_seconds",
        "Since the last day of the latest window that was done.",
        _of("windows", "age_days"),
        factor=DAY_SECONDS,
    ),
)


def families() -> Iterator[Metric]:
    """Yield every metric of the watch, one without readings too: its name is known then."""
    readings = monitoring.latest()
    for shown in SHOWN:
        labels = (*UNIT, shown.label) if shown.label else UNIT
        family = GaugeMetricFamily(shown.name, shown.help, labels=labels)
        for reading in readings:
            value = shown.values(reading)
            if value is not None:
                named = (reading.algorithm, reading.unit, *((value,) if shown.label else ()))
                family.add_metric(named, shown.factor * reading.value)
        yield family
