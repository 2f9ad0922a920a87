"""From tables of what two sides said to κ, shares and their intervals. In a worker only: it needs NumPy.

What is said twice of one patient is not said independently, and epochs of one night far less: intervals come
from resampling whole patients (Field & Welsh 2007, J R Stat Soc B 69:369), never single epochs.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import numpy as np

from predictions.first_read_counts import wilson

REPEATS = 2000
SEED = 7
LEAST_DEFINED = 0.95
"""Share of the resamples in which a figure must exist for an interval to be given."""


@dataclass(frozen=True, slots=True)
class Said:
    """What two sides said of one study.

    Parameters
    ----------
    patient
        Whose it is: the cluster of the intervals.
    people
        Ids of whoever said it, none where nobody is judged.
    table
        Counts by row and column of the part.
    weight
        How far apart the sides are, 0 to 1.
    """

    study: UUID
    patient: UUID
    people: tuple[int, ...]
    table: tuple[tuple[int, ...], ...]
    weight: float = 0.0


@dataclass(frozen=True)
class Part:
    """One comparison.

    Parameters
    ----------
    rows, columns
        Codes of what each side may say; the first side's are the rows.
    kappa
        Whether both sides say the same kind of thing, so that κ exists.
    epochs
        Whether a study is many answers (the epochs of a night) and not one.
    named
        Whether figures by person are kept, for those persons and the leads of their unit.
    shares
        Names of shares with the cells counted and the cells they are of.
    left_out
        What was not counted, by reason.
    """

    code: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    said: list[Said] = field(default_factory=list)
    kappa: bool = True
    epochs: bool = False
    named: bool = True
    shares: tuple[tuple[str, tuple[tuple[int, int], ...], tuple[tuple[int, int], ...]], ...] = ()
    left_out: Counter[str] = field(default_factory=Counter)


def diagonal(size: int) -> tuple[tuple[int, int], ...]:
    """Return the cells where both sides say the same."""
    return tuple((i, i) for i in range(size))


def cells(rows: Iterable[int], columns: Iterable[int]) -> tuple[tuple[int, int], ...]:
    """Return every cell of some rows and columns."""
    at = tuple(columns)
    return tuple((row, column) for row in rows for column in at)


def one(rows: int, columns: int, row: int, column: int) -> tuple[tuple[int, ...], ...]:
    """Return the table of a single answer."""
    return tuple(tuple(int((i, j) == (row, column)) for j in range(columns)) for i in range(rows))


def computed(part: Part) -> dict[str, Any]:
    """Return a part as the report keeps it: pooled figures, and those by person."""
    found = {
        "code": part.code,
        "rows": list(part.rows),
        "columns": list(part.columns),
        "epochs": part.epochs,
        **_figures(part, part.said),
        "left_out": dict(part.left_out),
    }
    by_person: dict[tuple[int, ...], list[Said]] = defaultdict(list)
    for each in part.said if part.named else ():
        by_person[tuple(sorted(each.people))].append(each)
    found["named"] = [
        {"who": list(people), **_figures(part, said)} for people, said in sorted(by_person.items())
    ]
    return found


def kappas(tables: np.ndarray) -> np.ndarray:
    """Return Cohen's κ (Cohen 1960), unweighted, of square tables.

    Parameters
    ----------
    tables
        Shape (..., k, k): counts.

    Returns
    -------
    ndarray, shape (...)
        ``nan`` where nothing was counted, or both sides said one and the same thing throughout.
    """
    tables = np.asarray(tables, float)
    total = tables.sum((-2, -1))
    with np.errstate(invalid="ignore", divide="ignore"):
        observed = np.trace(tables, axis1=-2, axis2=-1) / total
        chance = (tables.sum(-1) * tables.sum(-2)).sum(-1) / total**2
        return np.where(chance < 1, (observed - chance) / (1 - chance), np.nan)


def _figures(part: Part, said: Sequence[Said]) -> dict[str, Any]:
    shape = (len(part.rows), len(part.columns))
    clusters = _clusters(said, shape)
    whole = clusters.sum(0)
    drawn = _resampled(clusters)
    found: dict[str, Any] = {
        "studies": len({each.study for each in said}),
        "patients": len(clusters),
        "people": len({person for each in said for person in each.people}),
        "answers": int(whole.sum()),
        "table": whole.astype(int).tolist(),
        "shares": [_share(part, name, inside, of, whole, drawn) for name, inside, of in part.shares],
    }
    if part.kappa:
        value = float(kappas(whole))
        found["kappa"] = _estimate(value, kappas(drawn) if drawn is not None else None)
    return found


def _clusters(said: Sequence[Said], shape: tuple[int, int]) -> np.ndarray:
    """Return the summed table of each patient, shape (patients, rows, columns)."""
    sums: dict[UUID, np.ndarray] = {}
    for each in said:
        sums[each.patient] = sums.get(each.patient, np.zeros(shape)) + np.array(each.table, float)
    return np.stack(list(sums.values())) if sums else np.zeros((0, *shape))


def _resampled(clusters: np.ndarray) -> np.ndarray | None:
    """Return the tables of patients drawn with replacement, ``None`` for fewer than two patients."""
    n = len(clusters)
    if n < 2:
        return None
    drawn = np.random.default_rng(SEED).multinomial(n, np.full(n, 1 / n), size=REPEATS)
    return np.tensordot(drawn, clusters, axes=1)


def _share(
    part: Part,
    name: str,
    inside: Sequence[tuple[int, int]],
    of: Sequence[tuple[int, int]],
    whole: np.ndarray,
    drawn: np.ndarray | None,
) -> dict[str, Any]:
    """Return a share: of answers one a study with Wilson's interval, of epochs by resampling patients."""
    count, n = int(_sum(whole, inside)), int(_sum(whole, of))
    found: dict[str, Any] = {"name": name, "count": count, "n": n, "value": None, "low": None, "high": None}
    if not n:
        return found
    if not part.epochs:
        low, high = wilson(count, n)
        return found | {"value": count / n, "low": low, "high": high}
    if drawn is None:
        return found | {"value": count / n}
    with np.errstate(invalid="ignore", divide="ignore"):
        again = _sum(drawn, inside) / _sum(drawn, of)
    return found | _estimate(count / n, again)


def _sum(tables: np.ndarray, at: Sequence[tuple[int, int]]) -> np.ndarray:
    return sum((tables[..., row, column] for row, column in at), np.zeros(tables.shape[:-2]))


def _estimate(value: float, drawn: np.ndarray | None) -> dict[str, float | None]:
    """Return a figure with its percentile interval, where it exists and enough resamples have one."""
    if np.isnan(value):
        return {"value": None, "low": None, "high": None}
    known = drawn[~np.isnan(drawn)] if drawn is not None else np.array([])
    if drawn is None or len(known) < LEAST_DEFINED * len(drawn):
        return {"value": value, "low": None, "high": None}
    low, high = np.percentile(known, [2.5, 97.5])
    return {"value": value, "low": float(low), "high": float(high)}
