"""Confidence and review order, measured on the cross-validation. Training only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml.algorithms.sleep import boosted, budget, crossvalidation
from ml.algorithms.sleep.budget import SHARES, calibrated, doubt
from ml.algorithms.sleep.crossvalidation import CHANNEL_SETS, Cohort
from ml.package import Package
from ml.training.evaluation import Interval, stage_metrics

_TEMPERATURES = np.arange(0.5, 1.51, 0.01)
# Each derivation of a night of two votes by itself, with the EOG where that is given.
_JURORS = {
    (True, True, True): ((True, False, True), (False, True, True)),
    (True, True, False): ((True, False, False), (False, True, False)),
}
_SPREAD = (2.5, 97.5)


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Every opinion on the scored epochs of all nights, each by models that have not seen the subject.

    Parameters
    ----------
    labels, subjects, nights, folds
        Shape (epochs,).
    asleep
        Shape (epochs,): from the first to the last epoch of sleep.
    network
        Shape (epochs, 5): as the networks say, before calibration.
    trees, jury
        Shape (epochs, 5): the boosted trees, and the mean of the single derivations; ``None`` where there
        are none.
    """

    labels: np.ndarray
    subjects: np.ndarray
    nights: np.ndarray
    folds: np.ndarray
    asleep: np.ndarray
    network: np.ndarray
    trees: np.ndarray | None
    jury: np.ndarray | None

    def cross_calibrated(self) -> np.ndarray:
        """Probabilities calibrated on the other folds, so that the error of the confidence is honest.

        As they are when there are no other folds.
        """
        found = self.network.copy()
        for k in np.unique(self.folds):
            own = self.folds == k
            if own.all():
                break
            found[own] = calibrated(self.network[own], temperature(self.network[~own], self.labels[~own]))
        return found


def held_out(cohort: Cohort, package: Package, fold: np.ndarray) -> dict[tuple[bool, ...], HeldOut]:
    """Stage all nights with each set of channels.

    Parameters
    ----------
    fold
        Shape (nights,): whose models have not seen each night.
    """
    models, trees = crossvalidation.ByFold(package), boosted.of(package)

    def by_network(mask: tuple[bool, ...], recorded: tuple[bool, ...]) -> np.ndarray:
        return crossvalidation.held_out_probabilities(cohort, models, fold, mask, recorded)[scored]

    labels = cohort.labels()
    scored = labels >= 0
    lengths = [len(night.labels) for night in cohort.nights]
    asleep = np.concatenate([_asleep(night.labels) for night in cohort.nights])
    found = {}
    for _, _, mask in CHANNEL_SETS:
        by_trees = None if trees is None else _by_trees(cohort, trees, fold, mask)[scored]
        jurors = [by_network(juror, mask) for juror in _JURORS.get(mask, ())]
        found[mask] = HeldOut(
            labels=labels[scored],
            subjects=cohort.epoch_subjects()[scored],
            nights=np.repeat(np.arange(len(lengths)), lengths)[scored],
            folds=np.repeat(fold, lengths)[scored],
            asleep=asleep[scored],
            network=by_network(mask, mask),
            trees=by_trees,
            jury=np.mean(jurors, axis=0) if jurors else None,
        )
    return found


def _by_trees(cohort: Cohort, trees: boosted.Boosted, fold: np.ndarray, mask: tuple[bool, ...]) -> np.ndarray:
    given = np.asarray(mask)
    return np.concatenate([
        trees.probabilities(boosted.inputs(night.features, given), int(k))
        for night, k in zip(cohort.nights, fold, strict=True)
    ])  # fmt: skip


def _asleep(labels: np.ndarray) -> np.ndarray:
    inside = np.zeros(len(labels), bool)
    sleep = np.flatnonzero(labels > 0)
    if sleep.size:
        inside[sleep[0] : sleep[-1] + 1] = True
    return inside


def temperature(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Return the temperature with the least log loss (Guo 2017), to a hundredth."""
    own = np.arange(len(labels))
    losses = [
        -np.log(np.maximum(calibrated(probabilities, t)[own, labels], 1e-9)).mean() for t in _TEMPERATURES
    ]
    return round(float(_TEMPERATURES[int(np.argmin(losses))]), 2)


def first_of_each_night(doubts: np.ndarray, nights: np.ndarray, share: float) -> np.ndarray:
    """Mark the most doubtful share of the epochs of every night; shape (epochs,)."""
    ranked = np.lexsort((-doubts, nights))
    first, counts = np.unique(nights[ranked], return_index=True, return_counts=True)[1:]
    place = np.arange(len(nights)) - np.repeat(first, counts)
    marked = np.zeros(len(nights), bool)
    marked[ranked] = place < np.round(share * np.repeat(counts, counts))
    return marked


def after_review(found: HeldOut, probabilities: np.ndarray, doubts: np.ndarray, share: float) -> np.ndarray:
    """Stages when a person corrects the most doubtful share of every night as its scorer did."""
    seen = first_of_each_night(doubts, found.nights, share)
    return np.where(seen, found.labels, probabilities.argmax(axis=1))


def curve(found: HeldOut, scale: float) -> list[dict[str, float]]:
    """Say what κ is reached by looking at the most doubtful epochs of every night.

    Returns
    -------
    list of dict
        ``share`` looked at; ``kappa`` pooled over the nights with ``low`` and ``high`` of its 95 % interval
        over subjects; ``night_low`` and ``night_high``, between which 95 % of single nights lie.
    """
    probabilities = calibrated(found.network, scale)
    doubts = doubt(probabilities, found.jury, found.trees)
    rows = []
    for share in SHARES:
        staged = after_review(found, probabilities, doubts, share)
        pooled = stage_metrics(found.labels, staged, found.subjects)["kappa"]
        low, high = np.percentile(_by_night(found, staged), _SPREAD)
        values = (pooled.value, pooled.low, pooled.high, low, high)
        names = ("kappa", "low", "high", "night_low", "night_high")
        rows.append({"share": share} | {n: round(float(v), 4) for n, v in zip(names, values, strict=True)})
    return rows


def _by_night(found: HeldOut, staged: np.ndarray) -> list[float]:
    return [
        stage_metrics(found.labels[own], staged[own], repeats=1)["kappa"].value
        for own in (found.nights == night for night in np.unique(found.nights))
    ]


def orders(found: HeldOut, scale: float, share: float) -> dict[str, Interval]:
    """κ after the same share is looked at in different orders: what each further opinion buys."""
    probabilities = calibrated(found.network, scale)
    ranked = np.sort(probabilities, axis=1)
    doubts = {
        "confidence": doubt(probabilities),
        "margin": ranked[:, -2] - ranked[:, -1],
        "confidence_jury": doubt(probabilities, found.jury),
        "confidence_boosted": doubt(probabilities, found.trees),
        "all": doubt(probabilities, found.jury, found.trees),
    }
    return {
        name: stage_metrics(found.labels, after_review(found, probabilities, one, share), found.subjects)[
            "kappa"
        ]
        for name, one in doubts.items()
    }


def measured(held: Mapping[tuple[bool, ...], HeldOut]) -> dict[str, Any]:
    """Return the ``calibration`` and ``review`` sections of a manifest, by set of channels."""
    scales = {mask: temperature(found.network, found.labels) for mask, found in held.items()}
    curves = {name_of(mask): curve(found, scales[mask]) for mask, found in held.items()}
    return {
        "calibration": {name_of(mask): scale for mask, scale in scales.items()},
        "review": {"order": budget.ORDER, "curves": curves},
    }


def name_of(mask: Sequence[bool]) -> str:
    """Name a set of channels as the manifest does."""
    return budget.channel_set(np.asarray(mask))
