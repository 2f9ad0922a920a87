"""Shapley values of the fields of one row, by sampled permutations, with their sampling error.

Štrumbelj and Kononenko (2014), interventional: a field that is "absent" takes the value of a
background row. Permutations come in pairs, one the reverse of the other (Mitchell 2022), and every
background row is used equally often, so that the values add up exactly and are exact for a model
without interactions between fields.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml.tabular.preparation import Table

PAIRS = 4


@dataclass(frozen=True, slots=True)
class Shapley:
    """Contributions of the fields: ``base + sum(values)`` is the row's own score.

    Parameters
    ----------
    values, errors
        Shape (fields,): contributions and the standard error that sampling permutations leaves.
    """

    base: float
    values: np.ndarray
    errors: np.ndarray


def sampled(
    score: Callable[[Table], np.ndarray],
    row: Mapping[str, Any],
    background: Sequence[Mapping[str, Any]],
    names: Sequence[str],
    *,
    pairs: int = PAIRS,
    seed: int = 0,
) -> Shapley:
    """Estimate the Shapley values of ``row`` against ``background``.

    Parameters
    ----------
    score
        From columns to scores of shape (n,), additive on the scale wanted (log odds).
    names
        The fields; all others are left out of the columns.
    pairs
        Pairs of permutations per background row.

    Raises
    ------
    ValueError
        Without background rows, or with fewer than two pairs.
    """
    if not background or pairs < 2:
        raise ValueError(f"need background rows and two pairs, got {len(background)} rows, {pairs} pairs")
    d, b = len(names), len(background)
    orders = _orders(d, b * pairs, np.random.default_rng(seed))
    owner = np.tile(np.repeat(np.arange(b), pairs), 2)
    scores = score(_mixed(row, background, names, orders, owner)).reshape(2 * b * pairs, d + 1)
    gains = np.empty((len(orders), d))
    np.put_along_axis(gains, orders, np.diff(scores, axis=1), axis=1)
    per_pair = ((gains[: b * pairs] + gains[b * pairs :]) / 2).reshape(b, pairs, d)
    variance = per_pair.var(axis=1, ddof=1).sum(axis=0) / pairs / b**2
    return Shapley(
        base=float(scores[:, 0].mean()), values=per_pair.mean(axis=(0, 1)), errors=np.sqrt(variance)
    )


def _orders(d: int, count: int, rng: np.random.Generator) -> np.ndarray:
    forward = rng.permuted(np.tile(np.arange(d), (count, 1)), axis=1)
    return np.concatenate([forward, forward[:, ::-1]])


def _mixed(
    row: Mapping[str, Any],
    background: Sequence[Mapping[str, Any]],
    names: Sequence[str],
    orders: np.ndarray,
    owner: np.ndarray,
) -> dict[str, np.ndarray]:
    """Columns in which, along each order, one field after another takes the row's value."""
    d = len(names)
    rank = np.argsort(orders, axis=1)
    columns = {}
    for j, name in enumerate(names):
        theirs = np.array([other.get(name) for other in background], dtype=object)[owner]
        mine = np.empty(1, dtype=object)
        mine[0] = row.get(name)
        taken = rank[:, j : j + 1] < np.arange(d + 1)
        columns[name] = np.where(taken, mine, theirs[:, None]).reshape(-1)
    return columns
