"""Choosing among recipes, and judging the choice itself: nested cross-validation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ml.tabular.preparation import Table, take
from ml.training import watching
from ml.training.calibration import Calibration, cross_fitted, fit_calibration, log_loss
from ml.training.folds import repeated
from ml.training.objectives import EVEN_COSTS, objective
from ml.training.pipeline import (
    Recipe,
    TabularClassifier,
    calibration_folds,
    fit,
    fold_votes,
    out_of_fold_votes,
)
from ml.training.progress import progress
from ml.training.thresholds import CostMatrix


@dataclass(frozen=True)
class Candidate:
    """A recipe with its out-of-fold record on the training rows.

    Parameters
    ----------
    calibration
        Fitted to all out-of-fold votes.
    probabilities
        Shape (n,): out of fold, each recalibrated by a curve fitted to the other folds.
    loss
        Their log loss: a proper score, so neither an uncalibrated nor a resampled recipe can win
        by a threshold's luck.
    """

    recipe: Recipe
    calibration: Calibration
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


def judge(recipe: Recipe, table: Table, y: np.ndarray, groups: np.ndarray | None = None) -> Candidate:
    """Return the out-of-fold record of a recipe; parameters are those of :func:`ml.training.pipeline.fit`.

    The log loss of every fold is told.
    """
    folds = calibration_folds(recipe, y, groups)
    with watching.part(recipe.name):
        votes = out_of_fold_votes(recipe, table, y, groups)
        curve = fit_calibration(recipe.calibration, votes, y)
        p = cross_fitted(recipe.calibration, votes, y, folds)
        for number, (_, test) in enumerate(folds):
            watching.tell("fold_log_loss", log_loss(p[test], y[test]), number)
    return Candidate(recipe, curve, p, log_loss(p, y))


def running_scores(
    recipe: Recipe,
    table: Table,
    y: np.ndarray,
    groups: np.ndarray | None = None,
    *,
    metric: str = "log_loss",
    costs: CostMatrix = EVEN_COSTS,
) -> Iterator[float]:
    """Yield a recipe's score after each fold, over all rows judged so far; the last is its score.

    The last is over probabilities recalibrated across folds, as in :func:`judge`. Those before
    use a sigmoid on what there is: good enough to see that a trial is hopeless.

    Parameters
    ----------
    metric
        Of :data:`ml.training.objectives.OBJECTIVES`.
    costs
        Of the metric ``cost``.
    """
    figure = objective(metric).of
    folds = calibration_folds(recipe, y, groups)
    votes, judged = np.full(len(y), np.nan), np.zeros(len(y), dtype=bool)
    early = "none" if recipe.calibration == "none" else "sigmoid"
    for train, test in folds[:-1]:
        with watching.unheard():
            votes[test] = fold_votes(recipe, table, y, groups, train, test)
        judged[test] = True
        seen, labels = votes[judged], y[judged]
        yield figure(labels, fit_calibration(early, seen, labels).apply(seen), costs)
    train, test = folds[-1]
    with watching.unheard():
        votes[test] = fold_votes(recipe, table, y, groups, train, test)
    yield figure(y, cross_fitted(recipe.calibration, votes, y, folds), costs)


def select(
    recipes: Sequence[Recipe], table: Table, y: np.ndarray, groups: np.ndarray | None = None
) -> Candidate:
    """Return the candidate of least out-of-fold log loss; the first named wins a tie."""
    return min((judge(recipe, table, y, groups) for recipe in recipes), key=lambda c: c.loss)


def refit(
    candidate: Candidate, table: Table, y: np.ndarray, groups: np.ndarray | None = None
) -> TabularClassifier:
    """Fit a selected candidate on all rows, keeping the calibration found out of fold."""
    with watching.part(f"{candidate.recipe.name}.all_rows"):
        return fit(candidate.recipe, table, y, groups, calibration=candidate.calibration)


def nested(
    recipes: Sequence[Recipe],
    table: Table,
    y: np.ndarray,
    groups: np.ndarray | None = None,
    *,
    folds: int,
    repeats: int,
    seed: int,
) -> NestedRecord:
    """Repeated stratified cross-validation of the whole procedure, selection included.

    The estimate is of the procedure, not of one model (Cawley and Talbot 2010): in every outer
    fold the recipe is chosen, recalibrated and fitted on the training part alone.

    Parameters
    ----------
    groups
        Shape (n,): rows of one group stay in one fold, outer and inner.
    folds, repeats
        Outer folds, and how often they are drawn anew.
    """
    p = np.empty((repeats, len(y)))
    chosen: Counter[str] = Counter()
    outer = list(repeated(y, folds, repeats, seed, groups))
    for number, (repeat, train, test) in enumerate(progress(outer, "nested cross-validation", unit="fold")):
        rows = take(table, train)
        inner = None if groups is None else groups[train]
        with watching.unheard():
            best = select(recipes, rows, y[train], inner)
            p[repeat, test] = refit(best, rows, y[train], inner).probabilities(take(table, test))
        chosen[best.recipe.name] += 1
        watching.tell("nested.fold_log_loss", log_loss(p[repeat, test], y[test]), number)
    return NestedRecord(p, chosen)
