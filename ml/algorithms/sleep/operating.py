"""The rule by which the confidence is chosen below which an epoch is shown as uncertain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ml.package import Package

DIGITS = 3
"""Of the threshold, and of the confidences that are kept to derive it from."""


def confidence_threshold(confidences: np.ndarray, share: float) -> float:
    """Return the confidence below which the given share of epochs lies, three decimals.

    Parameters
    ----------
    confidences
        Shape (epochs,): calibrated probability of the likeliest stage.
    """
    return round(float(np.quantile(confidences, share)), DIGITS)


def of(package: Package, scores: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Return the confidence threshold that follows from held-out epochs.

    Parameters
    ----------
    scores
        Confidences, three decimals, of the epochs staged as their scorer did (``right``) and of the others
        (``wrong``).

    Returns
    -------
    dict
        ``value``; the ``share`` of epochs below it, and the share of these that are ``wrong``.
    """
    right, wrong = (np.array(scores[name]) for name in ("right", "wrong"))
    share = package.manifest["training"]["params"]["review_share"]
    value = confidence_threshold(np.concatenate([right, wrong]), share)
    below, missed = (right < value).sum() + (wrong < value).sum(), (wrong < value).sum()
    return {
        "value": value,
        "share": float(below / (len(right) + len(wrong))),
        "wrong": float(missed / max(1, below)),
    }
