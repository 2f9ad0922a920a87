"""How sure the draft is of each epoch, which epochs to look at first, and what looking at them buys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

# What the jury and the trees weigh in an epoch's doubt beside the network; measured in CARD.md.
ORDER = "network, jury and boosted trees"
SHARES = (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5)


def calibrated(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Scale the logarithms of probabilities by a temperature (Guo 2017); the likeliest stage stays.

    Parameters
    ----------
    probabilities
        Shape (epochs, 5).
    temperature
        Above 1 less sure, below 1 surer.
    """
    scaled = np.log(np.maximum(probabilities, 1e-9)) / temperature
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def channel_set(mask: np.ndarray) -> str:
    """Name the set of channels whose figures hold for a recording: a digit per slot, 1 where it is filled.

    A posterior EEG with an EOG counts as the posterior EEG alone, which is the more careful figure.
    """
    name = "".join(str(int(given)) for given in np.asarray(mask, bool))
    return "010" if name == "011" else name


def doubt(probabilities: np.ndarray, *others: np.ndarray | None) -> np.ndarray:
    """How much the opinions together doubt the drafted stage of each epoch.

    Parameters
    ----------
    probabilities
        Shape (epochs, 5): of the draft, whose likeliest stage is meant.
    *others
        Probabilities by other opinions (the jury's mean, the trees), each weighing as much; ``None`` for one
        that is missing.

    Returns
    -------
    ndarray, shape (epochs,)
        One less the mean probability of the stage; not a number where nothing was staged.
    """
    stages = np.nan_to_num(probabilities).argmax(axis=1)
    given = [probabilities, *(other for other in others if other is not None)]
    return 1 - np.mean([opinion[np.arange(len(stages)), stages] for opinion in given], axis=0)


def order(doubts: np.ndarray) -> list[int]:
    """Positions of the staged epochs, most doubtful first."""
    ranked = np.argsort(-np.nan_to_num(doubts, nan=-1), kind="stable")
    return [int(i) for i in ranked[: int(np.isfinite(doubts).sum())]]


def expected(curve: Sequence[Mapping[str, float]], epochs: int) -> list[dict[str, float]]:
    """Say what looking at the first epochs of the order buys on a night of so many epochs.

    Parameters
    ----------
    curve
        Rows of a manifest's ``review.curves``.

    Returns
    -------
    list of dict
        ``epochs``, ``share``, ``expected_kappa`` against a scorer who corrects them, and between ``low`` and
        ``high`` the κ of 95 % of single nights of the cross-validation.
    """
    return [
        {
            "epochs": round(row["share"] * epochs),
            "share": row["share"],
            "expected_kappa": row["kappa"],
            "low": row["night_low"],
            "high": row["night_high"],
        }
        for row in curve
    ]


def of_manifest(manifest: Mapping[str, Any], mask: np.ndarray) -> tuple[float, Sequence[Mapping[str, float]]]:
    """Temperature and curve of a package for a set of channels; 1 and none where it was not measured."""
    name = channel_set(mask)
    temperature = manifest.get("calibration", {}).get(name, 1.0)
    return temperature, manifest.get("review", {}).get("curves", {}).get(name, ())
