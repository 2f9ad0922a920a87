"""Splits of rows into training and judging parts."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from sklearn.model_selection import StratifiedKFold, train_test_split

Split = tuple[np.ndarray, np.ndarray]


def stratified_folds(y: np.ndarray, folds: int, *, seed: int) -> Iterator[Split]:
    """Yield (training, test) row indices; every row is in one test part."""
    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    yield from splitter.split(np.zeros(len(y)), y)


def held_out(y: np.ndarray, share: float, *, seed: int) -> Split:
    """Return (training, held-out) row indices, the same for the same labels and seed."""
    train, test = train_test_split(np.arange(len(y)), test_size=share, stratify=y, random_state=seed)
    return np.sort(train), np.sort(test)
