"""The estimators a recipe may name, with one thread each and a seed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from xgboost import XGBClassifier


def _logistic(seed: int, **params: Any) -> LogisticRegression:
    return LogisticRegression(**{"max_iter": 2000, "random_state": seed, **params})


def _forest(seed: int, **params: Any) -> RandomForestClassifier:
    return RandomForestClassifier(**{"n_estimators": 100, "random_state": seed, "n_jobs": 1, **params})


def _boosting(seed: int, **params: Any) -> GradientBoostingClassifier:
    return GradientBoostingClassifier(**{"random_state": seed, **params})


def _xgboost(seed: int, **params: Any) -> XGBClassifier:
    # More than one thread makes a thousand rows a hundred times slower, not faster.
    return XGBClassifier(**{"random_state": seed, "n_jobs": 1, "tree_method": "hist", **params})


ESTIMATORS: Mapping[str, Callable[..., Any]] = {
    "logistic": _logistic,
    "random_forest": _forest,
    "gradient_boosting": _boosting,
    "xgboost": _xgboost,
}


def make(name: str, params: Mapping[str, Any], seed: int) -> Any:
    """Return an unfitted scikit-learn classifier.

    Raises
    ------
    ValueError
        For a name that is not in :data:`ESTIMATORS`.
    """
    if name not in ESTIMATORS:
        raise ValueError(f"unknown estimator {name!r}; there are: {', '.join(ESTIMATORS)}")
    return ESTIMATORS[name](seed, **params)
