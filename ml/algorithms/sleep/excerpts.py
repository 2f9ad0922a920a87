"""Excerpts of scored nights: what a recording looks like when parts of the night are missing.

A night judged only against itself fails on them, so the network trains on excerpts and is held against them.
"""

from __future__ import annotations

import numpy as np

from ml.algorithms.sleep.contract import STAGES

W, N1, N2, N3, R = range(len(STAGES))
# Fewer epochs of deep sleep are no excerpt of deep sleep.
_FEWEST_N3 = 20
_NAP = (60, 240)
# How often a training excerpt is of each kind; the rest are random sets of two to four stages.
_WAKE_AND_ONE = {N3: 0.35, N2: 0.2}
_NAPS = 0.15
# Of each stage of wake and another one, so that the mere length does not tell which it is.
_RUN = (30, 250)
# Of an excerpt of wake and another stage by share: how long it is and how much of it is wake.
_LENGTH = (60, 300)
_WAKE_SHARE = (0.1, 0.9)


def of_stages(labels: np.ndarray, stages: tuple[int, ...]) -> np.ndarray:
    """Rows of the epochs of some stages, in their order, the gaps between them closed."""
    return np.flatnonzero(np.isin(labels, stages))


def nap(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Rows of half an hour to two hours of the night, begun anywhere."""
    length = min(int(rng.integers(*_NAP, endpoint=True)), len(labels))
    start = int(rng.integers(0, len(labels) - length + 1))
    return np.arange(start, start + length)


def some_stages(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Rows of the epochs of two to four stages that the night has, drawn by chance."""
    there = np.unique(labels[labels >= 0])
    most = min(4, len(there))
    size = int(rng.integers(min(2, most), most, endpoint=True))
    return of_stages(labels, tuple(rng.choice(there, size, replace=False)))


def wake_and(labels: np.ndarray, stage: int, rng: np.random.Generator) -> np.ndarray:
    """Rows of a stretch of the wake and a stretch of the epochs of one other stage, put in their order."""
    found = []
    for one in (W, stage):
        rows = np.flatnonzero(labels == one)
        kept = min(int(rng.integers(*_RUN, endpoint=True)), len(rows))
        start = int(rng.integers(0, len(rows) - kept + 1))
        found.append(rows[start : start + kept])
    return np.sort(np.concatenate(found))


def of_share(labels: np.ndarray, stage: int, rng: np.random.Generator) -> np.ndarray:
    """Rows of a stretch of wake and one of another stage, in their order, the share of wake drawn by chance.

    A network that judges a recording against itself must not learn how much of it is asleep.
    """
    length = int(rng.integers(*_LENGTH, endpoint=True))
    awake = rng.uniform(*_WAKE_SHARE)
    found = []
    for one, share in ((W, awake), (stage, 1 - awake)):
        rows = np.flatnonzero(labels == one)
        kept = min(max(int(length * share), 1), len(rows))
        start = int(rng.integers(0, len(rows) - kept + 1))
        found.append(rows[start : start + kept])
    return np.sort(np.concatenate(found))


def drawn(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Rows of one training excerpt: wake and N3, wake and N2, a nap, or a few stages by chance."""
    kind = rng.random()
    for stage, share in _WAKE_AND_ONE.items():
        if kind < share:
            return wake_and(labels, stage, rng) if (labels == stage).any() else nap(labels, rng)
        kind -= share
    return nap(labels, rng) if kind < _NAPS else some_stages(labels, rng)


def validation(labels: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """Rows of the six validation excerpts of a night, always the same for the same seed.

    Returns
    -------
    dict
        ``wake_n3`` (only of nights with 20 epochs of N3), ``wake_n2``, ``some_stages``, ``nap``, ``no_rem``,
        ``no_n3``; see CARD.md for what each is for.
    """
    rng = np.random.default_rng([11, seed])
    found = {
        "wake_n3": of_stages(labels, (W, N3)),
        "wake_n2": of_stages(labels, (W, N2)),
        "some_stages": some_stages(labels, rng),
        "nap": nap(labels, rng),
        "no_rem": of_stages(labels, (W, N1, N2, N3)),
        "no_n3": of_stages(labels, (W, N1, N2, R)),
    }
    if (labels == N3).sum() < _FEWEST_N3:
        del found["wake_n3"]
    return found
