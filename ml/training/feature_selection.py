"""Keeping the features that say most about the outcome, learnt from training rows alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.feature_selection import mutual_info_classif
from sklearn.linear_model import LogisticRegression
from sklearn.svm import l1_min_c

# Penalties tried, as multiples of the weakest that leaves no feature at all.
L1_PATH = np.geomspace(1.2, 1000, 20)


@dataclass(frozen=True, slots=True)
class FeatureSelection:
    """How many features a recipe keeps, and by what.

    Parameters
    ----------
    kind
        ``"mutual_information"`` (Kraskov 2004; each feature by itself) or ``"l1"`` (features that a
        logistic regression with an absolute penalty takes up first: jointly, so that of two alike
        one suffices).
    keep
        Features kept; an indicator of a level counts as one.
    """

    kind: str
    keep: int

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"feature selection: unknown kind {self.kind!r}; there are: {', '.join(KINDS)}")
        if self.keep < 1:
            raise ValueError(f"feature selection must keep at least one feature, got {self.keep}")

    @classmethod
    def from_params(cls, params: Mapping[str, Any] | str | None) -> FeatureSelection | None:
        """Read ``none`` or ``{"kind": ..., "keep": ...}``.

        Raises
        ------
        ValueError
            For anything else.
        """
        if params is None or params == "none":
            return None
        if not isinstance(params, Mapping) or set(params) != {"kind", "keep"}:
            raise ValueError(f"feature selection: expected none, or kind and keep, got {params!r}")
        return cls(str(params["kind"]), int(params["keep"]))


def selected(
    how: FeatureSelection, features: np.ndarray, names: tuple[str, ...], y: np.ndarray, seed: int
) -> tuple[str, ...]:
    """Return the names kept, in their order.

    Parameters
    ----------
    features
        Shape (n, d): prepared training rows, not resampled.
    names
        Of the d features.
    y
        Shape (n,): 0 or 1.
    """
    if how.keep >= len(names):
        return names
    worth = KINDS[how.kind](features.astype(float), np.asarray(y), how.keep, seed)
    kept = np.sort(np.argsort(-worth, kind="stable")[: how.keep])
    return tuple(names[i] for i in kept)


def _mutual_information(x: np.ndarray, y: np.ndarray, keep: int, seed: int) -> np.ndarray:
    indicators = np.array([np.isin(column, (0.0, 1.0)).all() for column in x.T])
    return mutual_info_classif(x, y, discrete_features=indicators, random_state=seed)


def _absolute_penalty(x: np.ndarray, y: np.ndarray, keep: int, seed: int) -> np.ndarray:
    spread = x.std(axis=0)
    x = (x - x.mean(axis=0)) / np.where(spread > 0, spread, 1)
    weakest = l1_min_c(x, y, loss="log")
    for multiple in L1_PATH:
        fitted = LogisticRegression(
            C=weakest * multiple, l1_ratio=1.0, solver="liblinear", max_iter=500, random_state=seed
        ).fit(x, y)
        size = np.abs(fitted.coef_[0])
        if np.count_nonzero(size) >= keep:
            break
    return size


KINDS: dict[str, Callable[[np.ndarray, np.ndarray, int, int], np.ndarray]] = {
    "mutual_information": _mutual_information,
    "l1": _absolute_penalty,
}
