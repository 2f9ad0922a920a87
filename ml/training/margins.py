"""Classifiers by one margin: logistic regression, and a support vector machine for our own calibration."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC

KERNELS = ("rbf", "linear")


class LogisticClassifier(LogisticRegression):
    """Logistic regression whose probabilities are double: float32 features would make them float32."""

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return the probabilities of both classes, shape (n, 2)."""
        margin = np.asarray(X, dtype=float) @ self.coef_[0].astype(float) + float(self.intercept_[0])
        return np.stack([expit(-margin), expit(margin)], axis=1)


class MarginClassifier:
    """A support vector machine; its score is ``1 / (1 + exp(-margin))``.

    Platt's own curve is left to the recipe's calibration, which fits the very same two numbers on
    out-of-fold rows at natural prevalence; a second one inside would cost further fits and learn
    from resampled rows. The score ranks, and is a probability only after that calibration.

    Parameters
    ----------
    params
        Of :class:`sklearn.svm.SVC`; ``kernel`` is ``"rbf"`` or ``"linear"``.
    """

    def __init__(self, **params: Any) -> None:
        kernel = params.get("kernel", "rbf")
        if kernel not in KERNELS:
            raise ValueError(f"svm: kernel must be one of {', '.join(KERNELS)}, got {kernel!r}")
        self.machine = SVC(**params)

    def fit(self, X: np.ndarray, y: np.ndarray, sample_weight: np.ndarray | None = None) -> MarginClassifier:
        """Fit on features, shape (n, d), and labels, shape (n,): 0 or 1."""
        self.machine.fit(X, y, sample_weight=sample_weight)
        return self

    def predict_proba(self, x: np.ndarray) -> np.ndarray:
        """Return the squashed margins of both classes, shape (n, 2)."""
        event = expit(self.machine.decision_function(x))
        return np.stack([1 - event, event], axis=1)

    @property
    def kernel(self) -> str:
        """``"rbf"`` or ``"linear"``."""
        return self.machine.kernel

    @property
    def gamma(self) -> float:
        """Width of the radial kernel as resolved from the training rows."""
        return float(self.machine._gamma)

    @property
    def support(self) -> tuple[np.ndarray, np.ndarray, float]:
        """Support vectors, shape (s, d), their signed weights, shape (s,), and the intercept."""
        machine = self.machine
        return machine.support_vectors_, machine.dual_coef_[0], float(machine.intercept_[0])
