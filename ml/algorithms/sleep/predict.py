"""Stages, probabilities and statistics of one night."""

from __future__ import annotations

from typing import Any

import numpy as np

from ml.algorithms.sleep import sequence
from ml.algorithms.sleep.contract import EPOCH_SECONDS, STAGES
from ml.algorithms.sleep.features import network_inputs
from ml.algorithms.sleep.load import Recorded
from ml.algorithms.sleep.statistics import statistics
from ml.contracts import Loaded
from ml.package import Package


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
        ``stages`` one of W, N1, N2, N3, R per 30 s epoch from the start of the recording;
        ``probabilities`` epochs × 5 in that order; ``epoch_seconds``; ``channels`` the derivation in
        each slot, ``null`` where there is none; ``statistics`` over the whole recording, in minutes and
        percent; ``uncertain`` epochs to check first, least certain first; ``start``; ``simulated``.
    """
    recorded: Recorded = loaded.data
    inputs = network_inputs(recorded.features, recorded.mask)
    probabilities = sequence.of(package).probabilities(inputs[None])[0]
    stages = [STAGES[i] for i in probabilities.argmax(axis=1)]
    return {
        "stages": stages,
        "probabilities": np.round(probabilities.astype(float), 4).tolist(),
        "epoch_seconds": EPOCH_SECONDS,
        "channels": dict(recorded.channels),
        "statistics": statistics(stages),
        "uncertain": uncertain(probabilities, package.manifest["thresholds"]["confidence"]),
        "start": recorded.start,
        "simulated": recorded.simulated,
    }


def uncertain(probabilities: np.ndarray, threshold: float) -> list[int]:
    """Return the epochs to check first: those whose best stage has less than ``threshold``.

    Parameters
    ----------
    probabilities
        Shape (epochs, 5).
    threshold
        Probability, from the cross-validation (see CARD.md for what reviewing them buys).

    Returns
    -------
    list of int
        Positions of epochs, least certain first.
    """
    confidence = probabilities.max(axis=1)
    order = np.argsort(confidence, kind="stable")
    return [int(i) for i in order[confidence[order] < threshold]]
