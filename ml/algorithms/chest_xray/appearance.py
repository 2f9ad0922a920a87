"""How an image was taken, as far as a stored image tells: what must not pass for disease.

Children with pneumonia were X-rayed otherwise than children without: lying down, brighter, cropped
otherwise, without a marker. A head learns that for disease as long as it helps, and fails where it does
not. These few numbers describe it; weighing by them makes them tell nothing about the label, and leaving
out whole groups of alike images asks what a head does where it has never been.
"""

from __future__ import annotations

import numpy as np
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression

BAND = 32
"""Pixels along an edge that tell about collimation, arms and neck."""
DARK, BRIGHT = 5, 250
FARTHEST = 3.0
"""Standard deviations beyond which a number tells no more."""
SMALLEST_SPREAD = 1e-6
"""Of a number that is the same for all images."""
REGULARISATION = 0.1


def describe(pixels: np.ndarray) -> np.ndarray:
    """Measure brightness, contrast, sharpness, collimation and stretch of stored images.

    Parameters
    ----------
    pixels
        Shape (n, 224, 224), uint8.

    Returns
    -------
    ndarray of shape (n, 9)
        Mean and standard deviation of the grey levels, mean step between neighbours, shares of black and
        of white, means of the left, upper and lower edge, and the steps down relative to those across;
        each standardised over the images and cut off at 3 standard deviations.
    """
    measured = np.array([_measure(image.astype(np.float32)) for image in pixels])
    spread = np.maximum(measured.std(axis=0), SMALLEST_SPREAD)
    standard = (measured - measured.mean(axis=0)) / spread
    return np.clip(standard, -FARTHEST, FARTHEST)


def _measure(grey: np.ndarray) -> list[float]:
    down, across = (float(np.abs(np.diff(grey, axis=axis)).mean()) for axis in (0, 1))
    edges = grey[:, :BAND], grey[:BAND], grey[-BAND:]
    return [
        float(grey.mean()),
        float(grey.std()),
        down + across,
        float((grey < DARK).mean()),
        float((grey > BRIGHT).mean()),
        *(float(edge.mean()) for edge in edges),
        down / across,
    ]


def groups(described: np.ndarray, patients: np.ndarray, n: int, seed: int) -> np.ndarray:
    """Put images taken alike into ``n`` groups (k-means), all images of a child into its commonest one.

    Returns
    -------
    ndarray of int, shape (n_images,)
    """
    found = KMeans(n, n_init=5, random_state=seed).fit_predict(described)
    _, child = np.unique(patients, return_inverse=True)
    counts = np.zeros((child.max() + 1, n), int)
    np.add.at(counts, (child, found), 1)
    return counts.argmax(axis=1)[child]


def weights(y: np.ndarray, described: np.ndarray, most: float) -> np.ndarray:
    """Weigh images so that how they were taken tells little about the label, and both classes the same.

    Inverse probability weighting (Rosenbaum & Rubin 1983): an image counts as one over the chance of its
    label among images taken alike, by a logistic regression on the numbers and their squares.

    Parameters
    ----------
    y
        Shape (n,): 1 for pneumonia.
    described
        Shape (n, numbers), of :func:`describe`.
    most
        Cap of an image's weight, so that a few odd ones do not rule; 1 weighs by class alone.

    Returns
    -------
    ndarray of shape (n,)
        Mean 1.
    """
    terms = np.c_[described, described**2]
    model = LogisticRegression(C=REGULARISATION, class_weight="balanced", max_iter=1000).fit(terms, y)
    chance = model.predict_proba(terms)[np.arange(len(y)), y]
    found = np.minimum(1.0 / chance, most)
    for label in (0, 1):
        found[y == label] *= 0.5 * len(y) / found[y == label].sum()
    return found
