"""From band powers to probabilities on the one grid: every uninterrupted stretch is staged by itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ml.algorithms.sleep.contract import SLOTS, STAGES
from ml.algorithms.sleep.recorded import Recorded
from ml.algorithms.sleep.statistics import UNSCORED

Segments = Sequence[tuple[int, int]]
# From band powers (epochs, 3, 10) and a mask (epochs, 3) to one row per epoch.
Stager = Callable[[np.ndarray, np.ndarray], np.ndarray]
_EEG = slice(0, 2)


def segments_of(recorded: Recorded) -> Segments:
    """Return first epoch and number of epochs of each uninterrupted stretch."""
    return recorded.segments or ((0, len(recorded.features)),)


def usable_of(recorded: Recorded) -> np.ndarray:
    """Which slots carry a signal in each epoch; shape (epochs, 3). Of band powers all that are given."""
    given = np.broadcast_to(np.asarray(recorded.mask, bool), (len(recorded.features), len(SLOTS)))
    return given & recorded.usable if len(recorded.usable) else given


def mask_of(recorded: Recorded) -> np.ndarray:
    """Which slots the staging reads in each epoch; shape (epochs, 3).

    A channel is left out where it carries no signal. Where that would leave no EEG it is read as it is,
    because a movement that clips is a reason too; such epochs are flagged.
    """
    used = usable_of(recorded).copy()
    without = ~used[:, _EEG].any(axis=1)
    used[without, _EEG] = np.asarray(recorded.mask, bool)[_EEG]
    return used


def staged(features: np.ndarray, mask: np.ndarray, segments: Segments, stage: Stager) -> np.ndarray:
    """Stage each stretch apart, with no context across a gap.

    Parameters
    ----------
    features, mask
        Shapes (epochs, 3, 10) and (epochs, 3).
    segments
        First epoch and number of epochs of each stretch.
    stage
        What stages one stretch.

    Returns
    -------
    ndarray, shape (epochs, 5)
        Not a number in the epochs that no stretch holds wholly.
    """
    found = np.full((len(features), len(STAGES)), np.nan)
    for first, count in segments:
        if count:
            rows = slice(first, first + count)
            found[rows] = stage(features[rows], mask[rows])
    return found


def names(probabilities: np.ndarray) -> list[str]:
    """Name the likeliest stage of each epoch, ``"?"`` where there are no probabilities."""
    return [UNSCORED if np.isnan(row[0]) else STAGES[int(row.argmax())] for row in probabilities]


def codes(stages: Sequence[str]) -> np.ndarray:
    """Positions of stages in ``STAGES``, -1 where unscored; shape (epochs,)."""
    return np.array([-1 if stage == UNSCORED else STAGES.index(stage) for stage in stages])
