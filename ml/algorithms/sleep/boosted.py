"""Gradient boosting beside the network: its stages as a second opinion, and exact Shapley values of them.

The trees are read from plain arrays, so that a worker needs neither XGBoost nor pickle.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from math import factorial
from pathlib import Path

import numpy as np
from scipy.ndimage import correlate1d

from ml.algorithms.sleep.contract import STAGES
from ml.algorithms.sleep.features import N_BANDS, SLOTS, network_inputs
from ml.package import Package

FILE = "boosted.npz"
N_STAGES = len(STAGES)
# Columns of ``network_inputs`` without the mask: plain and night-scaled, by slot, log and share, by band.
_COLUMNS = 2 * len(SLOTS) * 2 * N_BANDS
# The neighbours: seven epochs on either side, nearer ones weighing more, and the five before and after.
_AROUND = np.concatenate([np.arange(1, 9), np.arange(7, 0, -1)]).astype(np.float32)
_BEFORE = np.array([1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0], np.float32)
_KERNELS = (_AROUND, _BEFORE, _BEFORE[::-1])
N_INPUTS = _COLUMNS * (1 + len(_KERNELS))
# Now and neighbours.
N_TIMES = 2
_ROWS_AT_ONCE = 256


def inputs(features: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Turn the band powers of a night into what the trees read.

    Parameters
    ----------
    features, mask
        As for ``features.network_inputs``.

    Returns
    -------
    ndarray, shape (epochs, 240), float32
        Sixty columns of the epoch, then their means around, before and after it; not a number where a slot
        is empty.
    """
    given = np.broadcast_to(np.asarray(mask, bool), (len(features), len(SLOTS)))
    now = network_inputs(features, mask)[:, :_COLUMNS]
    known = given[:, _slot_of(np.arange(_COLUMNS))].astype(np.float32)
    columns = [np.where(known > 0, now, np.nan)]
    for kernel in _KERNELS:
        total = correlate1d(now * known, kernel, axis=0, mode="constant")
        weight = correlate1d(known, kernel, axis=0, mode="constant")
        columns.append(np.where(weight > 0, total / np.maximum(weight, 1e-9), np.nan))
    return np.concatenate(columns, axis=1).astype(np.float32)


def groups() -> np.ndarray:
    """Slot and band of each column, and whether it is of the epoch (0) or around it (1); shape (240, 3)."""
    column = np.arange(N_INPUTS)
    return np.stack([_slot_of(column), column % N_BANDS, (column >= _COLUMNS).astype(int)], axis=1)


def _slot_of(column: np.ndarray) -> np.ndarray:
    return column % (_COLUMNS // 2) // (2 * N_BANDS)


@dataclass(frozen=True)
class Trees:
    """Trees as arrays over all their nodes; tree ``t`` is of stage ``t % 5``.

    Parameters
    ----------
    roots
        Shape (trees,): first node of each tree.
    column
        Shape (nodes,): column asked; -1 at a leaf.
    threshold
        A value below it goes left. At a leaf: what it adds to the stage's score.
    left, right
        Nodes that follow.
    unknown_left
        Whether a missing value goes left.
    cover
        Weight of the training epochs that came by.
    base
        Shape (5,): score of each stage before any tree.
    """

    roots: np.ndarray
    column: np.ndarray
    threshold: np.ndarray
    left: np.ndarray
    right: np.ndarray
    unknown_left: np.ndarray
    cover: np.ndarray
    base: np.ndarray

    def scores(self, x: np.ndarray) -> np.ndarray:
        """Return the score (log odds up to one constant per epoch) of each stage; shape (epochs, 5)."""
        parts = [self._scores(x[i : i + _ROWS_AT_ONCE]) for i in range(0, len(x), _ROWS_AT_ONCE)]
        return np.concatenate(parts) + self.base

    def _scores(self, x: np.ndarray) -> np.ndarray:
        column, children = self._ways
        values, missing = x.ravel(), np.isnan(x).any()
        first = np.arange(len(x), dtype=np.int32)[:, None] * x.shape[1]
        at = np.repeat(self.roots[None], len(x), axis=0)
        while True:
            value = values.take(first + column.take(at))
            go_left = value < self.threshold.take(at)
            if missing:
                go_left |= np.isnan(value) & self.unknown_left.take(at)
            after = children.take(2 * at + go_left)
            if np.array_equal(after, at):
                return self.threshold.take(at).reshape(len(x), -1, N_STAGES).sum(axis=1, dtype=np.float64)
            at = after

    @cached_property
    def _ways(self) -> tuple[np.ndarray, np.ndarray]:
        """Column asked at each node, and its right and left child in turn; a leaf leads to itself."""
        leaf, own = self.column < 0, np.arange(len(self.column), dtype=np.int32)
        children = np.stack([np.where(leaf, own, self.right), np.where(leaf, own, self.left)], axis=1)
        return np.maximum(self.column, 0).astype(np.int32), children.astype(np.int32).ravel()

    def shapley(self, x: np.ndarray, stages: np.ndarray) -> np.ndarray:
        """Exact Shapley values of one stage's score per epoch, summed to channel, band and now or neighbours.

        Parameters
        ----------
        x
            Rows of :func:`inputs`.
        stages
            Shape (epochs,): the stage asked about, 0..4.

        Returns
        -------
        ndarray, shape (epochs, 3, 5, 2)
            They add up to the score less its mean over the training epochs. Path-dependent TreeSHAP (Lundberg
            2020): an absent column is averaged over the training epochs that came by each branch.
        """
        found = np.zeros((len(x), len(SLOTS) * N_BANDS * N_TIMES))
        of_column = groups() @ np.array([N_BANDS * N_TIMES, N_TIMES, 1])
        for stage in np.unique(stages):
            own = np.flatnonzero(stages == stage)
            for start in range(0, len(own), _ROWS_AT_ONCE):
                rows = own[start : start + _ROWS_AT_ONCE]
                for paths in self._paths[stage]:
                    found[rows] += paths.values(x[rows], of_column, found.shape[1])
        return found.reshape(len(x), len(SLOTS), N_BANDS, N_TIMES)

    @cached_property
    def _paths(self) -> list[list[_Paths]]:
        """Leaves of each stage's trees, those with as many different columns on their way together."""
        found: list[dict[int, list[tuple]]] = [{} for _ in range(N_STAGES)]
        for number, root in enumerate(self.roots):
            for leaf in self._leaves(int(root), {}):
                found[number % N_STAGES].setdefault(len(leaf[0]), []).append(leaf)
        return [[_Paths.of(leaves) for size, leaves in sorted(f.items()) if size] for f in found]

    def _leaves(self, node: int, way: dict[int, tuple[float, float, bool, float]]) -> list[tuple]:
        """Leaves below a node: the bounds of the columns on the way, their share of the cover; the value."""
        column = int(self.column[node])
        if column < 0:
            return [(way, float(self.threshold[node]))]
        low, high, unknown, share = way.get(column, (-np.inf, np.inf, True, 1.0))
        cut, goes_left = float(self.threshold[node]), bool(self.unknown_left[node])
        found = []
        for child, bounds, taken in (
            (int(self.left[node]), (low, min(high, cut)), goes_left),
            (int(self.right[node]), (max(low, cut), high), not goes_left),
        ):
            part = share * float(self.cover[child] / self.cover[node])
            found += self._leaves(child, {**way, column: (*bounds, unknown and taken, part)})
        return found


@dataclass(frozen=True, slots=True)
class _Paths:
    """Leaves with ``k`` columns on their way; ``table`` the values for each of 2^k patterns that fit."""

    columns: np.ndarray
    low: np.ndarray
    high: np.ndarray
    unknown: np.ndarray
    table: np.ndarray

    @classmethod
    def of(cls, leaves: list[tuple]) -> _Paths:
        columns = np.array([list(way) for way, _ in leaves])
        low, high, unknown, share = (
            np.array([[bounds[i] for bounds in way.values()] for way, _ in leaves]) for i in range(4)
        )
        value = np.array([value for _, value in leaves])
        table = value[:, None, None] * _products(share)
        return cls(columns, low.astype(np.float32), high.astype(np.float32), unknown.astype(bool), table)

    def values(self, x: np.ndarray, group: np.ndarray, size: int) -> np.ndarray:
        """Sum the Shapley values of all leaves by group; shape (rows, size)."""
        given = x[:, self.columns]
        fits = np.where(np.isnan(given), self.unknown, (given >= self.low) & (given < self.high))
        pattern = fits @ (1 << np.arange(self.columns.shape[1]))
        values = self.table[np.arange(len(self.columns)), pattern]
        at = np.arange(len(x))[:, None, None] * size + group[self.columns]
        return np.bincount(at.ravel(), values.ravel(), len(x) * size).reshape(len(x), size)


def _products(share: np.ndarray) -> np.ndarray:
    """Shapley values of the game whose worth is the product of a column's fit (in) or share (out).

    Parameters
    ----------
    share
        Shape (leaves, k): share of the training epochs that fit each column's bounds on the way.

    Returns
    -------
    ndarray, shape (leaves, 2^k, k)
        For each pattern of columns that fit (bit ``j`` for column ``j``).
    """
    leaves, k = share.shape
    fits = (np.arange(1 << k)[:, None] >> np.arange(k)) & 1
    weights = [factorial(s) * factorial(k - s - 1) / factorial(k) for s in range(k)]
    found = np.empty((leaves, 1 << k, k))
    for i in range(k):
        # Coefficient s: the worth of all coalitions of s of the other columns.
        worth = np.zeros((leaves, 1 << k, k))
        worth[:, :, 0] = 1
        for j in (j for j in range(k) if j != i):
            inside = np.zeros_like(worth)
            inside[:, :, 1:] = worth[:, :, :-1] * fits[None, :, j, None]
            worth = worth * share[:, None, j, None] + inside
        found[:, :, i] = (worth @ weights) * (fits[:, i] - share[:, None, i])
    return found


@dataclass(frozen=True, slots=True)
class Boosted:
    """The trees of all folds: their mean score serves, and each has not seen the subjects of its own fold."""

    folds: tuple[Trees, ...]

    def probabilities(self, x: np.ndarray, fold: int = -1) -> np.ndarray:
        """Return the probabilities by one fold's trees, by all together for -1; shape (epochs, 5)."""
        used = self.folds if fold < 0 else (self.folds[fold],)
        scores = np.mean([trees.scores(x) for trees in used], axis=0)
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)

    def shapley(self, x: np.ndarray, stages: np.ndarray) -> np.ndarray:
        """Shapley values of the mean score, which is their mean; see :meth:`Trees.shapley`."""
        return np.mean([trees.shapley(x, stages) for trees in self.folds], axis=0)


def of(package: Package) -> Boosted | None:
    """Return the trees of a verified package, ``None`` without any; kept for the life of the process."""
    return read(package.path(FILE)) if FILE in package.manifest["files"] else None


@cache
def read(path: Path) -> Boosted:
    """Read trees written by :func:`write`."""
    names = Trees.__dataclass_fields__
    with np.load(path, allow_pickle=False) as stored:
        count = len(stored.files) // len(names)
        return Boosted(tuple(Trees(**{n: stored[f"{n}_{k}"] for n in names}) for k in range(count)))


def write(model: Boosted, path: Path) -> None:
    """Write trees as plain arrays, the same bytes for the same trees."""
    arrays = {
        f"{n}_{k}": getattr(trees, n)
        for k, trees in enumerate(model.folds)
        for n in Trees.__dataclass_fields__
    }
    np.savez_compressed(path, **arrays)
