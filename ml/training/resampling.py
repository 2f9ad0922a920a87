"""Answers to class imbalance, applied to training rows only, never to the rows that judge."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from imblearn.combine import SMOTEENN
from imblearn.over_sampling import SMOTE, SMOTEN, SMOTENC
from imblearn.under_sampling import EditedNearestNeighbours, RandomUnderSampler

from ml.tabular.preparation import Preparation, Table

NEIGHBOURS = 5


class Rows(NamedTuple):
    """What members are fitted on.

    Parameters
    ----------
    features
        Shape (n, d), float32.
    labels
        Shape (n,): 0 or 1.
    weights
        Shape (n,), or ``None`` when every row counts alike.
    """

    features: np.ndarray
    labels: np.ndarray
    weights: np.ndarray | None = None


def resample(preparation: Preparation, table: Table, y: np.ndarray, how: str, seed: int) -> Rows:
    """Prepare training rows and answer their imbalance. All but ``"none"`` shift the probabilities.

    Parameters
    ----------
    preparation
        Fitted on these rows.
    table
        Columns of shape (n,).
    y
        Shape (n,): 0 or 1.
    how
        ``"none"``; ``"class_weights"``, which weighs both classes alike; ``"undersampling"``, which
        drops cases of the frequent class; ``"smote"`` (Chawla 2002), which invents cases of the rare
        one between neighbours, indicators of levels included; ``"smotenc"``, the same with one valid
        level per categorical column (the neighbours' most frequent: it works on level codes, before
        they become indicators); ``"smoteenn"`` (Batista 2004), SMOTE and then dropping the rows that
        their three nearest neighbours outvote.

    Raises
    ------
    ValueError
        For an unknown name, or with too few cases to resample.
    """
    if how not in RESAMPLERS:
        raise ValueError(f"unknown resampler {how!r}; there are: {', '.join(RESAMPLERS)}")
    y = np.asarray(y, dtype=int)
    if how != "none" and np.bincount(y, minlength=2).min() == 0:
        raise ValueError(f"resampling by {how} needs cases of both classes, and all {len(y)} rows have one")
    return RESAMPLERS[how](preparation, table, y, seed)


def _as_they_are(preparation: Preparation, table: Table, y: np.ndarray, seed: int) -> Rows:
    return Rows(preparation.transform(table), y)


def _weighted(preparation: Preparation, table: Table, y: np.ndarray, seed: int) -> Rows:
    weights = len(y) / (2 * np.bincount(y, minlength=2))
    return Rows(preparation.transform(table), y, weights[y])


def _undersampled(preparation: Preparation, table: Table, y: np.ndarray, seed: int) -> Rows:
    sampler = RandomUnderSampler(random_state=seed)
    return Rows(*sampler.fit_resample(preparation.transform(table), y))


def _smote(preparation: Preparation, table: Table, y: np.ndarray, seed: int) -> Rows:
    sampler = SMOTE(random_state=seed, k_neighbors=_neighbours(y))
    return Rows(*sampler.fit_resample(preparation.transform(table), y))


def _smotenc(preparation: Preparation, table: Table, y: np.ndarray, seed: int) -> Rows:
    numbers, categories = len(preparation.numbers), len(preparation.categories)
    options = {"random_state": seed, "k_neighbors": _neighbours(y)}
    # The family has a member of its own for tables of numbers alone and of categories alone.
    if not categories:
        sampler = SMOTE(**options)
    elif not numbers:
        sampler = SMOTEN(**options)
    else:
        sampler = SMOTENC(list(range(numbers, numbers + categories)), **options)
    coded, labels = sampler.fit_resample(preparation.coded(table), y)
    return Rows(preparation.encoded(coded), labels)


def _smoteenn(preparation: Preparation, table: Table, y: np.ndarray, seed: int) -> Rows:
    sampler = SMOTEENN(
        random_state=seed,
        smote=SMOTE(random_state=seed, k_neighbors=_neighbours(y)),
        enn=EditedNearestNeighbours(sampling_strategy="all"),
    )
    features, labels = sampler.fit_resample(preparation.transform(table), y)
    if len(np.unique(labels)) < 2:
        raise ValueError(
            "SMOTEENN drops every case of one class, so much do the classes overlap: choose smote"
        )
    return Rows(features, labels)


def _neighbours(y: np.ndarray) -> int:
    """Return how many neighbours to interpolate between: fewer than five where cases are few."""
    rare = int(np.bincount(y, minlength=2).min())
    if rare < 2:
        raise ValueError(
            f"SMOTE invents cases between neighbours and needs at least 2 of the rarer class, got {rare}: "
            "choose class_weights or none"
        )
    return min(NEIGHBOURS, rare - 1)


RESAMPLERS: dict[str, Callable[[Preparation, Table, np.ndarray, int], Rows]] = {
    "none": _as_they_are,
    "class_weights": _weighted,
    "undersampling": _undersampled,
    "smote": _smote,
    "smotenc": _smotenc,
    "smoteenn": _smoteenn,
}
