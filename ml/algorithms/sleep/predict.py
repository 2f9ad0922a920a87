"""Stages, probabilities, second opinions and statistics of one night."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import numpy as np

from ml.algorithms.sleep import (
    agreement,
    boosted,
    breathing,
    budget,
    jury,
    microstructure,
    opinion,
    oxygen,
    sequence,
    staging,
)
from ml.algorithms.sleep.contract import EPOCH_SECONDS, SLOTS
from ml.algorithms.sleep.features import RATE, network_inputs
from ml.algorithms.sleep.recorded import Recorded
from ml.algorithms.sleep.statistics import statistics
from ml.contracts import Loaded
from ml.package import Package

NO_EEG = "no_usable_eeg"


def predict(package: Package, loaded: Loaded) -> dict[str, Any]:
    """Stage one night.

    Parameters
    ----------
    package
        A package with ``sequence.onnx``.
    loaded
        From ``load.load``.

    Returns
    -------
    dict
        ``stages`` one of W, N1, N2, N3, R per 30 s epoch from the start of the recording, ``"?"`` where a gap
        cuts the epoch; ``probabilities`` epochs × 5 in that order, calibrated, ``null`` there;
        ``epoch_seconds``; ``segments`` first epoch and number of epochs of each uninterrupted stretch;
        ``channels`` the derivation in each slot, ``null`` where there is none; ``lights_off`` and
        ``lights_on`` in seconds where the file names them, else ``null``; ``statistics`` between them, in
        minutes and percent; ``uncertain`` epochs to check first, least certain first; ``jury``
        how each derivation votes, ``null`` with fewer than two; ``boosted`` the trees' stages and their κ
        with the draft, ``null`` without trees; ``review`` every epoch in the order to look at and what that
        buys; ``quality`` runs of epochs that hardly rest on their own signal; ``oxygen`` and ``breathing``,
        the screening, and ``microstructure``, spindles and slow waves, ``null`` without such a channel;
        ``start``; ``rate`` of the first EEG in Hz; ``simulated``; ``opinion`` YASA's stages where it was
        asked, else ``null``; ``networks`` which of the package's networks staged it, as
        ``sequence.choice`` says it.
    """
    recorded: Recorded = loaded.data
    mask, segments = staging.mask_of(recorded), staging.segments_of(recorded)
    model = sequence.of(package, recorded.features, mask)
    temperature, curve = budget.of_manifest(package.manifest, recorded.mask)

    def by_network(features: np.ndarray, given: np.ndarray) -> np.ndarray:
        return model.probabilities(network_inputs(features, given)[None])[0]

    raw = staging.staged(recorded.features, mask, segments, by_network)
    probabilities = budget.calibrated(raw, temperature)
    stages = staging.names(probabilities)
    verdict = jury.vote(recorded, by_network)
    second = None if recorded.alone else _by_trees(package, recorded, mask)
    jurors = None if verdict is None else verdict.probabilities.mean(axis=0)
    order = budget.order(budget.doubt(probabilities, jurors, second))
    return {
        "stages": stages,
        "probabilities": _rows(probabilities),
        "epoch_seconds": EPOCH_SECONDS,
        "segments": [list(segment) for segment in segments],
        "channels": dict(recorded.channels),
        "lights_off": recorded.lights_off,
        "lights_on": recorded.lights_on,
        "statistics": statistics(stages, lights_off=recorded.lights_off, lights_on=recorded.lights_on),
        "uncertain": uncertain(probabilities, package.manifest["thresholds"]["confidence"]),
        "jury": None if verdict is None else verdict.to_json(stages),
        "boosted": None if second is None else _opinion(stages, staging.names(second)),
        "review": {"order": order, "budget": budget.expected(curve, len(order))},
        "quality": {"epochs": _unusable(recorded)},
        **_physiology(recorded, stages),
        "start": recorded.start,
        "rate": recorded.rate,
        "simulated": recorded.simulated,
        "opinion": opinion.of(recorded, stages),
        "networks": sequence.choice(package, recorded.features, mask),
    }


def uncertain(probabilities: np.ndarray, threshold: float) -> list[int]:
    """Return the epochs to check first: those whose best stage has less than ``threshold``.

    Parameters
    ----------
    probabilities
        Shape (epochs, 5); not a number where nothing was staged.
    threshold
        Probability, from the cross-validation (see CARD.md for what reviewing them buys).

    Returns
    -------
    list of int
        Positions of epochs, least certain first.
    """
    confidence = np.nan_to_num(probabilities.max(axis=1), nan=1.0)
    order = np.argsort(confidence, kind="stable")
    return [int(i) for i in order[confidence[order] < threshold]]


def _physiology(recorded: Recorded, stages: list[str]) -> dict[str, Any]:
    """Screen oxygen and breathing where the recording has them; spindles and slow waves of its first EEG."""
    saturation = oxygen.analyse(recorded.oxygen, len(recorded.features)) if recorded.oxygen else None
    flow = breathing.analyse(recorded.flow, recorded.effort, saturation) if recorded.flow else None
    micro = None if recorded.eeg is None else microstructure.analyse(recorded.eeg, RATE, stages)
    return {
        "oxygen": None if saturation is None else saturation.to_json(),
        "breathing": None if flow is None else flow.to_json(),
        "microstructure": None if micro is None else micro.to_json(),
    }


def _by_trees(package: Package, recorded: Recorded, mask: np.ndarray) -> np.ndarray | None:
    trees = boosted.of(package)
    if trees is None:
        return None

    def by_trees(features: np.ndarray, given: np.ndarray) -> np.ndarray:
        return trees.probabilities(boosted.inputs(features, given))

    return staging.staged(recorded.features, mask, staging.segments_of(recorded), by_trees)


def _opinion(stages: list[str], others: list[str]) -> dict[str, Any]:
    kappa = agreement.compare(stages, others, repeats=0).kappa.value
    return {"stages": others, "agreement": None if kappa is None else round(kappa, 3)}


def _rows(probabilities: np.ndarray) -> list[list[float] | None]:
    rounded = np.round(probabilities.astype(float), 4).tolist()
    return [None if row[0] != row[0] else row for row in rounded]


def _unusable(recorded: Recorded) -> list[list[Any]]:
    """Runs of epochs in which no EEG can be used, or one of the channels used elsewhere cannot."""
    given, usable = np.asarray(recorded.mask, bool), staging.usable_of(recorded)
    eeg = [slot for slot in range(2) if given[slot]]
    lost = {NO_EEG: ~usable[:, eeg].any(axis=1)}
    for slot in np.flatnonzero(given):
        lost[SLOTS[slot]] = ~usable[:, slot] & ~lost[NO_EEG]
    inside = np.zeros(len(recorded.features), bool)
    for first, count in staging.segments_of(recorded):
        inside[first : first + count] = True
    return sorted(
        [first, count, reason] for reason, where in lost.items() for first, count in _runs(where & inside)
    )


def _runs(where: np.ndarray) -> list[tuple[int, int]]:
    found, at = [], 0
    for value, run in groupby(where.tolist()):
        length = len(list(run))
        if value:
            found.append((at, length))
        at += length
    return found
