"""Linear heads on frozen features: fitted, checked out of fold, calibrated."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold

MAX_ITERATIONS = 500
TOLERANCE = 1e-3
NUMBERED = re.compile(r"(.*?)(\d+)")
SMALLEST_SCALE = 0.01
"""Features that hardly vary are not stretched further: that would only magnify rounding on export."""


@dataclass(frozen=True)
class Head:
    """A logistic head written as ``(features - centre) @ weights + intercept``.

    Parameters
    ----------
    centre
        Shape (features,): the average training image, to which the evidence is relative.
    weights
        Shape (features,).
    """

    centre: np.ndarray
    weights: np.ndarray
    intercept: float

    def logit(self, features: np.ndarray) -> np.ndarray:
        """Return the log odds of shape (n,)."""
        return (features - self.centre) @ self.weights + self.intercept


def fit(
    features: np.ndarray,
    y: np.ndarray,
    regularisation: float,
    *,
    standardise: bool = True,
    weights: np.ndarray | None = None,
) -> Head:
    """Fit a logistic head.

    Parameters
    ----------
    regularisation
        Inverse strength of the quadratic penalty (scikit-learn's ``C``).
    standardise
        False for features already scaled by :func:`damping`.
    weights
        Shape (n,), mean 1; without them both classes weigh the same.
    """
    centre, scale = _centre_and_scale(features)
    if not standardise:
        scale = np.ones_like(scale)
    model = LogisticRegression(
        C=regularisation,
        class_weight="balanced" if weights is None else None,
        max_iter=MAX_ITERATIONS,
        tol=TOLERANCE,
    )
    model.fit((features - centre) / scale, y, sample_weight=weights)
    return Head(centre, model.coef_[0] / scale, float(model.intercept_[0]))


def damping(features: np.ndarray, differences: np.ndarray, strength: float) -> np.ndarray:
    """Return the matrix that scales features and damps directions in which nothing should differ.

    With standardised differences of second moment S it is D⁻¹(I + strength · S)^(-1/2), D the
    standard deviations: a quadratic penalty on a head of the damped features then also penalises how
    far the differences move its score.

    Parameters
    ----------
    features
        Shape (n, features).
    differences
        Shape (m, features): an image stored again, minus the image.
    strength
        0 only scales.

    Returns
    -------
    ndarray of float32, shape (features, features)
    """
    _, scale = _centre_and_scale(features)
    scaled = differences / scale
    values, axes = np.linalg.eigh(scaled.T @ scaled / len(scaled))
    held_back = (axes / np.sqrt(1.0 + strength * np.maximum(values, 0.0))) @ axes.T
    return (held_back / scale[:, None]).astype(np.float32)


def undamped(head: Head, matrix: np.ndarray, centre: np.ndarray) -> Head:
    """Write a head of damped features as one of the features themselves.

    Parameters
    ----------
    centre
        Shape (features,): the mean of the features that the head was fitted to, before damping.
    """
    return Head(centre, matrix @ head.weights, head.intercept)


def _centre_and_scale(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    centre = features.mean(axis=0, dtype=np.float64).astype(np.float32)
    spread = features.std(axis=0, dtype=np.float64).astype(np.float32)
    return centre, np.maximum(spread, SMALLEST_SCALE)


def folds(y: np.ndarray, patients: np.ndarray, n: int, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Split cases so that no patient is on both sides; pairs of (training, held-out) indices."""
    splitter = StratifiedGroupKFold(n, shuffle=True, random_state=seed)
    return list(splitter.split(np.zeros(len(y)), y, patients))


def blocks(patients: np.ndarray, n: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Split cases by stretches of file numbers; pairs of (training, held-out) indices.

    Files were numbered as they came, so neighbours share a room, a device and a season. A random split
    lets a model recognise them; here each series of numbers is cut into ``n`` stretches, each held out
    once, as the official test holds out the lowest numbers.

    Parameters
    ----------
    patients
        Names ending in a number, as :func:`ml.algorithms.chest_xray.dataset.patient` gives them.
    """
    series, numbers = (
        np.array([found.group(part) for found in map(NUMBERED.fullmatch, patients)]) for part in (1, 2)
    )
    stretch = np.zeros(len(patients), int)
    for one in np.unique(series):
        own = np.flatnonzero(series == one)
        _, rank = np.unique(numbers[own].astype(int), return_inverse=True)
        stretch[own] = rank * n // (rank.max() + 1)
    return [(np.flatnonzero(stretch != k), np.flatnonzero(stretch == k)) for k in range(n)]


def calibrate(logits: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """Fit Platt's sigmoid (1999) on out-of-fold log odds, both classes weighing the same.

    The probability is therefore that of a child from a group in which every second one has pneumonia.
    """
    model = LogisticRegression(C=1e6, class_weight="balanced").fit(logits[:, None], y)
    return {"slope": float(model.coef_[0, 0]), "intercept": float(model.intercept_[0]), "prevalence": 0.5}


def sigmoid(logits: np.ndarray, calibration: dict[str, float]) -> np.ndarray:
    """Apply a calibration to log odds."""
    odds = calibration["slope"] * logits + calibration["intercept"]
    return 1.0 / (1.0 + np.exp(-np.clip(odds, -40, 40)))


@dataclass(frozen=True)
class Cloud:
    """Where the training images lie: principal axes scaled to standard deviation 1.

    Parameters
    ----------
    axes
        Shape (features, components).
    """

    centre: np.ndarray
    axes: np.ndarray

    def distance(self, features: np.ndarray) -> np.ndarray:
        """Return the mean squared distance along the axes, shape (n,)."""
        return np.mean(((features - self.centre) @ self.axes) ** 2, axis=1)


def fit_cloud(features: np.ndarray, components: int, seed: int) -> Cloud:
    """Fit the principal axes of standardised features."""
    centre, scale = _centre_and_scale(features)
    pca = PCA(components, random_state=seed).fit((features - centre) / scale)
    axes = pca.components_.T / scale[:, None] / np.sqrt(pca.explained_variance_)
    return Cloud(centre, axes)
