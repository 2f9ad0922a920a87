"""Whether a single EEG looks like a raw recording or like the cleaned nights that most networks learned from.

The training nights went through an independent component analysis that nobody repeats; a raw recording has
another colour. The networks that learned from raw recordings stage such a one, the others every other; which
it is must be known without its stages, and is read from the spread of its band ratios over the recording.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml.algorithms.sleep.contract import STAGES
from ml.algorithms.sleep.features import BANDS, N_BANDS, band_columns

# The networks of the raw device were shown one EEG in the first slot and know no other recording.
CHANNELS = (True, False, False)
# A lost electrode leaves the floor of the logarithm, far below any epoch with a signal.
_SILENT = -12.0
_FEWEST = 20
_PERCENTILES = (5, 25, 50, 75, 95)
_FURTHEST = 20.0
# Columns of ``features.network_inputs`` that hold the plain log powers of the first EEG.
THETA, BETA = (band_columns(0, list(BANDS).index(band))[0] for band in ("theta", "beta"))
# The tilt speaks for N3 and against wake, and of the other stages says nothing; it moves log odds by at most
# twice this.
TOWARDS = np.array([{"W": -1, "N3": 1}.get(stage, 0) for stage in STAGES], np.float32)
MOST = 0.8


@dataclass(frozen=True, slots=True)
class Tilt:
    """Evidence for deep sleep against wake from one epoch alone: log theta less log beta.

    Deep sleep has more theta and less beta than wake on every device, however slow the wake looks for eye
    movements and sweat; neither gain nor the rest of the recording has an influence.

    Parameters
    ----------
    slope, offset
        Half the log odds of N3 against wake are ``slope`` times the difference plus ``offset``, cut at
        :data:`MOST`.
    """

    slope: float
    offset: float

    def of(self, inputs: np.ndarray) -> np.ndarray:
        """Return what is added to the log probabilities; shape (epochs, 63) to (epochs, 5)."""
        odds = self.slope * (inputs[..., THETA] - inputs[..., BETA]) + self.offset
        return np.clip(odds, -MOST, MOST)[..., None] * TOWARDS


@dataclass(frozen=True, slots=True)
class Gate:
    """A logistic regression per fold on :func:`spread`, each without the patients and subjects of its fold.

    Parameters
    ----------
    weights
        Shape (folds, 20).
    offsets
        Shape (folds,).
    """

    weights: np.ndarray
    offsets: np.ndarray

    @classmethod
    def of_manifest(cls, manifest: Mapping[str, Any]) -> Gate | None:
        """Return the gate of a package, ``None`` where it has but one kind of networks."""
        stored = manifest.get("raw_device")
        return None if stored is None else cls(np.array(stored["weights"]), np.array(stored["offsets"]))

    def to_json(self) -> dict[str, Any]:
        """Return what a manifest holds of it."""
        return {"weights": self.weights.tolist(), "offsets": self.offsets.tolist()}

    def score(self, features: np.ndarray, mask: np.ndarray, k: int = -1) -> float:
        """Log odds that a recording is raw, by the regression of fold ``k``; the mean of all when it is -1.

        Parameters
        ----------
        features, mask
            Shapes (epochs, 3, 10) and (3,) or (epochs, 3): the whole recording, no stretch of it.

        Returns
        -------
        float
            Minus infinity where the recording has other channels than one EEG in the first slot.
        """
        if tuple(np.atleast_2d(mask).any(axis=0).tolist()) != CHANNELS:
            return float("-inf")
        scores = self.weights @ spread(features[:, 0]) + self.offsets
        return float(scores.mean() if k < 0 else scores[k])

    def is_raw(self, features: np.ndarray, mask: np.ndarray, k: int = -1) -> bool:
        """Whether the networks of the raw device stage a recording."""
        return self.score(features, mask, k) > 0


def spread(powers: np.ndarray) -> np.ndarray:
    """Percentiles over a recording of the log ratios of each band to beta; gain has no influence.

    Parameters
    ----------
    powers
        Shape (epochs, 10): band powers of one channel.

    Returns
    -------
    ndarray, shape (20,)
        Percentiles 5, 25, 50, 75, 95, in each of delta, theta, alpha, sigma.
    """
    heard = powers[powers[:, 0] > _SILENT]
    logs = (heard if len(heard) > _FEWEST else powers)[:, :N_BANDS]
    ratios = logs[:, :-1] - logs[:, -1:]
    return np.clip(np.percentile(ratios, _PERCENTILES, axis=0).ravel(), -_FURTHEST, _FURTHEST)
