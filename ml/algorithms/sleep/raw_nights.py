"""Labelled raw recordings as nights of band powers, computed as in service; each patient tied to a fold."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ml.algorithms.sleep import load, pairs
from ml.algorithms.sleep.bandpower import Night
from ml.algorithms.sleep.pairs import RawNight
from ml.contracts import Source
from ml.package import Package


@dataclass(frozen=True, slots=True)
class RawCohort:
    """Labelled raw recordings, whose they are and which networks must not see them.

    Parameters
    ----------
    nights
        Band powers as in service; ``mask`` says which slots hold a channel.
    recordings
        What each was made from: name, patient (never torn apart), sha256.
    folds
        Shape (recordings,): the networks of which fold do not learn from each.
    files
        Everything that was read.
    """

    nights: tuple[Night, ...]
    recordings: tuple[RawNight, ...]
    folds: np.ndarray
    files: frozenset[Path]

    def without(self, k: int) -> tuple[Night, ...]:
        """Nights that the networks of fold ``k`` learn from."""
        return tuple(night for night, fold in zip(self.nights, self.folds, strict=True) if fold != k)


def read(data: Path, package: Package, folds: int) -> RawCohort:
    """Read every raw recording that may be learned from; standard error names the others.

    The patients are dealt to the folds in the order of their names, so that with no more patients than
    folds each is held out alone.

    Parameters
    ----------
    package
        Any sequence package; the features are the same for all.

    Raises
    ------
    ml.training.data.DataMissing
        When there is none.
    """
    chosen, recordings = pairs.learned_from(data)
    patients = sorted({recording.patient for recording in recordings})
    nights = []
    for pair, recording in zip(chosen, recordings, strict=True):
        features = load.load(Source(path=pair.recording), package, alone=True).data.features
        nights.append(Night(features, features.any(axis=(0, 2)), recording.labels[: len(features)]))
    return RawCohort(
        nights=tuple(nights),
        recordings=tuple(recordings),
        folds=np.array([patients.index(recording.patient) % folds for recording in recordings]),
        files=frozenset(pairs.files(chosen)),
    )
