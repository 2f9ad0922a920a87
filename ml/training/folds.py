"""Splits of rows into training and judging parts; rows of one group stay on one side."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, train_test_split

Split = tuple[np.ndarray, np.ndarray]


def stratified_folds(
    y: np.ndarray, folds: int, *, seed: int, groups: np.ndarray | None = None
) -> Iterator[Split]:
    """Yield (training, test) row indices; every row is in one test part.

    Parameters
    ----------
    y
        Shape (n,): labels, spread evenly over the folds as far as the groups allow.
    groups
        Shape (n,): what must not be torn apart, such as the mother of each birth.

    Raises
    ------
    ValueError
        When a class has fewer rows (or groups) than there are folds.
    """
    y = np.asarray(y)
    for label in np.unique(y):
        units = y == label if groups is None else np.unique(np.asarray(groups)[y == label])
        count = int(np.sum(units)) if groups is None else len(units)
        if count < folds:
            what = "rows" if groups is None else "groups"
            raise ValueError(f"{folds} folds need at least {folds} {what} of class {label}, got {count}")
    kind = StratifiedKFold if groups is None else StratifiedGroupKFold
    splitter = kind(folds, shuffle=True, random_state=seed)
    yield from splitter.split(np.zeros(len(y)), y, groups)


def repeated(
    y: np.ndarray, folds: int, repeats: int, seed: int, groups: np.ndarray | None = None
) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Yield (repeat, training, test): stratified folds drawn anew in every repeat.

    Parameters are those of :func:`stratified_folds`; repeat ``r`` is drawn with ``seed + r``.
    """
    for repeat in range(repeats):
        for train, test in stratified_folds(y, folds, seed=seed + repeat, groups=groups):
            yield repeat, train, test


def held_out(y: np.ndarray, share: float, *, seed: int) -> Split:
    """Return (training, held-out) row indices, the same for the same labels and seed."""
    train, test = train_test_split(np.arange(len(y)), test_size=share, stratify=y, random_state=seed)
    return np.sort(train), np.sort(test)
