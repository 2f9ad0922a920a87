"""The trees of fitted ensembles as plain arrays, for export."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit, logit
from xgboost import XGBClassifier

LEAF = -1


@dataclass(frozen=True)
class Tree:
    """One binary tree of m nodes; node 0 is the root.

    Parameters
    ----------
    left, right
        Shape (m,): the node reached when the condition holds, or not; :data:`LEAF` at leaves.
    feature, threshold
        Shape (m,): what is compared.
    values
        Shape (m, targets): what a leaf adds to the sum over trees.
    """

    left: np.ndarray
    right: np.ndarray
    feature: np.ndarray
    threshold: np.ndarray
    values: np.ndarray


@dataclass(frozen=True)
class Ensemble:
    """Trees whose leaves are summed.

    Parameters
    ----------
    condition
        ``"BRANCH_LEQ"`` (left when feature <= threshold) or ``"BRANCH_LT"`` (when <).
    base
        Shape (targets,): added to the sum.
    """

    trees: tuple[Tree, ...]
    condition: str
    base: np.ndarray


class BoostedTrees(XGBClassifier):
    """XGBoost whose probabilities are double: in float32 those near 1 keep too few digits to recalibrate."""

    def predict_proba(self, X: np.ndarray, **options: Any) -> np.ndarray:
        """Return the probabilities of both classes, shape (n, 2)."""
        event = expit(self.predict(X, output_margin=True, **options).astype(float))
        return np.stack([1 - event, event], axis=1)


def of_forest(forest: Any) -> Ensemble:
    """Return a scikit-learn random forest, as the probabilities of both classes."""
    share = 1 / len(forest.estimators_)
    trees = tuple(_sklearn(each.tree_, each.tree_.value[:, 0, :] * share) for each in forest.estimators_)
    return Ensemble(trees, "BRANCH_LEQ", np.zeros(2))


def of_boosting(boosting: Any) -> Ensemble:
    """Return scikit-learn's gradient boosting, as the log odds of the event."""
    rate = boosting.learning_rate
    trees = tuple(
        _sklearn(each.tree_, each.tree_.value[:, 0, :] * rate) for each in boosting.estimators_[:, 0]
    )
    return Ensemble(trees, "BRANCH_LEQ", np.array([logit(boosting.init_.class_prior_[1])]))


def of_xgboost(boosting: XGBClassifier) -> Ensemble:
    """Return an XGBoost model, as the log odds of the event.

    Raises
    ------
    ValueError
        For a booster that is not a plain sum of trees.
    """
    learner = json.loads(bytes(boosting.get_booster().save_raw("json")))["learner"]
    booster = learner["gradient_booster"]
    if booster["name"] != "gbtree":
        raise ValueError(f"xgboost: only booster gbtree can be exported, got {booster['name']}")
    base = float(learner["learner_model_param"]["base_score"].strip("[]"))
    trees = tuple(_xgboost(each) for each in booster["model"]["trees"])
    return Ensemble(trees, "BRANCH_LT", np.array([logit(base)]))


def _sklearn(tree: Any, values: np.ndarray) -> Tree:
    return Tree(tree.children_left, tree.children_right, tree.feature, tree.threshold, values)


def _xgboost(tree: dict[str, Any]) -> Tree:
    left = np.array(tree["left_children"])
    # The same array holds the thresholds of inner nodes and the values of leaves, both float32.
    conditions = np.array(tree["split_conditions"], dtype=np.float32).astype(float)
    return Tree(
        left,
        np.array(tree["right_children"]),
        np.array(tree["split_indices"]),
        conditions,
        np.where(left == LEAF, conditions, 0.0)[:, None],
    )
