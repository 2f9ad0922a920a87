"""The rule by which the operating point of the X-ray head is chosen: in training, and again at the gate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ml.package import Package


def threshold_for_sensitivity(probabilities: np.ndarray, y: np.ndarray, sensitivity: float) -> float:
    """Return the highest threshold that still flags the wanted share of the diseased."""
    return float(np.quantile(probabilities[y == 1], 1.0 - sensitivity, method="lower"))


def of(package: Package, scores: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Return the operating point that follows from held-out scores, with what it reaches on them.

    Parameters
    ----------
    scores
        Probabilities of ``events`` and ``others``, see :mod:`ml.held_out`.

    Returns
    -------
    dict
        ``value``, ``sensitivity`` and ``specificity``.
    """
    events, others = (np.array(scores[name]) for name in ("events", "others"))
    wanted = package.manifest["operating_point"]["wanted_sensitivity"]
    value = threshold_for_sensitivity(events, np.ones(len(events), int), wanted)
    return {
        "value": value,
        "sensitivity": float((events >= value).mean()),
        "specificity": float((others < value).mean()),
    }
