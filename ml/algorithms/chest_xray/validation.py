"""What a recipe of head promises where it has never been: the validation everything is chosen on.

Two kinds of strangeness, both made of training images alone. *A family of alterations is left out*: the
head, its calibration and its operating point know the other families, children of a stretch of file
numbers are held out, and these children are scored altered by the family left out. *A group of images
taken alike is left out*: trained, calibrated and thresholded on the other groups, scored on that one, as it
is and altered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass

import numpy as np
from scipy.optimize import brentq
from sklearn.metrics import roc_auc_score

from ml.algorithms.chest_xray import appearance, heads
from ml.algorithms.chest_xray.cases import Cases
from ml.algorithms.chest_xray.operating import threshold_for_sensitivity
from ml.training import watching
from ml.training.progress import progress

Score = Callable[[str, np.ndarray], np.ndarray]
"""Log odds of some images of one copy: the copy's name, the images' numbers, shape (n,)."""
Learn = Callable[[np.ndarray, str], Score]
"""Learns from the images given by number and their copies, without those altered by a family (if named)."""
LEAST_OF_A_CLASS = 8
"""A group with fewer of one class tells nothing about it."""


@dataclass(frozen=True)
class Promise:
    """How a head did on cases of a kind it never met, by the calibration and threshold it came with.

    Parameters
    ----------
    loss
        Log loss in nats, both classes weighing the same.
    in_the_large
        What would have to be added to the log odds for both classes to be right on average.
    """

    auc: float
    loss: float
    sensitivity: float
    specificity: float
    in_the_large: float


def fit(cases: Cases, inside: np.ndarray, strength: float, most: float, without: str = "") -> heads.Head:
    """Fit a head on the images ``inside`` and their copies, those altered by family ``without`` left out."""
    own = appearance.weights(cases.y[inside], cases.described[inside], most)
    features, y, weights = [cases.clean[inside]], [cases.y[inside]], [own]
    for copy, altered in zip(cases.copies, cases.altered_by, strict=True):
        kept = ~altered[without][inside] if without else np.ones(len(inside), bool)
        features.append(copy[inside[kept]])
        y.append(cases.y[inside[kept]])
        weights.append(own[kept])
    joined = np.concatenate(features), np.concatenate(y)
    return heads.fit(*joined, strength, standardise=False, weights=np.concatenate(weights))


def linear(cases: Cases, strength: float, most: float) -> Learn:
    """Return what learns a linear head by :func:`fit`."""

    def learn(inside: np.ndarray, without: str = "") -> Score:
        head = fit(cases, inside, strength, most, without)
        return lambda copy, rows: head.logit(cases.copy(copy)[rows])

    return learn


def unseen_families(
    cases: Cases, parts: list[tuple[np.ndarray, np.ndarray]], learn: Learn
) -> dict[str, dict[str, np.ndarray]]:
    """Score every family's copy without one family: per family left out and family scored, shape (n,).

    Nothing that scores a child has seen it.
    """
    found = {}
    for left_out in progress(cases.unseen, "leaving out families", unit="family"):
        scores = {family: np.zeros(len(cases.y)) for family in cases.unseen}
        for inside, outside in parts:
            score = learn(inside, left_out)
            for family in cases.unseen:
                scores[family][outside] = score(family, outside)
        found[left_out] = scores
    return found


def carried_over(
    y: np.ndarray, scores: Mapping[str, Mapping[str, np.ndarray]], sensitivity: float
) -> tuple[dict[str, Promise], dict[str, np.ndarray]]:
    """Judge each family by the calibration and threshold that the other families gave.

    Returns
    -------
    tuple
        The promises and the calibrated log odds of each family's copy when it was left out.
    """
    promises, calibrated = {}, {}
    for left_out, found in scores.items():
        others = [found[family] for family in found if family != left_out]
        moved = _Moved.by(np.concatenate(others), np.tile(y, len(others)), sensitivity)
        calibrated[left_out] = moved.odds(found[left_out])
        promises[left_out] = moved.judge(found[left_out], y)
    return promises, calibrated


def unseen_groups(
    cases: Cases,
    group: np.ndarray,
    parts: list[tuple[np.ndarray, np.ndarray]],
    learn: Learn,
    sensitivity: float,
) -> dict[str, Promise]:
    """Judge each group of images taken alike by a head, calibration and threshold of the other groups.

    Calibration and threshold come from one stretch of file numbers of the other groups, altered.
    """
    promises = {}
    for number in progress(np.unique(group), "leaving out groups", unit="group"):
        out = np.flatnonzero(group == number)
        if np.bincount(cases.y[out], minlength=2).min() < LEAST_OF_A_CLASS:
            continue
        inside, held = (part[group[part] != number] for part in parts[number % len(parts)])
        moved = _Moved.by(learn(inside, "")("shift", held), cases.y[held], sensitivity)
        score = learn(np.flatnonzero(group != number), "")
        for name, copy in (("as they are", "clean"), ("altered", "shift")):
            promises[f"group {number} {name}"] = moved.judge(score(copy, out), cases.y[out])
    return promises


def tell(promises: Mapping[str, Promise]) -> None:
    """Tell how a head did on every family and group left out, one after the other, to whoever listens."""
    for place, (name, promise) in enumerate(promises.items()):
        for figure, value in asdict(promise).items():
            watching.tell(f"left_out.{figure}", value, place)
            watching.tell(f"left_out.{name}.{figure}", value, 0)


def mark(families: Mapping[str, Promise], groups: Mapping[str, Promise]) -> float:
    """Return what recipes are compared by: average and worst loss of families and of groups, averaged."""
    kinds = [kind for kind in (families, groups) if kind]
    return float(np.mean([summary for kind in kinds for summary in _mean_and_worst(kind)]))


def _mean_and_worst(promises: Mapping[str, Promise]) -> Iterator[float]:
    losses = [promise.loss for promise in promises.values()]
    yield from (np.mean(losses), max(losses))


@dataclass(frozen=True)
class _Moved:
    """A calibration and an operating point on their way to where they were not made."""

    calibration: dict[str, float]
    threshold: float

    @classmethod
    def by(cls, scores: np.ndarray, y: np.ndarray, sensitivity: float) -> _Moved:
        calibration = heads.calibrate(scores, y)
        odds = calibration["slope"] * scores + calibration["intercept"]
        return cls(calibration, threshold_for_sensitivity(odds, y, sensitivity))

    def odds(self, scores: np.ndarray) -> np.ndarray:
        return self.calibration["slope"] * scores + self.calibration["intercept"]

    def judge(self, scores: np.ndarray, y: np.ndarray) -> Promise:
        odds, sick = self.odds(scores), y == 1
        weights = np.where(sick, 0.5 / sick.mean(), 0.5 / (1 - sick.mean()))
        losses = np.logaddexp(0, np.where(sick, -odds, odds))

        def excess(added: float) -> float:
            return float(np.sum(weights * (y - 1 / (1 + np.exp(-np.clip(odds + added, -50, 50))))))

        return Promise(
            auc=float(roc_auc_score(y, odds)),
            loss=float(np.average(losses, weights=weights)),
            sensitivity=float((odds[sick] >= self.threshold).mean()),
            specificity=float((odds[~sick] < self.threshold).mean()),
            in_the_large=float(brentq(excess, -30, 30)),
        )
