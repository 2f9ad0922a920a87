"""The operating point of the crash model from its out-of-fold scores, by the rule of its training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ml.package import Package
from ml.training.thresholds import best_f1_threshold


def of(package: Package, scores: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Return the threshold of highest F1 on held-out scores.

    Parameters
    ----------
    scores
        Probabilities of ``events`` and ``others``, see :mod:`ml.held_out`.

    Returns
    -------
    dict
        ``value``, and the ``f1`` that it reaches on them.
    """
    events, others = (np.array(scores[name]) for name in ("events", "others"))
    y = np.r_[np.ones(len(events), int), np.zeros(len(others), int)]
    value = best_f1_threshold(y, np.r_[events, others])
    hits, alarms = int((events >= value).sum()), int((others >= value).sum())
    return {"value": value, "f1": 2 * hits / (hits + alarms + len(events))}
