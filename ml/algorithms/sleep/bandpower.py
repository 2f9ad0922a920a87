"""Nights stored as band powers (``.npz``), the form of the training data."""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ml.algorithms.sleep.features import N_BANDS, SLOTS
from ml.contracts import Problem, Refused, Text

IGNORED = -100
# An encrypted member is a RuntimeError, a shape that no memory could hold a MemoryError.
_UNREADABLE = (
    OSError, ValueError, EOFError, RuntimeError, MemoryError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip
_MAX_BYTES = 256 * 1024**2


@dataclass(frozen=True, slots=True)
class Night:
    """One night of band powers.

    Parameters
    ----------
    features
        Shape (epochs, 3, 10), float32, slots as in ``features.SLOTS``; zero where a slot is empty.
    mask
        Shape (3,), bool: which slots hold a channel.
    labels
        Shape (epochs,): 0..4 for W, N1, N2, N3, R and -100 for unscored; ``None`` without labels.
    """

    features: np.ndarray
    mask: np.ndarray
    labels: np.ndarray | None = None


def read(path: Path) -> Night:
    """Read a night of band powers.

    Raises
    ------
    Refused
        ``npz_damaged`` or ``npz_shape`` with what was expected.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(member.file_size for member in archive.infolist()) > _MAX_BYTES:
                raise Refused(_problem("it unpacks to an absurd size", "sa taille décompressée est absurde"))
        with np.load(path, allow_pickle=False) as stored:
            if "features" not in stored:
                raise Refused(_problem("it holds no “features”", "il ne contient pas « features »"))
            features = np.asarray(stored["features"], np.float32)
            labels = np.asarray(stored["labels"], int) if "labels" in stored else None
    except _UNREADABLE as error:
        raise Refused(_problem("it cannot be opened", "il ne peut pas être ouvert")) from error
    return _checked(features, labels)


def _checked(features: np.ndarray, labels: np.ndarray | None) -> Night:
    if features.ndim != 3 or features.shape[1:] != (len(SLOTS), 2 * N_BANDS) or not len(features):
        shape = "×".join(map(str, features.shape))
        raise Refused(Problem("npz_shape", Text(
            f"Band powers of shape epochs×3×10 are expected; this file holds {shape}.",
            f"Des puissances de bandes de forme époques×3×10 sont attendues ; ce fichier contient {shape}.",
        )))  # fmt: skip
    if labels is not None and len(labels) != len(features):
        raise Refused(_problem("it has not one label per epoch", "il n’a pas une étiquette par époque"))
    finite = np.isfinite(features)
    mask = finite.any(axis=(0, 2)) & (np.ptp(np.where(finite, features, 0), axis=0).max(axis=1) > 0)
    if not finite[:, mask].all() or not mask.any():
        raise Refused(_problem("some values are not numbers", "des valeurs ne sont pas des nombres"))
    features = np.where(mask[None, :, None], features, 0).astype(np.float32)
    return Night(features, mask, labels)


def _problem(en: str, fr: str) -> Problem:
    return Problem("npz_damaged", Text(
        f"This file of band powers is unusable: {en}. Make it again from the recording.",
        f"Ce fichier de puissances de bandes est inutilisable : {fr}. Recréez-le depuis l’enregistrement.",
    ))  # fmt: skip
