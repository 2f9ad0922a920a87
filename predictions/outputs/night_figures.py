"""The figures of a night in one list for every document: name, value, formula and source of each.

Both definitions stand where two are in use; the second is marked. Names and formulas are those of
``ml.algorithms.sleep.formulas``, which the page shows too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ml.algorithms.sleep import wording as words
from ml.algorithms.sleep.formulas import FORMULAS, STAGE_SHARE
from ml.contracts import Text
from predictions.outputs.night import ASLEEP, STAGE_NAMES, UNSCORED, Night

UNITS = {
    "time": ("min", 0),
    "minutes": ("min", 1),
    "percent": ("%", 1),
    "count": ("", 0),
    "per_hour": ("/h", 1),
    "per_minute": ("/min", 2),
    "seconds": ("s", 1),
    "hertz": ("Hz", 1),
    "microvolts": ("µV", 0),
    "burden": ("% · min/h", 1),
    "hours": ("h", 2),
}
"""Unit of a kind of figure as stored, and decimals as written."""
MINUTES = Text("epochs of the stage · 0.5 min", "époques du stade · 0,5 min")
COUNTED = Text("from lights off to lights on", "de l’extinction au rallumage")


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of a night.

    Parameters
    ----------
    key
        What programs know it by.
    kind
        A key of ``UNITS``; ``"time"`` is minutes that are read as hours and minutes.
    value
        ``None`` where undefined, such as a latency without sleep.
    second
        Whether it is another definition of the figure before it.
    """

    key: str
    label: Text
    value: float | None
    kind: str
    formula: Text
    source: Text
    second: bool = False

    @property
    def unit(self) -> str:
        """Unit of the value as stored."""
        return UNITS[self.kind][0]

    @property
    def written(self) -> Text:
        """The value in words, a dash where undefined."""
        return written(self.value, self.kind)


def written(value: float | None, kind: str) -> Text:
    """Write a value of a kind."""
    if kind == "time":
        return words.minutes(value)
    unit, decimals = UNITS[kind]
    return number(value, decimals, unit)


def number(value: float | None, decimals: int, unit: str = "") -> Text:
    """Write a number with its unit so that no line ends between them; a dash where undefined."""
    return words.number(value, decimals, f"\u00a0{unit}" if unit and not unit.startswith("%") else unit)


def sleep(night: Night) -> Iterator[Figure]:
    """Yield the statistics of what is reported, each followed by its other definitions."""
    found = night.statistics
    for formula in FORMULAS:
        value = found.get(formula.key)
        yield Figure(formula.key, formula.label, value, formula.kind, formula.formula, formula.source)
        for other in formula.others:
            yield Figure(
                other.key,
                formula.label,
                found.get(other.key),
                formula.kind,
                other.formula,
                other.source,
                second=True,
            )


def stages(night: Night) -> Iterator[Figure]:
    """Yield minutes of every stage, and of each stage of sleep its share of TST and of SPT."""
    found = night.statistics
    for stage, name in STAGE_NAMES.items():
        key = {"W": "wake", UNSCORED: "unscored"}.get(stage, stage.lower())
        yield Figure(key, name, found[key], "time", MINUTES, COUNTED)
        if stage not in ASLEEP:
            continue
        share = f"{key}_{STAGE_SHARE.key}"
        yield Figure(share, name, found.get(share), "percent", STAGE_SHARE.formula, STAGE_SHARE.source)
        for other in STAGE_SHARE.others:
            second = f"{key}_{other.key}"
            yield Figure(second, name, found.get(second), "percent", other.formula, other.source, second=True)
