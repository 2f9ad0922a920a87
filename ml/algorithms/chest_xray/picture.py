"""A decoded image on its way to the gate, wherever it came from."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ml.contracts import Finding, Identity, Problem


@dataclass(frozen=True)
class Picture:
    """Pixels and what the file said about them.

    Parameters
    ----------
    grey
        Shape (height, width), float32 grey levels 0–255 as displayed: white is bright.
    reasons
        Refusals that the gate has to report but that did not stop the decoding.
    warnings
        What travels with a result.
    age_years
        Age the file gives; ``None`` when it gives none.
    """

    grey: np.ndarray
    identity: Identity = field(default_factory=Identity)
    reasons: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    quality: tuple[Finding, ...] = ()
    age_years: float | None = None


def full_range(values: np.ndarray) -> np.ndarray:
    """Stretch values linearly to 0–255; a constant image becomes black."""
    low, high = float(values.min()), float(values.max())
    return ((values - low) * (255.0 / max(high - low, 1e-6))).astype(np.float32)
