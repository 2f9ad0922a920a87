"""Bands of a whole night's EEG from one Fourier transform."""

from __future__ import annotations

import numpy as np
from scipy import fft

EDGE = 0.25
"""Half the width in Hz over which a band opens and closes."""


class Filtered:
    """An EEG without gaps and what lies in its bands, without shift in time.

    Parameters
    ----------
    samples
        Shape (n,); gaps already filled.
    rate
        Samples per second.
    """

    def __init__(self, samples: np.ndarray, rate: float) -> None:
        self.samples = np.asarray(samples, np.float32)
        self.rate = float(rate)
        self._length = fft.next_fast_len(len(self.samples) + round(10 * self.rate), real=True)
        self._spectrum = fft.rfft(self.samples, self._length)
        self._frequency = fft.rfftfreq(self._length, 1 / self.rate)

    def band(self, low: float, high: float) -> np.ndarray:
        """Return the part between two frequencies in Hz, shape (n,), float32."""
        rise = np.clip((self._frequency - low + EDGE) / (2 * EDGE), 0, 1)
        fall = np.clip((high + EDGE - self._frequency) / (2 * EDGE), 0, 1)
        window = np.sin(np.pi / 2 * np.minimum(rise, fall)).astype(np.float32) ** 2
        return fft.irfft(self._spectrum * window, self._length)[: len(self.samples)]
