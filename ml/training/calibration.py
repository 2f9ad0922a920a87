"""Recalibration on rows the model has not seen, at the natural prevalence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit
from sklearn.isotonic import IsotonicRegression

from ml.training.evaluation import fit_logistic, logit

# Isotonic regression follows the noise of fewer cases of either class than this.
ISOTONIC_CASES = 300
# Log odds between two knots at least: a step would turn the last bit of a float into a visible change.
KNOT_GAP = 0.05
# A knot speaks for this many rows at least: a handful would promise a risk of exactly 0 or 1.
KNOT_ROWS = 50


@dataclass(frozen=True, slots=True)
class Sigmoid:
    """A logistic curve on the log odds: ``1 / (1 + exp(-(intercept + slope · logit p)))``.

    Two numbers only, so it is sound where isotonic regression would follow the noise (under a few
    hundred events). Platt 1999, on log odds as in Cox 1958. Without arguments it changes nothing.
    """

    slope: float = 1.0
    intercept: float = 0.0

    def apply(self, p: np.ndarray) -> np.ndarray:
        """Return recalibrated probabilities of the same shape."""
        return expit(self.intercept + self.slope * logit(p))


@dataclass(frozen=True, slots=True)
class Isotonic:
    """A rising curve, linear between knots and level beyond them.

    Parameters
    ----------
    log_odds
        Knots: strictly rising log odds of the vote, at least :data:`KNOT_GAP` apart.
    probabilities
        Probability at each knot, never falling.
    """

    log_odds: tuple[float, ...]
    probabilities: tuple[float, ...]

    def apply(self, p: np.ndarray) -> np.ndarray:
        """Return recalibrated probabilities of the same shape."""
        return np.interp(logit(p), self.log_odds, self.probabilities)


Calibration = Sigmoid | Isotonic


def fit_calibration(how: str, p: np.ndarray, y: np.ndarray) -> Calibration:
    """Fit a curve to out-of-fold probabilities.

    Parameters
    ----------
    how
        ``"none"``, ``"sigmoid"`` or ``"isotonic"``.
    p, y
        Shape (n,): out-of-fold probabilities and labels, at natural prevalence.

    Raises
    ------
    ValueError
        For an unknown name, or when the rows do not carry the curve.
    """
    _check(how, y)
    return CALIBRATIONS[how](np.asarray(p, dtype=float), np.asarray(y))


def fit_sigmoid(p: np.ndarray, y: np.ndarray) -> Sigmoid:
    """Fit a sigmoid to out-of-fold probabilities ``p`` and labels ``y``, both of shape (n,).

    Raises
    ------
    ValueError
        When the fit does not exist (one class only, or the classes do not overlap).
    """
    x = np.stack([np.ones(len(p)), logit(p)], axis=1)
    (intercept, slope) = fit_logistic(x, np.asarray(y, float), np.ones((1, len(p))), np.zeros(len(p)))[0]
    if not np.isfinite([intercept, slope]).all():
        raise ValueError(
            "no calibration curve: the out-of-fold probabilities separate the classes or are constant"
        )
    return Sigmoid(float(slope), float(intercept))


def fit_isotonic(p: np.ndarray, y: np.ndarray) -> Isotonic:
    """Fit an isotonic curve to out-of-fold probabilities ``p`` and labels ``y``, both of shape (n,).

    The curve runs through the middle of each level (Oron and Flournoy 2017), so that it bends but
    never jumps; levels of few rows, or too close to the one before, are joined with it.
    """
    order = np.argsort(p, kind="stable")
    x = logit(p)[order]
    level = IsotonicRegression(y_min=0, y_max=1).fit_transform(x, np.asarray(y, dtype=float)[order])
    starts = np.flatnonzero(np.r_[True, np.diff(level) > 0])
    rows = np.diff(np.r_[starts, len(x)])
    knots = _joined(np.stack([np.add.reduceat(x, starts) / rows, level[starts], rows], axis=1))
    return Isotonic(tuple(k[0] for k in knots), tuple(k[1] for k in knots))


def cross_fitted(
    how: str, p: np.ndarray, y: np.ndarray, folds: Iterable[tuple[np.ndarray, np.ndarray]]
) -> np.ndarray:
    """Return each row's recalibrated probability by a curve fitted on the other folds, shape (n,).

    A curve judged on the rows it was fitted on flatters itself, an isotonic one the most.

    Raises
    ------
    ValueError
        As :func:`fit_calibration`, of all rows: whether they carry a curve is not asked per fold.
    """
    _check(how, y)
    found = np.empty(len(y))
    for train, test in folds:
        found[test] = CALIBRATIONS[how](p[train], y[train]).apply(p[test])
    return found


def log_loss(p: np.ndarray, y: np.ndarray) -> float:
    """Return the mean negative log likelihood of labels under probabilities."""
    z = logit(p)
    return float(np.mean(np.logaddexp(0, -z) * y + np.logaddexp(0, z) * (1 - np.asarray(y))))


def _check(how: str, y: np.ndarray) -> None:
    if how not in CALIBRATIONS:
        raise ValueError(f"unknown calibration {how!r}; there are: {', '.join(CALIBRATIONS)}")
    events, others = int(np.sum(y)), int(len(y) - np.sum(y))
    if how == "isotonic" and min(events, others) < ISOTONIC_CASES:
        raise ValueError(
            f"isotonic calibration needs at least {ISOTONIC_CASES} events and as many others, got {events} "
            f"and {others}: choose sigmoid"
        )


def _joined(levels: np.ndarray) -> list[tuple[float, float, float]]:
    """Return knots (log odds, probability, rows): levels joined until each is far and full enough."""
    knots = [tuple(map(float, levels[0]))]
    for level in levels[1:]:
        near = level[0] - knots[-1][0] < KNOT_GAP
        if near or knots[-1][2] < KNOT_ROWS:
            knots[-1] = _mean(knots[-1], level)
        else:
            knots.append(tuple(map(float, level)))
    if len(knots) > 1 and knots[-1][2] < KNOT_ROWS:
        last = knots.pop()
        knots[-1] = _mean(knots[-1], last)
    return knots


def _mean(a: Sequence[float], b: Sequence[float]) -> tuple[float, float, float]:
    rows = a[2] + b[2]
    return float((a[0] * a[2] + b[0] * b[2]) / rows), float((a[1] * a[2] + b[1] * b[2]) / rows), float(rows)


CALIBRATIONS: dict[str, Callable[[np.ndarray, np.ndarray], Calibration]] = {
    "none": lambda p, y: Sigmoid(),
    "sigmoid": fit_sigmoid,
    "isotonic": fit_isotonic,
}
