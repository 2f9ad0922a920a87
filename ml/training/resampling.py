"""Answers to class imbalance, applied to training rows only, never to the rows that judge."""

from __future__ import annotations

import numpy as np
from imblearn.over_sampling import SMOTE
from imblearn.under_sampling import RandomUnderSampler

RESAMPLERS = ("none", "smote", "undersampling", "class_weights")


def resample(
    x: np.ndarray, y: np.ndarray, how: str, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Return training rows, labels and weights after resampling.

    Parameters
    ----------
    x, y
        Shapes (n, d) and (n,).
    how
        ``"none"``; ``"smote"`` (Chawla 2002), which invents cases of the rare class;
        ``"undersampling"``, which drops cases of the frequent one; ``"class_weights"``, which
        weighs both classes alike. All but ``"none"`` shift the probabilities: recalibrate.

    Returns
    -------
    x, y, weights
        ``weights`` is ``None`` unless asked for.

    Raises
    ------
    ValueError
        For an unknown name.
    """
    if how == "none":
        return x, y, None
    if how == "class_weights":
        counts = np.bincount(y, minlength=2)
        return x, y, (len(y) / (2 * counts))[y]
    if how == "smote":
        neighbours = min(5, int(np.bincount(y).min()) - 1)
        return *SMOTE(random_state=seed, k_neighbors=neighbours).fit_resample(x, y), None
    if how == "undersampling":
        return *RandomUnderSampler(random_state=seed).fit_resample(x, y), None
    raise ValueError(f"unknown resampler {how!r}; there are: {', '.join(RESAMPLERS)}")
