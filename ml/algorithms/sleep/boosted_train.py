"""Training of the gradient boosting that serves beside the network: XGBoost, written as plain arrays."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xgboost

from ml.algorithms.sleep import boosted, crossvalidation
from ml.algorithms.sleep.augmentation import SUBSETS
from ml.algorithms.sleep.bandpower import Night
from ml.algorithms.sleep.boosted import N_STAGES, Boosted, Trees
from ml.algorithms.sleep.crossvalidation import Cohort
from ml.algorithms.sleep.patient_folds import folds_of
from ml.training import watching

# Epochs in a row that see the same channels while training, as in the windows of the network.
_BLOCK = 128


def fit(nights: Sequence[Night], params: Mapping[str, Any], *, seed: int) -> Trees:
    """Fit the trees on labelled nights with all three slots; channels are dropped block by block.

    Parameters
    ----------
    params
        The ``boosted`` section of the sleep parameters.
    """
    rng = np.random.default_rng(seed)
    rows, labels = zip(*(_examples(night, rng) for night in nights), strict=True)
    x, y = np.concatenate(rows), np.concatenate(labels)
    data = xgboost.QuantileDMatrix(x, y, max_bin=params["bins"], nthread=1)
    settings = {
        "objective": "multi:softprob", "num_class": N_STAGES, "tree_method": "hist", "nthread": 1,
        "seed": seed, "max_bin": params["bins"], "max_depth": params["depth"], "eta": params["learning_rate"],
        "subsample": params["rows"], "colsample_bytree": params["columns"],
        "min_child_weight": params["least_weight"],
    }  # fmt: skip
    heard: dict[str, dict[str, list[float]]] = {}
    grown = xgboost.train(
        settings, data, num_boost_round=params["rounds"],
        evals=[(data, "learned_from")], evals_result=heard, verbose_eval=False,
    )  # fmt: skip
    for number, loss in enumerate(heard["learned_from"]["mlogloss"]):
        watching.tell("loss", loss, number)
    return trees_of(grown)


def train_folds(cohort: Cohort, params: Mapping[str, Any], fingerprint: str) -> Boosted:
    """Fit the trees of every fold, each without its subjects; those fitted before from the same are read."""
    fold = folds_of(cohort.subjects, params["folds"], params["seed"])
    return Boosted(tuple(_cached(cohort, fold != k, k, params, fingerprint) for k in range(params["folds"])))


def _cached(cohort: Cohort, kept: np.ndarray, k: int, params: Mapping[str, Any], fingerprint: str) -> Trees:
    settings = params["boosted"]
    key = json.dumps([settings, params["folds"], params["seed"], k, fingerprint], sort_keys=True)
    stored = crossvalidation.CACHE / f"boosted{k}-{hashlib.sha256(key.encode()).hexdigest()[:16]}.npz"
    if not stored.exists():
        nights = [night for night, use in zip(cohort.nights, kept, strict=True) if use]
        with watching.part(f"boosted.fold_{k}"):
            trees = fit(nights, settings, seed=params["seed"] + k)
        stored.parent.mkdir(parents=True, exist_ok=True)
        half = stored.with_name(f"writing-{stored.name}")
        boosted.write(Boosted((trees,)), half)
        half.replace(stored)
        sys.stderr.write(f"boosted, fold {k + 1}/{params['folds']}\n")
    return boosted.read(stored).folds[0]


def _examples(night: Night, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Rows and labels of the scored epochs of a night."""
    subsets = np.array(list(SUBSETS))
    blocks = -(-len(night.labels) // _BLOCK)
    chosen = rng.choice(len(subsets), blocks, p=list(SUBSETS.values()))
    mask = np.repeat(subsets[chosen], _BLOCK, axis=0)[: len(night.labels)]
    scored = night.labels >= 0
    return boosted.inputs(night.features, mask)[scored], night.labels[scored]


def trees_of(booster: xgboost.Booster) -> Trees:
    """Read the trees of an XGBoost model of five stages.

    Raises
    ------
    ValueError
        When it holds anything but plain trees, one per stage and round.
    """
    learner = json.loads(booster.save_raw("json"))["learner"]
    if learner["gradient_booster"]["name"] != "gbtree":
        raise ValueError(f"only booster gbtree can be read, got {learner['gradient_booster']['name']}")
    model = learner["gradient_booster"]["model"]
    if model["tree_info"] != [i % N_STAGES for i in range(len(model["tree_info"]))]:
        raise ValueError("expected one tree per stage and round")
    sizes = [len(tree["left_children"]) for tree in model["trees"]]
    roots = np.concatenate([[0], np.cumsum(sizes)[:-1]])

    def joined(name: str, kind: type) -> np.ndarray:
        return np.concatenate([np.array(tree[name], kind) for tree in model["trees"]])

    shift = np.repeat(roots, sizes)
    left, right = joined("left_children", np.int32), joined("right_children", np.int32)
    leaf = left < 0
    base = np.array(json.loads(learner["learner_model_param"]["base_score"]), np.float64).reshape(-1)
    return Trees(
        roots=roots.astype(np.int32),
        column=np.where(leaf, -1, joined("split_indices", np.int32)).astype(np.int16),
        threshold=joined("split_conditions", np.float32),
        left=np.where(leaf, 0, left + shift).astype(np.int32),
        right=np.where(leaf, 0, right + shift).astype(np.int32),
        unknown_left=joined("default_left", bool),
        cover=joined("sum_hessian", np.float32),
        base=np.broadcast_to(base, (N_STAGES,)).copy(),
    )
