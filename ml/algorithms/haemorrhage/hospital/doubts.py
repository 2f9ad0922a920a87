"""What makes a table unfit to learn from although it can be read: units, leaks, duplicates, the label."""

from __future__ import annotations

from collections.abc import Mapping as Map

import numpy as np
import pandas as pd

from ml.algorithms.haemorrhage.hospital import sentences as say
from ml.algorithms.haemorrhage.hospital.cells import Values, series
from ml.algorithms.haemorrhage.mapping import FIELDS, Mapped, Mapping, Unit
from ml.algorithms.haemorrhage.mapping.fields import LOSS
from ml.contracts import Problem
from ml.training.evaluation import roc_auc

LEAST_ROWS, LEAST_EVENTS = 200, 10
INCIDENCES = (0.002, 0.2)
# Shares of a column from which it is not the odd slip of the pen any more.
MOST_IMPOSSIBLE, MOST_STRANGE, MOST_UNDATED, MOST_UNLABELLED = 0.1, 0.02, 0.01, 0.2
LEAST_FOR_A_MEDIAN = 20
# No factor known at admission comes near: the strongest, a suspected accreta, is one in a thousand women.
LEAK_AUC, LEAK_RATE, LEAK_SHARE = 0.85, 0.5, 0.2
LEAST_GAP_DAYS = 150
# Later births have to be another time than those learned from.
LEAST_PERIOD_DAYS = 180
CLOSEST_NAMED = 3


def units(read: Map[str, Values], mapping: Mapping) -> list[Problem]:
    """Doubt a unit when the median of its column lies where only another unit's does."""
    problems = []
    for name, values in read.items():
        if values.raw is None:
            continue
        known, column = FIELDS[name], mapping.columns[name]
        numbers = values.raw[np.isfinite(values.raw)]
        if len(numbers) < LEAST_FOR_A_MEDIAN:
            continue
        if name == "parity":
            problems += _parity(known, column.column, column.unit, numbers)
            continue
        unit, median = known.unit(column.unit), float(np.median(numbers))
        if name == LOSS and median == 0:
            problems.append(say.loss_is_zero(known, column.column, float(np.mean(numbers == 0))))
            continue
        if unit is None or unit.typical is None or unit.typical[0] <= median <= unit.typical[1]:
            continue
        problems.append(say.wrong_unit(known, column.column, unit, looks_like(known, median), median))
    return problems


def looks_like(known: Mapped, median: float) -> Unit | None:
    """Return the unit in which a median would be ordinary, if there is one."""
    return next((u for u in known.units if u.typical and u.typical[0] <= median <= u.typical[1]), None)


def _parity(known: Mapped, column: str, unit: str, numbers: np.ndarray) -> list[Problem]:
    if unit != "including" and numbers.min() >= 1:
        return [say.parity_counts_this_birth(known, column)]
    if unit == "including" and numbers.min() < 1:
        return [say.parity_has_zero(known, column)]
    return []


def unreadable(read: Map[str, Values], mapping: Mapping, rows: int) -> list[Problem]:
    """Refuse columns of which too much cannot be read or cannot be."""
    problems = []
    for name, values in read.items():
        known, column = FIELDS[name], mapping.columns[name].column
        filled = max(rows - values.missing, 1)
        strange = sum(values.strange.values())
        limit = 0.0 if name == mapping.label else MOST_STRANGE
        if strange > limit * filled:
            problems.append(say.strange_words(known, column, values.strange, filled))
        elif values.impossible > MOST_IMPOSSIBLE * filled:
            problems.append(say.impossible_values(known, column, values.impossible, filled))
    return problems


def identity(mother: np.ndarray, day: np.ndarray, label: np.ndarray, mapping: Mapping) -> list[Problem]:
    """Refuse too many births without mother, date or outcome."""
    limits = (
        ("mother", pd.isna(mother), MOST_UNDATED),
        ("admission_at", np.isnat(day), MOST_UNDATED),
        (mapping.label, np.isnan(label), MOST_UNLABELLED),
    )
    return [
        say.too_often_empty(FIELDS[name], mapping.columns[name].column, float(absent.mean()))
        for name, absent, most in limits
        if absent.mean() > most
    ]


def duplicates(mother: np.ndarray, day: np.ndarray, row: np.ndarray) -> list[Problem]:
    """Refuse a birth that is there twice, and two births of one mother that cannot both be.

    Parameters
    ----------
    row
        Shape (n,): line of the birth in the file, for the sentence.
    """
    table = pd.DataFrame({"mother": mother, "day": day, "row": row})
    ordered = table.sort_values(["mother", "day", "row"], kind="stable")
    gap = ordered.groupby("mother")["day"].diff().dt.days.to_numpy()
    before = ordered["row"].shift().to_numpy()
    same, close = gap == 0, (gap > 0) & (gap < LEAST_GAP_DAYS)
    pairs = [
        [(int(a), int(b)) for a, b in zip(before[found], ordered["row"][found], strict=True)]
        for found in (same, close)
    ]
    problems = [say.same_birth_twice(len(pairs[0]), pairs[0][:CLOSEST_NAMED])] if pairs[0] else []
    return problems + ([say.births_too_close(len(pairs[1]), pairs[1][:CLOSEST_NAMED])] if pairs[1] else [])


def label(outcome: np.ndarray, mapping: Mapping) -> list[Problem]:
    """Refuse an outcome that is always the same, that cannot be, or of which there is too little."""
    known, column = FIELDS[mapping.label], mapping.columns[mapping.label].column
    rows, events = len(outcome), int(outcome.sum())
    if rows < LEAST_ROWS:
        return [say.too_few_rows(rows, LEAST_ROWS)]
    if events == 0:
        return [say.label_all_zero(known, column)]
    if events == rows:
        return [say.label_all_one(known, column)]
    if not INCIDENCES[0] <= events / rows <= INCIDENCES[1]:
        return [say.absurd_incidence(known, column, events, rows, INCIDENCES)]
    return [say.too_few_events(events, LEAST_EVENTS)] if events < LEAST_EVENTS else []


def period(day: np.ndarray, mapping: Mapping) -> list[Problem]:
    """Refuse births of so short a time that none of it can be set aside for judging."""
    days = int((day.max() - day.min()).astype(int)) if len(day) else 0
    if days >= LEAST_PERIOD_DAYS:
        return []
    return [say.too_short(FIELDS["admission_at"], mapping.columns["admission_at"].column, days)]


def leaks(read: Map[str, Values], outcome: np.ndarray, kept: np.ndarray, mapping: Mapping) -> list[Problem]:
    """Refuse a predictor that nearly says the outcome: it was written down afterwards.

    Parameters
    ----------
    outcome
        Shape (births,): of the rows in ``kept``.
    kept
        Shape (rows,): rows that became births.
    """
    problems = []
    for name in mapping.predictors:
        values = series(read[name].values[kept])
        if _tells(values, outcome):
            problems.append(say.tells_the_outcome(FIELDS[name], mapping.columns[name].column))
    return problems


def _tells(values: pd.Series, outcome: np.ndarray) -> bool:
    known = values.notna().to_numpy()
    if _separates(np.where(known, 1.0, 0.0), outcome):
        return True
    if values.dtype == object:
        rates = pd.Series(outcome).groupby(values.to_numpy(), dropna=True).agg(["mean", "sum"])
        heavy = (rates["mean"] >= LEAK_RATE) & (rates["sum"] >= LEAK_SHARE * outcome.sum())
        scores = values.map(rates["mean"]).to_numpy(dtype=float)
        return bool(heavy.any()) or _separates(scores[known], outcome[known])
    numbers = values.to_numpy().astype("datetime64[D]").astype(float) if values.dtype.kind == "M" else values
    return _separates(np.asarray(numbers, dtype=float)[known], outcome[known])


def _separates(score: np.ndarray, outcome: np.ndarray) -> bool:
    if outcome.sum() < LEAST_EVENTS or len(np.unique(outcome)) < 2:
        return False
    area = roc_auc(outcome, score)
    return bool(max(area, 1 - area) >= LEAK_AUC)
