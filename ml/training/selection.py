"""Choosing among recipes, and judging the choice itself: nested cross-validation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ml.tabular.preparation import Table, take
from ml.training.calibration import Sigmoid, fit_sigmoid, log_loss
from ml.training.folds import stratified_folds
from ml.training.pipeline import Recipe, TabularClassifier, fit_members, out_of_fold_votes
from ml.training.progress import progress


@dataclass(frozen=True)
class Candidate:
    """A recipe with its out-of-fold record on the training rows.

    Parameters
    ----------
    probabilities
        Shape (n,): out of fold, recalibrated.
    loss
        Their log loss: a proper score, so neither an uncalibrated nor a resampled recipe can win
        by a threshold's luck.
    """

    recipe: Recipe
    calibration: Sigmoid
    probabilities: np.ndarray
    loss: float


@dataclass(frozen=True)
class NestedRecord:
    """What nested cross-validation found.

    Parameters
    ----------
    probabilities
        Shape (repeats, n): each row judged, in every repeat, by a model chosen and fitted without it.
    chosen
        How often each recipe was chosen.
    """

    probabilities: np.ndarray
    chosen: Counter[str]


def judge(recipe: Recipe, table: Table, y: np.ndarray) -> Candidate:
    """Return the out-of-fold record of one recipe."""
    votes = out_of_fold_votes(recipe, table, y)
    curve = fit_sigmoid(votes, y) if recipe.calibration == "sigmoid" else Sigmoid()
    p = curve.apply(votes)
    return Candidate(recipe, curve, p, log_loss(p, y))


def select(recipes: Sequence[Recipe], table: Table, y: np.ndarray) -> Candidate:
    """Return the candidate of least out-of-fold log loss; the first named wins a tie."""
    return min((judge(recipe, table, y) for recipe in recipes), key=lambda c: c.loss)


def refit(candidate: Candidate, table: Table, y: np.ndarray) -> TabularClassifier:
    """Fit a selected candidate on all rows, keeping the calibration found out of fold."""
    return replace(fit_members(candidate.recipe, table, y), calibration=candidate.calibration)


def nested(
    recipes: Sequence[Recipe], table: Table, y: np.ndarray, *, folds: int, repeats: int, seed: int
) -> NestedRecord:
    """Repeated stratified cross-validation of the whole procedure, selection included.

    The estimate is of the procedure, not of one model (Cawley and Talbot 2010): in every outer
    fold the recipe is chosen, recalibrated and fitted on the training part alone.

    Parameters
    ----------
    folds, repeats
        Outer folds, and how often they are drawn anew.
    """
    p = np.empty((repeats, len(y)))
    chosen: Counter[str] = Counter()
    outer = [
        (repeat, *split)
        for repeat in range(repeats)
        for split in stratified_folds(y, folds, seed=seed + repeat)
    ]
    for repeat, train, test in progress(outer, "nested cross-validation", unit="fold"):
        rows = take(table, train)
        best = select(recipes, rows, y[train])
        chosen[best.recipe.name] += 1
        p[repeat, test] = refit(best, rows, y[train]).probabilities(take(table, test))
    return NestedRecord(p, chosen)
