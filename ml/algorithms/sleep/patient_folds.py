"""Patients dealt into folds: no patient is ever on both sides."""

from __future__ import annotations

import numpy as np


def folds_of(patients: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """Deal whole patients into folds; returns the fold of each night."""
    names = np.unique(patients)
    order = np.random.default_rng(seed).permutation(len(names))
    fold_of_name = np.empty(len(names), int)
    fold_of_name[order] = np.arange(len(names)) % folds
    return fold_of_name[np.searchsorted(names, patients)]
