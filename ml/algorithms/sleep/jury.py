"""A jury over derivations: each EEG derivation of the recording votes by itself, epoch by epoch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml.algorithms.sleep import staging
from ml.algorithms.sleep.contract import SLOTS
from ml.algorithms.sleep.recorded import Recorded

_EOG = SLOTS.index("eog")
# One derivation alone disagrees with nobody.
_FEWEST = 2


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the jurors said.

    Parameters
    ----------
    labels
        The derivations.
    probabilities
        Shape (jurors, epochs, 5); not a number where nothing was staged.
    """

    labels: tuple[str, ...]
    probabilities: np.ndarray

    def to_json(self, stages: Sequence[str]) -> dict[str, Any]:
        """Return the stored form, with the disagreement over the stages of a draft."""
        return {
            "derivations": list(self.labels),
            "votes": [staging.names(juror) for juror in self.probabilities],
            "disagreement": [
                None if np.isnan(share) else round(float(share), 3) for share in self.disagreement(stages)
            ],
        }

    def disagreement(self, stages: Sequence[str]) -> np.ndarray:
        """Share of the jurors who vote for another stage than the draft, per epoch; shape (epochs,)."""
        drafted = staging.codes(stages)
        votes = np.argmax(np.nan_to_num(self.probabilities), axis=2)
        return np.where(drafted < 0, np.nan, (votes != drafted).mean(axis=0))


def vote(recorded: Recorded, stage: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Verdict | None:
    """Stage the night once per derivation, with that one in its slot, no other EEG, and the EOG there is.

    Parameters
    ----------
    stage
        From band powers and mask of one stretch to probabilities.

    Returns
    -------
    Verdict or None
        ``None`` when fewer than two derivations can vote.
    """
    if len(recorded.jurors) < _FEWEST:
        return None
    usable, segments = staging.usable_of(recorded), staging.segments_of(recorded)
    found = []
    for juror in recorded.jurors:
        features = np.zeros_like(recorded.features)
        mask = np.zeros((len(features), len(SLOTS)), bool)
        features[:, SLOTS.index(juror.slot)] = juror.features
        mask[:, SLOTS.index(juror.slot)] = True
        features[:, _EOG], mask[:, _EOG] = recorded.features[:, _EOG], usable[:, _EOG]
        found.append(staging.staged(features, mask, segments, stage))
    return Verdict(tuple(juror.label for juror in recorded.jurors), np.stack(found))
