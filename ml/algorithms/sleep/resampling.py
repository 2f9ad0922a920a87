"""Bringing a signal to another rate piece by piece, with the same result as in one go."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from scipy import signal as dsp

# Half length of the anti-aliasing filter in samples of the slower rate, as ``scipy.signal.resample_poly``.
_HALF = 10


class Resampler:
    """One signal on its way to another rate, into an array on the grid of the recording.

    Parameters
    ----------
    rate, target
        Samples per second before and after.
    seconds
        Length of the grid.

    Attributes
    ----------
    out : ndarray of float32
        Shape (seconds × target,): NaN where nothing was recorded.
    """

    def __init__(self, rate: float, target: float, seconds: float) -> None:
        self._target = target
        ratio = Fraction(target / rate).limit_denominator(1000)
        self._up, self._down = ratio.numerator, ratio.denominator
        widest = max(self._up, self._down)
        self._taps = np.ones(1, np.float32)
        if widest > 1:
            taps = dsp.firwin(2 * _HALF * widest + 1, 1 / widest, window=("kaiser", 5.0))
            self._taps = taps.astype(np.float32)
        # A whole number of steps, so that the samples after the margin keep their places.
        self._margin = -(-_HALF * widest // (self._up * self._down)) * self._down
        self._pending = np.empty(0, np.float32)
        self._at = 0
        self.out = np.full(round(seconds * target), np.nan, np.float32)

    def feed(self, onset_s: float, seconds: float, samples: np.ndarray, *, fresh: bool, last: bool) -> None:
        """Add a piece; ``fresh`` when it begins a stretch, ``last`` when it ends one.

        Parameters
        ----------
        onset_s, seconds
            When the piece begins on the grid, and how long it lasts.
        samples
            Shape (n,), float32.
        """
        if not len(samples):
            return
        parts = [self._pending, samples]
        if fresh:
            self._at = round(onset_s * self._target)
            # The first value stands before the beginning and the last one after the end: no step, no ringing.
            parts = [np.full(self._margin, samples[0], np.float32), samples]
        if last:
            parts.append(np.full(self._margin, samples[-1], np.float32))
        pending = np.concatenate(parts)
        whole = len(pending) - 2 * self._margin
        body = whole if last else whole // self._down * self._down
        if body > 0:
            self._write(self._resampled(pending[: body + 2 * self._margin], body))
            self._pending = pending[body:]
        else:
            self._pending = pending
        if last:
            self._close(round((onset_s + seconds) * self._target))

    def _resampled(self, x: np.ndarray, body: int) -> np.ndarray:
        if self._up == self._down:
            return x[self._margin : self._margin + body]
        skipped = self._margin * self._up // self._down
        y = dsp.resample_poly(x, self._up, self._down, window=self._taps)
        return y[skipped : skipped - (-body * self._up // self._down)]

    def _write(self, y: np.ndarray) -> None:
        end = min(self._at + len(y), len(self.out))
        self.out[self._at : end] = y[: end - self._at]
        self._at = end

    def _close(self, end: int) -> None:
        """Rounding may leave the last sample of a stretch open."""
        if 0 < self._at < end:
            self.out[self._at : min(end, len(self.out))] = self.out[self._at - 1]


class Sampler:
    """One slow signal taken at every step of the grid, as it stood there (SpO2 once a second)."""

    def __init__(self, rate: float, target: float, seconds: float) -> None:
        self._rate, self._target = rate, target
        self.out = np.full(round(seconds * target), np.nan, np.float32)

    def feed(self, onset_s: float, seconds: float, samples: np.ndarray, *, fresh: bool, last: bool) -> None:
        """Add a piece; as :meth:`Resampler.feed`."""
        if not len(samples):
            return
        first = int(np.ceil(onset_s * self._target - 1e-6))
        end = min(int(np.ceil((onset_s + seconds) * self._target - 1e-6)), len(self.out))
        times = np.arange(first, end) / self._target - onset_s
        places = np.floor(times * self._rate + 1e-6).astype(np.int64)
        self.out[first:end] = samples[places.clip(0, len(samples) - 1)]
