"""From tables of what two sides said to κ, shares and their intervals. In a worker only: it needs NumPy.

What is said twice of one patient is not said independently, and epochs of one night far less: intervals come
from resampling whole patients (Field & Welsh 2007, J R Stat Soc B 69:369), never single epochs.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

import numpy as np

from predictions.agreement.words import LEAST_PATIENTS
from predictions.first_read_counts import wilson

REPEATS = 2000
SEED = 7
LEAST_DEFINED = 0.95
"""Share of the resamples in which a figure must exist for an interval to be given."""
LEAST_SPREAD = 1e-6
FEW_PATIENTS, NO_SPREAD = "few_patients", "no_spread"
"""Why a figure has no interval."""


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
    marked
        How many of the answers somebody marked as artefact; they are counted all the same.
    """

    study: UUID
    patient: UUID
    people: tuple[int, ...]
    table: tuple[tuple[int, ...], ...]
    weight: float = 0.0
    marked: int = 0

    def sided(self) -> Said:
        """Return what two people said with the same person of the two always on the same side.

        Who began first is another one from study to study, and chance agreement is of a person's own shares.
        """
        if len(self.people) != 2 or self.people[0] < self.people[1]:
            return self
        turned = tuple(zip(*self.table, strict=True))
        return replace(self, people=self.people[::-1], table=turned)


@dataclass(frozen=True)
class Part:
    """One comparison.

    Parameters
    ----------
    rows, columns
        Codes of what each side may say; the first side's are the rows.
    kappa
        Whether both sides say the same kind of thing, so that κ exists.
    pairs
        Whether the sides are two people: κ is then the mean of that of each pair (Light 1971), for a pooled
        table would count a study of three people three times and mix who stands on which side.
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
    pairs: bool = False
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
        by_person[tuple(sorted(each.people))].append(each.sided())
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


def mean_kappas(tables: np.ndarray) -> np.ndarray:
    """Return the mean of the κ of every pair that has one (Light 1971, Psychol Bull 76:365).

    Parameters
    ----------
    tables
        Shape (pairs, ..., k, k): counts.

    Returns
    -------
    ndarray, shape (...)
        ``nan`` where no pair has one.
    """
    each = kappas(tables)
    known = ~np.isnan(each)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(known, each, 0).sum(0) / known.sum(0)


def _figures(part: Part, said: Sequence[Said]) -> dict[str, Any]:
    shape = (len(part.rows), len(part.columns))
    said = [each.sided() for each in said] if part.pairs else said
    patients = list(dict.fromkeys(each.patient for each in said))
    pairs = list(dict.fromkeys(each.people for each in said)) if part.pairs else [None]
    # Pair by pair the summed table of each patient: (pairs, patients, rows, columns).
    clusters = np.stack([_clusters(said, patients, shape, pair) for pair in pairs or [None]])
    drawn = _drawn(len(patients))
    again = None if drawn is None else np.einsum("rn,pnij->prij", drawn, clusters, optimize=True)
    whole = clusters.sum((0, 1))
    pooled = None if again is None else again.sum(0)
    found: dict[str, Any] = {
        "studies": len({each.study for each in said}),
        "patients": len(patients),
        "people": len({person for each in said for person in each.people}),
        "answers": int(whole.sum()),
        "marked": sum(each.marked for each in said),
        "table": whole.astype(int).tolist(),
        "shares": [_share(part, name, inside, of, whole, pooled) for name, inside, of in part.shares],
    }
    if part.pairs:
        found["pairs"] = len(pairs)
    if part.kappa:
        value = float(mean_kappas(clusters.sum(1)))
        found["kappa"] = _estimate(value, None if again is None else mean_kappas(again))
    if said and (part.kappa or part.epochs):
        found["no_interval"] = _no_interval(len(patients), found)
    return found


def _clusters(
    said: Sequence[Said], patients: Sequence[UUID], shape: tuple[int, int], pair: tuple[int, ...] | None
) -> np.ndarray:
    """Return the summed table of each patient, of one pair or of everybody: (patients, rows, columns)."""
    sums = np.zeros((len(patients), *shape))
    at = {patient: i for i, patient in enumerate(patients)}
    for each in said:
        if pair is None or each.people == pair:
            sums[at[each.patient]] += np.array(each.table, float)
    return sums


def _drawn(n: int) -> np.ndarray | None:
    """Return how often each of ``n`` patients is drawn, shape (repeats, n); ``None`` for too few of them."""
    if n < LEAST_PATIENTS:
        return None
    return np.random.default_rng(SEED).multinomial(n, np.full(n, 1 / n), size=REPEATS)


def _no_interval(patients: int, found: dict[str, Any]) -> str:
    """Return why no interval is drawn from the patients, empty where one is."""
    if patients < LEAST_PATIENTS:
        return FEW_PATIENTS
    kappa = found.get("kappa")
    return NO_SPREAD if kappa is not None and kappa["value"] is not None and kappa["low"] is None else ""


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
    if high - low < LEAST_SPREAD:
        # Patients who are all alike say nothing of how others differ: no width is no certainty.
        return {"value": value, "low": None, "high": None}
    return {"value": value, "low": float(low), "high": float(high)}
