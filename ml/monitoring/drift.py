"""Has the population changed? One field of a window of studies held against the same field of a reference.

Three questions to each field: how far it moved (population stability index), whether so much could be chance
(Kolmogorov–Smirnov for numbers, χ² for categories), and whether it is still given as often as before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.stats import chi2 as chi2_distribution
from scipy.stats import kstwo

# Usual reading of the population stability index (Siddiqi 2006): < 0.1 stable, > 0.25 shifted.
STABLE, SHIFTED = 0.1, 0.25
FLOOR = 1e-4
BINS, FEW_BINS, MANY = 10, 5, 200
"""Bins of a number, and how many there are where either side has fewer values than :data:`MANY`."""
LEAST_EXPECTED = 5
"""Below this expected count (Cochran 1954) the χ² statistic has no χ² distribution and is simulated."""
DRAWS = 9_999
MOST_POINTS = 401


class TooFew(ValueError):
    """A side has no value to compare."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The values of one field in one group of studies.

    Parameters
    ----------
    n
        Studies, one of each patient.
    given
        Studies in which the field has a value.
    points
        Values of a number in rising order; thinned to quantiles where there were many, which ``given``
        still counts.
    counts
        Studies by level of a category.
    """

    n: int
    given: int
    points: tuple[float, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def missing(self) -> int:
        """Studies without a value."""
        return self.n - self.given

    def as_json(self) -> dict[str, Any]:
        """Return the form in which baselines are stored."""
        held: dict[str, Any] = {"n": self.n, "given": self.given}
        return held | ({"points": list(self.points)} if self.points else {"counts": dict(self.counts)})

    @classmethod
    def from_json(cls, held: Mapping[str, Any]) -> Sample:
        """Rebuild a sample stored by :meth:`as_json`."""
        return cls(held["n"], held["given"], tuple(held.get("points", ())), held.get("counts", {}))


def numbers(values: Iterable[float | None]) -> Sample:
    """Return the sample of a number; ``None`` and what is not finite count as not given."""
    found = [np.nan if value is None else float(value) for value in values]
    given = np.sort([value for value in found if np.isfinite(value)])
    return Sample(len(found), len(given), points=tuple(float(point) for point in given))


def categories(values: Iterable[str | None]) -> Sample:
    """Return the sample of a category; ``None`` counts as not given."""
    found = list(values)
    counts = Counter(value for value in found if value is not None)
    return Sample(len(found), sum(counts.values()), counts=dict(sorted(counts.items())))


def thinned(sample: Sample, most: int = MOST_POINTS) -> Sample:
    """Return the sample with at most ``most`` quantiles in place of its values.

    Quantiles are values that occur (the inverse of the distribution function), so that ties stay ties; the
    Kolmogorov–Smirnov distance moves by at most ``1 / (most − 1)``.
    """
    if len(sample.points) <= most:
        return sample
    kept = np.quantile(sample.points, np.linspace(0, 1, most), method="inverted_cdf")
    return Sample(sample.n, sample.given, tuple(float(point) for point in kept))


@dataclass(frozen=True, slots=True)
class Shift:
    """How far one field has moved.

    Parameters
    ----------
    psi
        Population stability index.
    by_chance
        What the index comes to on average where nothing changed.
    statistic
        Kolmogorov–Smirnov distance of numbers, Cramér's V of categories: 0 to 1, whatever the sizes.
    p_value
        That so much or more comes of two samples of one population.
    new
        Levels that the reference does not have.
    higher
        Whether numbers are rather above than below those of the reference; ``None`` for categories.
    """

    psi: float
    by_chance: float
    statistic: float
    p_value: float
    new: tuple[str, ...] = ()
    higher: bool | None = None

    @property
    def excess(self) -> float:
        """The index beyond what chance alone brings: what is left is about the squared standardised shift."""
        return max(0.0, self.psi - self.by_chance)

    @property
    def verdict(self) -> str:
        """``stable``, ``moving`` or ``shifted``, by the index beyond chance alone."""
        return "stable" if self.excess < STABLE else "moving" if self.excess < SHIFTED else "shifted"


def psi(reference: Sequence[float], current: Sequence[float]) -> float:
    """Return the population stability index of two frequency vectors over the same bins.

    ``Σ (c − r) · ln(c / r)`` over shares (Siddiqi 2006); empty bins count as 0.01 %.
    """
    r = np.maximum(np.asarray(reference, dtype=float) / np.sum(reference), FLOOR)
    c = np.maximum(np.asarray(current, dtype=float) / np.sum(current), FLOOR)
    return float(np.sum((c - r) * np.log(c / r)))


def psi_by_chance(bins: int, n: int, m: int) -> float:
    """Return the mean of the index over ``bins`` bins of two samples of one population.

    The index is then about ``(1/n + 1/m) · χ²`` with ``bins − 1`` degrees of freedom (Yurdakul and Naranjo
    2020, Journal of Risk Model Validation 14(3)): samples of a hundred pass 0.1 without any change.
    """
    return (bins - 1) * (1 / n + 1 / m)


def edges(reference: Sample, bins: int) -> np.ndarray:
    """Return the inner edges of bins with about as many values of the reference each, shape (≤ bins − 1,).

    Raises
    ------
    TooFew
        When the reference has no value.
    """
    if not reference.points:
        raise TooFew("no finite value to compare")
    return np.unique(np.quantile(reference.points, np.linspace(0, 1, bins + 1)[1:-1]))


def binned(sample: Sample, inner: np.ndarray) -> np.ndarray:
    """Return the shares of a number by bin; a value on an edge belongs to the bin above it."""
    places = np.searchsorted(inner, sample.points, side="right")
    return np.bincount(places, minlength=len(inner) + 1) / max(1, len(sample.points))


def ks(reference: Sample, current: Sample) -> tuple[float, float]:
    """Return the two-sample Kolmogorov–Smirnov distance and its p value (Smirnov 1939; Hodges 1958).

    Ties make the p value larger than it is, never smaller.

    Raises
    ------
    TooFew
        When either side has no value.
    """
    if not reference.points or not current.points:
        raise TooFew("no finite value to compare")
    at = np.union1d(reference.points, current.points)
    below = [np.searchsorted(s.points, at, side="right") / len(s.points) for s in (reference, current)]
    distance = float(np.abs(below[0] - below[1]).max())
    size = reference.given * current.given / (reference.given + current.given)
    return distance, float(kstwo.sf(distance, max(1, round(size))))


def chi2(table: np.ndarray, *, seed: int = 0) -> tuple[float, float]:
    """Test whether two groups have the same shares by level (Pearson 1900).

    Where an expected count is below five the p value comes of drawing tables with the same margins (Patefield
    1981): 9,999 of them and the one seen, so never below 1 in 10,000.

    Parameters
    ----------
    table
        Shape (2, levels), counts.

    Returns
    -------
    effect, p_value
        Cramér's V (1946), which is φ for two groups, and the p value; 0 and 1 with fewer than two levels.
    """
    table = np.asarray(table, dtype=float)
    table = table[:, table.sum(axis=0) > 0]
    groups, n = table.sum(axis=1), table.sum()
    if table.shape[1] < 2 or not groups.all():
        return 0.0, 1.0
    expected = np.outer(groups, table.sum(axis=0)) / n
    statistic = float(((table - expected) ** 2 / expected).sum())
    effect = float(np.sqrt(statistic / n))
    if expected.min() >= LEAST_EXPECTED:
        return effect, float(chi2_distribution.sf(statistic, table.shape[1] - 1))
    totals = table.sum(axis=0).astype(int)
    drawn = np.random.default_rng(seed).multivariate_hypergeometric(totals, int(groups[1]), size=DRAWS)
    both = ((drawn - expected[1]) ** 2 / expected[1]).sum(axis=1)
    both += ((totals - drawn - expected[0]) ** 2 / expected[0]).sum(axis=1)
    # The last bit of a sum differs between tables that are the same but for their order.
    return effect, float((1 + (both >= statistic * (1 - 1e-9)).sum()) / (1 + DRAWS))


def numeric_shift(reference: Sample, current: Sample) -> Shift:
    """Compare two samples of a number, binned at the quantiles of the reference.

    Raises
    ------
    TooFew
        When either sample has no finite value.
    """
    if not current.points:
        raise TooFew("no finite value to compare")
    inner = edges(reference, BINS if min(reference.given, current.given) >= MANY else FEW_BINS)
    shares = np.array([binned(reference, inner), binned(current, inner)])
    # Below the least whole number there is nobody, ever: such a bin brings nothing by chance either.
    shares = shares[:, shares.any(axis=0)]
    chance = psi_by_chance(shares.shape[1], reference.given, current.given)
    return Shift(psi(*shares), chance, *ks(reference, current), higher=_is_higher(reference, current))


def _is_higher(reference: Sample, current: Sample) -> bool | None:
    """Whether a value of now is above one of before more often than below; ``None`` where as often."""
    before = np.asarray(reference.points)
    above = np.searchsorted(before, current.points, side="left").sum()
    below = (len(before) - np.searchsorted(before, current.points, side="right")).sum()
    return None if above == below else bool(above > below)


def category_shift(reference: Sample, current: Sample) -> Shift:
    """Compare two tables of counts by level; a level of one side only counts as empty on the other.

    Raises
    ------
    TooFew
        When either side has no value.
    """
    if not reference.given or not current.given:
        raise TooFew("no value to compare")
    levels = sorted(reference.counts.keys() | current.counts.keys())
    table = np.array([[side.counts.get(level, 0) for level in levels] for side in (reference, current)])
    effect, p_value = chi2(table)
    new = tuple(level for level in levels if current.counts.get(level) and not reference.counts.get(level))
    chance = psi_by_chance(len(levels), reference.given, current.given)
    return Shift(psi(*table), chance, effect, p_value, new)


def missing_shift(reference: Sample, current: Sample) -> Shift:
    """Compare how often a field is given."""
    return category_shift(
        *(categories(["given"] * side.given + ["missing"] * side.missing) for side in (reference, current))
    )


def benjamini_hochberg(p_values: Sequence[float]) -> np.ndarray:
    """Return adjusted p values, shape (n,): those at most q are discoveries at a false discovery rate of q.

    Step-up procedure of Benjamini and Hochberg 1995 (JRSS B 57:289). Where nothing changed at all, the chance
    of any discovery is at most q too.
    """
    p = np.asarray(p_values, dtype=float)
    if not len(p):
        return p
    order = np.argsort(p)[::-1]
    stepped = np.minimum.accumulate(p[order] * len(p) / np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted
