"""One tabular classifier from a recipe: prepare, select, resample, fit members, vote, recalibrate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ml.tabular import preparation
from ml.tabular.preparation import Derived, Preparation, Table, take
from ml.training import watching
from ml.training.calibration import CALIBRATIONS, Calibration, Sigmoid, fit_calibration
from ml.training.estimators import MARGINS, STOPPING_EARLY, make
from ml.training.feature_selection import FeatureSelection, selected
from ml.training.folds import stratified_folds
from ml.training.resampling import RESAMPLERS, resample

# One seventh of the rows says when a member stops, where one does.
STOPPING_FOLDS = 7


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a classifier, but the rows.

    Parameters
    ----------
    members
        Estimator name → its parameters; several of them vote with the mean of their
        probabilities (soft voting).
    weights
        Estimator name → weight of its vote; equal when empty. By name, not in order: read back from a
        manifest, whose keys are sorted, members have another order.
    numbers, categories
        Columns used.
    derived, outliers, scaling, min_count
        See :func:`ml.tabular.preparation.fit`.
    selection
        Features kept; all when ``None``.
    resampler
        See :func:`ml.training.resampling.resample`.
    calibration
        ``"none"``, ``"sigmoid"`` or ``"isotonic"``; see :mod:`ml.training.calibration`.
    calibration_folds
        Folds from which the out-of-fold probabilities for recalibration come.
    """

    name: str
    members: Mapping[str, Mapping[str, Any]]
    numbers: tuple[str, ...]
    categories: tuple[str, ...]
    weights: Mapping[str, float] = field(default_factory=dict)
    derived: tuple[Derived, ...] = ()
    outliers: str = "iqr"
    scaling: str = "standard"
    min_count: int = 1
    selection: FeatureSelection | None = None
    resampler: str = "none"
    calibration: str = "sigmoid"
    calibration_folds: int = 5
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.members:
            raise ValueError(f"recipe {self.name!r} names no estimator")
        if self.weights and set(self.weights) != set(self.members):
            raise ValueError(
                f"recipe {self.name!r}: weights of {', '.join(self.weights)} for members "
                f"{', '.join(self.members)}; name each once"
            )
        if self.resampler not in RESAMPLERS:
            raise ValueError(f"recipe {self.name!r}: unknown resampler {self.resampler!r}")
        if self.calibration not in CALIBRATIONS:
            raise ValueError(f"recipe {self.name!r}: unknown calibration {self.calibration!r}")
        if self.calibration == "none" and set(self.members) <= MARGINS:
            raise ValueError(
                f"recipe {self.name!r}: {', '.join(self.members)} gives margins, not probabilities: "
                "choose calibration sigmoid or isotonic"
            )

    @classmethod
    def from_params(
        cls, name: str, params: Mapping[str, Any], numbers: Sequence[str], categories: Sequence[str]
    ) -> Recipe:
        """Read a recipe from parameters named as the attributes.

        Raises
        ------
        TypeError
            For a parameter that does not exist.
        ValueError
            For a value that does not.
        """
        given = dict(params)
        derived = tuple(Derived(d["name"], d["operation"], tuple(d["of"])) for d in given.pop("derived", ()))
        selection = FeatureSelection.from_params(given.pop("selection", None))
        return cls(
            name=name, numbers=tuple(numbers), categories=tuple(categories),
            derived=derived, selection=selection, **given,
        )  # fmt: skip

    @property
    def shares(self) -> np.ndarray:
        """Weights of the votes in the order of the members, summing to 1, shape (members,)."""
        weights = np.array([self.weights.get(name, 1.0) for name in self.members], dtype=float)
        return weights / weights.sum()


@dataclass(frozen=True)
class TabularClassifier:
    """A fitted recipe.

    Parameters
    ----------
    members
        Fitted classifiers on prepared features.
    calibration
        Curve from the members' vote to the probability of the event.
    """

    recipe: Recipe
    preparation: Preparation
    members: tuple[Any, ...]
    calibration: Calibration

    def probabilities(self, table: Table) -> np.ndarray:
        """Return the probability of the event for each row, shape (n,)."""
        return self.calibration.apply(self.raw(table))

    def raw(self, table: Table) -> np.ndarray:
        """Return the vote for each row before recalibration, shape (n,); nothing to show to anybody."""
        return self.votes(self.preparation.transform(table))

    def votes(self, features: np.ndarray) -> np.ndarray:
        """Return the members' weighted mean probability for prepared features, before recalibration."""
        votes = [member.predict_proba(features)[:, 1] for member in self.members]
        return np.asarray(self.recipe.shares @ np.stack(votes), dtype=float)


def fit(
    recipe: Recipe,
    table: Table,
    y: np.ndarray,
    groups: np.ndarray | None = None,
    *,
    calibration: Calibration | None = None,
) -> TabularClassifier:
    """Fit a recipe: members on (resampled) rows, recalibration on rows as they came.

    Parameters
    ----------
    table
        Columns of shape (n,).
    y
        Shape (n,): 0 or 1.
    groups
        Shape (n,): rows of one group, such as the births of one mother, stay in one fold.
    calibration
        A curve already found out of fold on these rows; fitted here when not given.

    Raises
    ------
    ValueError
        When the rows are too few for the folds, the resampler or the calibration.
    """
    if calibration is None and recipe.calibration != "none":
        with watching.unheard():
            votes = out_of_fold_votes(recipe, table, y, groups)
        calibration = fit_calibration(recipe.calibration, votes, y)
    return replace(fit_members(recipe, table, y, groups), calibration=calibration or Sigmoid())


def fit_members(
    recipe: Recipe, table: Table, y: np.ndarray, groups: np.ndarray | None = None
) -> TabularClassifier:
    """Fit a recipe without recalibration; whatever is learnt or resampled here sees these rows only.

    Parameters are those of :func:`fit`.
    """
    y = np.asarray(y, dtype=int)
    prepared = fit_preparation(recipe, table, y)
    # Resampling can cost more than fitting: once for all members that take the same rows.
    early = {name: name in STOPPING_EARLY for name in recipe.members}
    rows = {kind: _rows(recipe, prepared, table, y, groups, kind) for kind in sorted(set(early.values()))}
    members = tuple(
        make(name, params, recipe.seed).fit(**rows[early[name]]) for name, params in recipe.members.items()
    )
    return TabularClassifier(recipe, prepared, members, Sigmoid())


def fit_preparation(recipe: Recipe, table: Table, y: np.ndarray) -> Preparation:
    """Learn a recipe's preparation, its selection of features included, from training rows."""
    prepared = preparation.fit(
        table,
        recipe.numbers,
        recipe.categories,
        derived=recipe.derived,
        outliers=recipe.outliers,
        scaling=recipe.scaling,
        min_count=recipe.min_count,
    )
    if recipe.selection is None:
        return prepared
    features = prepared.transform(table)
    return replace(prepared, kept=selected(recipe.selection, features, prepared.features, y, recipe.seed))


def out_of_fold_votes(
    recipe: Recipe, table: Table, y: np.ndarray, groups: np.ndarray | None = None
) -> np.ndarray:
    """Return each row's vote by members that have not seen it, shape (n,), before recalibration."""
    votes = np.empty(len(y))
    for number, (train, test) in enumerate(calibration_folds(recipe, y, groups)):
        with watching.part(f"fold_{number}"):
            votes[test] = fold_votes(recipe, table, y, groups, train, test)
    return votes


def calibration_folds(
    recipe: Recipe, y: np.ndarray, groups: np.ndarray | None = None
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the (training, test) folds of a recipe's out-of-fold votes."""
    return list(stratified_folds(y, recipe.calibration_folds, seed=recipe.seed, groups=groups))


def fold_votes(
    recipe: Recipe,
    table: Table,
    y: np.ndarray,
    groups: np.ndarray | None,
    train: np.ndarray,
    test: np.ndarray,
) -> np.ndarray:
    """Return the votes on rows ``test`` by members fitted on rows ``train``."""
    model = fit_members(recipe, take(table, train), y[train], None if groups is None else groups[train])
    return model.raw(take(table, test))


def _rows(
    recipe: Recipe,
    prepared: Preparation,
    table: Table,
    y: np.ndarray,
    groups: np.ndarray | None,
    stopping_early: bool,
) -> dict[str, Any]:
    """Return what ``fit`` of a member takes; one that stops early gets rows aside to stop by."""
    if not stopping_early:
        rows = resample(prepared, table, y, recipe.resampler, recipe.seed)
        return {"X": rows.features, "y": rows.labels, "sample_weight": rows.weights}
    # Set aside before resampling: an invented row lies between the rows it would be judged by.
    kept, stop = next(stratified_folds(y, STOPPING_FOLDS, seed=recipe.seed, groups=groups))
    rows = resample(prepared, take(table, kept), y[kept], recipe.resampler, recipe.seed)
    # Balanced as the training rows are, but by weights: the loss that stops must be the loss that is learnt.
    balance = "none" if recipe.resampler == "none" else "class_weights"
    aside = resample(prepared, take(table, stop), y[stop], balance, recipe.seed)
    return {"X": rows.features, "y": rows.labels, "sample_weight": rows.weights, "aside": aside}
