"""One signal of a recording as the physiology reads it: oxygen, flow, effort."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Trace:
    """A signal on the clock of the recording.

    Parameters
    ----------
    label
        As the recording names it.
    unit
        Unit of the samples (``"%"``, ``"µV"``, ...); empty when the recording names none.
    rate
        Samples per second.
    samples
        float32, shape (n,), from the start of the recording; gaps are NaN.
    """

    label: str
    unit: str
    rate: float
    samples: np.ndarray

    @property
    def seconds(self) -> float:
        """Length of the recording."""
        return len(self.samples) / self.rate
