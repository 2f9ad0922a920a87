"""A decoded image on its way to the gate, wherever it came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ml.algorithms.chest_xray.pixels import Numbers
from ml.algorithms.chest_xray.projection import Projection
from ml.contracts import Finding, Identity, Problem


@dataclass(frozen=True)
class Picture:
    """Pixels and what the file said about them.

    Parameters
    ----------
    grey
        Shape (height, width), grey levels 0–255 as displayed: white is bright. float32, or uint8 where
        they are whole.
    reasons
        Refusals that the gate has to report but that did not stop the decoding.
    warnings
        What travels with a result.
    age_years
        Age the file gives; ``None`` when it gives none.
    numbers
        The values from which ``grey`` was made, for a viewer with windows of its own.
    projection
        The side from which it was taken, as far as a header says.
    spacing, aspect
        Size of a pixel in mm (:func:`ml.algorithms.chest_xray.acquisition.spacing`), and its height
        divided by its width.
    orientation
        Towards which side of the body a row and a column run (``("L", "F")``); ``None`` when unknown.
    taken_at
        Moment of the exposure, ISO; empty when no header says it.
    study
        The identifier of the examination (StudyInstanceUID); empty when there is none.
    maker
        :func:`ml.algorithms.chest_xray.acquisition.maker`; empty where there is no header.
    """

    grey: np.ndarray
    numbers: Numbers
    identity: Identity = field(default_factory=Identity)
    reasons: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    quality: tuple[Finding, ...] = ()
    age_years: float | None = None
    projection: Projection = field(default_factory=Projection)
    spacing: dict[str, Any] | None = None
    aspect: float = 1.0
    orientation: tuple[str, str] | None = None
    taken_at: str = ""
    study: str = ""
    maker: str = ""


def full_range(values: np.ndarray) -> np.ndarray:
    """Stretch values linearly to 0–255; a constant image becomes black."""
    low, high = float(values.min()), float(values.max())
    return ((values - low) * (255.0 / max(high - low, 1e-6))).astype(np.float32)
