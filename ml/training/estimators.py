"""The estimators a recipe may name: imported when one does, with one thread each and a seed."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

# Name in a recipe → dotted path of the class. TensorFlow takes seconds to import and 400 MB: only a recipe
# that names the network pays for it.
ESTIMATORS: Mapping[str, str] = {
    "logistic": "ml.training.margins.LogisticClassifier",
    "random_forest": "sklearn.ensemble.RandomForestClassifier",
    "gradient_boosting": "sklearn.ensemble.GradientBoostingClassifier",
    "xgboost": "ml.training.trees.BoostedTrees",
    "svm": "ml.training.margins.MarginClassifier",
    "network": "ml.training.networks.NetworkClassifier",
}
# More than one thread makes a thousand rows a hundred times slower, not faster.
DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "logistic": {"max_iter": 2000},
    "random_forest": {"n_estimators": 100, "n_jobs": 1},
    "xgboost": {"n_jobs": 1, "tree_method": "hist"},
}
# Fitted with rows kept aside that say when to stop: natural rows, never resampled ones.
STOPPING_EARLY = frozenset({"network"})
# Scores of these are squashed margins, no probabilities until they are calibrated.
MARGINS = frozenset({"svm"})


def make(name: str, params: Mapping[str, Any], seed: int) -> Any:
    """Return an unfitted classifier with scikit-learn's ``fit`` and ``predict_proba``.

    Raises
    ------
    ValueError
        For a name that is not in :data:`ESTIMATORS`.
    TypeError
        For a parameter the estimator does not have.
    """
    if name not in ESTIMATORS:
        raise ValueError(f"unknown estimator {name!r}; there are: {', '.join(ESTIMATORS)}")
    module, _, kind = ESTIMATORS[name].rpartition(".")
    return getattr(import_module(module), kind)(**{**DEFAULTS.get(name, {}), "random_state": seed, **params})
