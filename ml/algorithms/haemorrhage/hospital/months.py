"""Months that do not fit the others: a unit changed, a column stopped, a code moved, the outcome jumped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from collections.abc import Mapping as Map
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from ml.algorithms.haemorrhage.hospital import sentences as say
from ml.algorithms.haemorrhage.hospital.cells import Values, series
from ml.algorithms.haemorrhage.hospital.doubts import LEAST_EVENTS, looks_like
from ml.algorithms.haemorrhage.mapping import FIELDS, Mapping
from ml.contracts import Problem, Text

LEAST_BIRTHS = 30
# Both must hold: chance this small (there are some thousand comparisons), and a change this large.
CHANCE = 1e-6
LEAST_KS, LEAST_SHARE, LEAST_RATIO = 0.3, 0.25, 3.0
MOST_LISTED = 3


@dataclass(frozen=True, slots=True)
class Shift:
    """A column whose values in some months do not fit the other months.

    Parameters
    ----------
    months
        Positions among the months of the file.
    """

    field: str
    months: list[int]
    what: Text


@dataclass(frozen=True, slots=True)
class _Calendar:
    """Which birth is of which month.

    ``member`` has shape (births,); ``judged`` are the months with births enough to say anything.
    """

    names: np.ndarray
    member: np.ndarray
    judged: np.ndarray

    @classmethod
    def of(cls, day: np.ndarray) -> _Calendar:
        names, member, births = np.unique(
            day.astype("datetime64[M]"), return_inverse=True, return_counts=True
        )
        return cls(names, member, np.flatnonzero(births >= LEAST_BIRTHS))

    def where(self, differs: Callable[[np.ndarray], bool]) -> list[int]:
        """Return the judged months for whose births ``differs`` holds."""
        return [int(month) for month in self.judged if differs(self.member == month)]

    def among(self, months: list[int]) -> np.ndarray:
        """Return which births are of these months, shape (births,)."""
        return np.isin(self.member, months)


def shifted(
    read: Map[str, Values], kept: np.ndarray, day: np.ndarray, outcome: np.ndarray, mapping: Mapping
) -> list[Problem]:
    """Return one problem per column and kind of change, naming the months.

    Parameters
    ----------
    kept
        Shape (rows,): rows that became births; ``day`` and ``outcome`` are theirs.
    """
    calendar = _Calendar.of(day)
    found = [
        shift
        for name in mapping.predictors
        for shift in _of_column(name, read[name], kept, calendar, mapping)
    ]
    if months := calendar.where(lambda here: _rate_differs(outcome, here)):
        what = say.outcome_there(_shares(outcome == 1, calendar.among(months)))
        found.append(Shift(mapping.label, months, what))
    return [_said(shift, calendar, mapping) for shift in found]


def _of_column(
    name: str, values: Values, kept: np.ndarray, calendar: _Calendar, mapping: Mapping
) -> Iterator[Shift]:
    # Numbers are compared as they stand in the file: one in another unit may be impossible, and so unknown.
    column = series(values.values[kept] if values.raw is None else values.raw[kept])
    known = column.notna().to_numpy()
    if months := calendar.where(lambda here: _share_differs(~known, here)):
        yield Shift(name, months, say.missing_there(_shares(~known, calendar.among(months))))
    if column.dtype.kind == "M":
        return
    if values.raw is not None:
        numbers = column.to_numpy()[known]
        if months := calendar.where(lambda here: _ks_differs(numbers, here[known])):
            yield Shift(name, months, _medians(name, numbers, calendar.among(months)[known], mapping))
        return
    for code in pd.unique(column[known]):
        is_code = (column[known] == code).to_numpy()
        if months := calendar.where(lambda here, so=is_code: _share_differs(so, here[known])):
            yield Shift(name, months, say.code_there(code, _shares(is_code, calendar.among(months)[known])))
            return


def _ks_differs(values: np.ndarray, here: np.ndarray) -> bool:
    """Two-sample Kolmogorov–Smirnov distance with its asymptotic critical value (Smirnov 1948)."""
    n, m = int(here.sum()), int((~here).sum())
    if min(n, m) < LEAST_BIRTHS:
        return False
    ordered = np.sort(values)
    inside = np.searchsorted(np.sort(values[here]), ordered, side="right") / n
    outside = np.searchsorted(np.sort(values[~here]), ordered, side="right") / m
    critical = np.sqrt(-np.log(CHANCE / 2) / 2 * (n + m) / (n * m))
    return bool(np.abs(inside - outside).max() > max(LEAST_KS, critical))


def _share_differs(is_so: np.ndarray, here: np.ndarray) -> bool:
    n, m = int(here.sum()), int((~here).sum())
    if min(n, m) < LEAST_BIRTHS:
        return False
    share, other, pooled = is_so[here].mean(), is_so[~here].mean(), is_so.mean()
    deviation = np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    return bool(abs(share - other) >= LEAST_SHARE and abs(share - other) > 4.9 * deviation)


def _rate_differs(outcome: np.ndarray, here: np.ndarray) -> bool:
    events, births, other = int(outcome[here].sum()), int(here.sum()), float(outcome[~here].mean())
    if not 0 < other < 1:
        return other == 0 and events >= LEAST_EVENTS
    far = events >= LEAST_RATIO * other * births or events <= other * births / LEAST_RATIO
    return bool(far and binomtest(events, births, other).pvalue < CHANCE)


def _shares(is_so: np.ndarray, here: np.ndarray) -> tuple[float, float]:
    """Share in some months and in the others; ``nan`` where there are no others."""
    return float(is_so[here].mean()), float(is_so[~here].mean()) if (~here).any() else float("nan")


def _medians(name: str, numbers: np.ndarray, here: np.ndarray, mapping: Mapping) -> Text:
    inside = float(np.median(numbers[here]))
    outside = float(np.median(numbers[~here])) if (~here).any() else float("nan")
    known, likely = FIELDS[name], looks_like(FIELDS[name], inside)
    return say.values_there(
        inside, outside, likely if likely != known.unit(mapping.columns[name].unit) else None
    )


def _said(shift: Shift, calendar: _Calendar, mapping: Mapping) -> Problem:
    listed = [_written(calendar.names[month]) for month in shift.months[:MOST_LISTED]]
    column = mapping.columns[shift.field].column
    return say.shifted(FIELDS[shift.field], column, listed, len(shift.months) - len(listed), shift.what)


def _written(month: np.datetime64) -> str:
    year, number = str(month).split("-")
    return f"{number}/{year}"
