"""Has the population changed? Training distributions held against current inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import ks_2samp

# Usual reading of the population stability index (Siddiqi 2006): < 0.1 stable, > 0.25 shifted.
STABLE, SHIFTED = 0.1, 0.25
FLOOR = 1e-4


@dataclass(frozen=True, slots=True)
class Shift:
    """How far one column has moved.

    Parameters
    ----------
    psi
        Population stability index.
    ks, p_value
        Two-sample Kolmogorov–Smirnov distance and its p value; ``None`` for categories.
    """

    psi: float
    ks: float | None = None
    p_value: float | None = None

    @property
    def verdict(self) -> str:
        """``stable``, ``moving`` or ``shifted``, by the index alone."""
        return "stable" if self.psi < STABLE else "moving" if self.psi < SHIFTED else "shifted"


def psi(reference: Sequence[float], current: Sequence[float]) -> float:
    """Return the population stability index of two frequency vectors over the same bins.

    ``Σ (c − r) · ln(c / r)`` over shares; empty bins count as 0.01 %.
    """
    r = np.maximum(np.asarray(reference, dtype=float) / np.sum(reference), FLOOR)
    c = np.maximum(np.asarray(current, dtype=float) / np.sum(current), FLOOR)
    return float(np.sum((c - r) * np.log(c / r)))


def numeric_shift(reference: np.ndarray, current: np.ndarray, *, bins: int = 10) -> Shift:
    """Compare two samples of a number, binned at the quantiles of the reference.

    Raises
    ------
    ValueError
        When either sample has no finite value.
    """
    reference, current = _finite(reference), _finite(current)
    edges = np.unique(np.quantile(reference, np.linspace(0, 1, bins + 1)[1:-1]))
    # A value on an edge belongs to the bin above it, on both sides alike.
    counts = [
        np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1)
        for values in (reference, current)
    ]
    test = ks_2samp(reference, current)
    return Shift(psi(*counts), float(test.statistic), float(test.pvalue))


def category_shift(reference: Mapping[str, int], current: Mapping[str, int]) -> Shift:
    """Compare two tables of counts by level; a level of one side only counts as empty on the other."""
    levels = sorted(reference.keys() | current.keys())
    return Shift(psi([reference.get(k, 0) for k in levels], [current.get(k, 0) for k in levels]))


def _finite(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, dtype=float)
    values = values[np.isfinite(values)]
    if not len(values):
        raise ValueError("no finite value to compare")
    return values
