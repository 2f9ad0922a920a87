"""One tabular classifier from a recipe: prepare, resample, fit members, vote, recalibrate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml.tabular import preparation
from ml.tabular.preparation import Derived, Preparation, Table, take
from ml.training.calibration import Sigmoid
from ml.training.estimators import make
from ml.training.folds import stratified_folds
from ml.training.resampling import RESAMPLERS, resample

CALIBRATIONS = ("sigmoid", "none")


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a classifier, but the rows.

    Parameters
    ----------
    members
        Estimator name → its parameters; several of them vote with the mean of their
        probabilities (soft voting).
    weights
        Weight of each member's vote, in order; equal when empty.
    numbers, categories
        Columns used.
    calibration_folds
        Folds from which the out-of-fold probabilities for recalibration come.
    """

    name: str
    members: Mapping[str, Mapping[str, Any]]
    numbers: tuple[str, ...]
    categories: tuple[str, ...]
    weights: tuple[float, ...] = ()
    derived: tuple[Derived, ...] = ()
    outliers: str = "iqr"
    scaling: str = "standard"
    min_count: int = 1
    resampler: str = "none"
    calibration: str = "sigmoid"
    calibration_folds: int = 5
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.members:
            raise ValueError(f"recipe {self.name!r} names no estimator")
        if self.weights and len(self.weights) != len(self.members):
            raise ValueError(
                f"recipe {self.name!r}: {len(self.weights)} weights for {len(self.members)} members"
            )
        if self.resampler not in RESAMPLERS:
            raise ValueError(f"recipe {self.name!r}: unknown resampler {self.resampler!r}")
        if self.calibration not in CALIBRATIONS:
            raise ValueError(f"recipe {self.name!r}: unknown calibration {self.calibration!r}")

    @classmethod
    def from_params(
        cls, name: str, params: Mapping[str, Any], numbers: Sequence[str], categories: Sequence[str]
    ) -> Recipe:
        """Read a recipe from parameters named as the attributes.

        Raises
        ------
        TypeError
            For a parameter that does not exist.
        """
        given = dict(params)
        derived = tuple(Derived(d["name"], d["operation"], tuple(d["of"])) for d in given.pop("derived", ()))
        weights = tuple(given.pop("weights", ()))
        return cls(
            name=name, numbers=tuple(numbers), categories=tuple(categories),
            derived=derived, weights=weights, **given,
        )  # fmt: skip

    @property
    def shares(self) -> np.ndarray:
        """Weights of the votes, summing to 1, shape (members,)."""
        weights = np.array(self.weights or [1.0] * len(self.members), dtype=float)
        return weights / weights.sum()


@dataclass(frozen=True)
class TabularClassifier:
    """A fitted recipe.

    Parameters
    ----------
    members
        Fitted scikit-learn classifiers on prepared features.
    """

    recipe: Recipe
    preparation: Preparation
    members: tuple[Any, ...]
    calibration: Sigmoid

    def probabilities(self, table: Table) -> np.ndarray:
        """Return the probability of the event for each row, shape (n,)."""
        return self.calibration.apply(self.votes(self.preparation.transform(table)))

    def votes(self, features: np.ndarray) -> np.ndarray:
        """Return the members' weighted mean probability for prepared features, before recalibration."""
        votes = [member.predict_proba(features)[:, 1] for member in self.members]
        return np.asarray(self.recipe.shares @ np.stack(votes), dtype=float)


def fit_members(recipe: Recipe, table: Table, y: np.ndarray) -> TabularClassifier:
    """Fit a recipe without recalibration; whatever is learnt or resampled here sees these rows only.

    Parameters
    ----------
    table
        Columns of shape (n,).
    y
        Shape (n,): 0 or 1.
    """
    prepared = preparation.fit(
        table,
        recipe.numbers,
        recipe.categories,
        derived=recipe.derived,
        outliers=recipe.outliers,
        scaling=recipe.scaling,
        min_count=recipe.min_count,
    )
    x, labels, weights = resample(prepared.transform(table), y, recipe.resampler, recipe.seed)
    members = tuple(
        make(name, params, recipe.seed).fit(x, labels, sample_weight=weights)
        for name, params in recipe.members.items()
    )
    return TabularClassifier(recipe, prepared, members, Sigmoid())


def out_of_fold_votes(recipe: Recipe, table: Table, y: np.ndarray) -> np.ndarray:
    """Return each row's vote by members that have not seen it, shape (n,), before recalibration."""
    votes = np.empty(len(y))
    for train, test in stratified_folds(y, recipe.calibration_folds, seed=recipe.seed):
        model = fit_members(recipe, take(table, train), y[train])
        votes[test] = model.votes(model.preparation.transform(take(table, test)))
    return votes
