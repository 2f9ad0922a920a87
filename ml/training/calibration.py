"""Recalibration on rows the model has not seen, at the natural prevalence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml.training.evaluation import fit_logistic, logit


@dataclass(frozen=True, slots=True)
class Sigmoid:
    """A logistic curve on the log odds: ``1 / (1 + exp(-(intercept + slope · logit p)))``.

    Two numbers only, so it is sound where isotonic regression would follow the noise (under a few
    hundred events). Platt 1999, on log odds as in Cox 1958.
    """

    slope: float = 1.0
    intercept: float = 0.0

    def apply(self, p: np.ndarray) -> np.ndarray:
        """Return recalibrated probabilities of the same shape."""
        return 1 / (1 + np.exp(-(self.intercept + self.slope * logit(p))))


def fit_sigmoid(p: np.ndarray, y: np.ndarray) -> Sigmoid:
    """Fit a sigmoid to out-of-fold probabilities ``p`` and labels ``y``, both of shape (n,).

    Raises
    ------
    ValueError
        When the fit does not exist (one class only, or the classes do not overlap).
    """
    x = np.stack([np.ones(len(p)), logit(p)], axis=1)
    (intercept, slope) = fit_logistic(x, np.asarray(y, float), np.ones((1, len(p))), np.zeros(len(p)))[0]
    if not np.isfinite([intercept, slope]).all():
        raise ValueError(
            "no calibration curve: the out-of-fold probabilities separate the classes or are constant"
        )
    return Sigmoid(float(slope), float(intercept))


def log_loss(p: np.ndarray, y: np.ndarray) -> float:
    """Return the mean negative log likelihood of labels under probabilities."""
    z = logit(p)
    return float(np.mean(np.logaddexp(0, -z) * y + np.logaddexp(0, z) * (1 - np.asarray(y))))
