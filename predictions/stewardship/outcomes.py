"""What a worker found in a table and what came of a training, in the form the pages show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from predictions.stewardship.models import Training

BAR_WIDTH, CHART_HEIGHT = 10, 100


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
        "months": months(training.report["months"]),
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
    """Return the outcome of a training, ``None`` before there is one."""
    return training.outcome
