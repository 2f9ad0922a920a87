"""What a worker found in a table and what came of a training, in the form the pages show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.utils.translation import gettext_lazy as _

from predictions.stewardship.models import Training

BAR_WIDTH, CHART_HEIGHT = 10, 100


# Figures in the order of the page, with the decimals that mean something.
FIGURES = {
    "roc_auc": 2,
    "calibration_slope": 2,
    "brier": 4,
    "net_benefit": 4,
    "recall": 2,
    "flagged_rate": 2,
}
COMPARED = {
    "candidate": _("The candidate"),
    "current": _("In service now"),
    "null": _("The same risk for everybody"),
    "treat_all": _("Flag everybody"),
    "treat_none": _("Flag nobody"),
}
# On the card of a version that may serve by now, long after it was judged.
ON_A_CARD = COMPARED | {"candidate": _("This version"), "current": _("In service before")}


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure with its 95 % interval, where it has one."""

    value: float
    low: float | None
    high: float | None
    digits: int


@dataclass(frozen=True, slots=True)
class Compared:
    """A line of the comparison: a model or a rule, and its figures."""

    code: str
    words: Any
    figures: tuple[Figure | None, ...]


@dataclass(frozen=True, slots=True)
class Month:
    """A bar of the months' drawing: all births, and at its foot the severe haemorrhages."""

    name: str
    births: int
    events: int
    x: int
    height: float
    severe_height: float

    @property
    def y(self) -> float:
        """Top of the bar."""
        return round(CHART_HEIGHT - self.height, 2)

    @property
    def severe_y(self) -> float:
        """Top of its foot."""
        return round(CHART_HEIGHT - self.severe_height, 2)


def report(training: Training) -> dict[str, Any] | None:
    """Return the data report of a training with its months ready to draw, ``None`` before there is one."""
    if not training.report:
        return None
    return training.report | {
        "period": [date.fromisoformat(day) for day in training.report["period"]],
        "months": months(training.report["months"]),
        "most_births": max(month["births"] for month in training.report["months"]),
        "chart_width": BAR_WIDTH * len(training.report["months"]),
    }


def months(found: Sequence[Mapping[str, Any]]) -> list[Month]:
    """Return a bar per month of a report."""
    most = max(month["births"] for month in found)
    return [
        Month(
            month["month"],
            month["births"],
            month["events"],
            BAR_WIDTH * index,
            round(CHART_HEIGHT * month["births"] / most, 2),
            round(CHART_HEIGHT * month["events"] / most, 2),
        )
        for index, month in enumerate(found)
    ]


def outcome(training: Training) -> dict[str, Any] | None:
    """Return the outcome of a training with its figures as a table, ``None`` before there is one."""
    if not training.outcome:
        return None
    return training.outcome | judged(training.outcome["figures"], training.outcome.get("holdout") or {})


def card(manifest: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what the card of a package trained here says, ``None`` for a package that came with the product.

    Parameters
    ----------
    manifest
        Of the package; ``training``, ``data`` and the figures on the births held out are read.
    """
    training, data = manifest.get("training") or {}, manifest.get("data") or {}
    if training.get("kind") != "hospital":
        return None
    found = judged(training["holdout"]["figures"], training["holdout"], ON_A_CARD)
    recall = training["holdout"]["figures"]["candidate"].get("recall")
    return {
        "data": data,
        "period": [date.fromisoformat(day) for day in data["period"]],
        "tier": training["tier_words"],
        "slope": training["learned"].get("slope"),
        "criteria": training["criteria"],
        "replaced": training["replaces"]["version"],
        "judged": found,
        "missed": 1 - recall["value"] if recall else None,
    }


def judged(
    figures: Mapping[str, Any], holdout: Mapping[str, Any], named: Mapping[str, Any] = COMPARED
) -> dict[str, Any]:
    """Return the births held out and, as a table, the figures of everything judged on them."""
    shown = [name for name in FIGURES if any(name in figures.get(who, {}) for who in COMPARED)]
    return {
        "holdout": dict(holdout) | {end: _day(holdout.get(end)) for end in ("from", "until")},
        "columns": [(name, FIGURES[name]) for name in shown],
        "rows": [
            Compared(who, words, tuple(_cell(figures[who].get(name), FIGURES[name]) for name in shown))
            for who, words in named.items()
            if who in figures
        ],
    }


def _day(written: str | None) -> date | None:
    return date.fromisoformat(written) if written else None


def _cell(figure: Mapping[str, Any] | None, digits: int) -> Figure | None:
    if figure is None or figure.get("value") is None:
        return None
    return Figure(figure["value"], figure.get("low"), figure.get("high"), digits)
