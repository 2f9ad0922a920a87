"""Lowest and highest value of every quarter second, second, four seconds ...: a whole night at a glance.

Built while the recording is read, piece by piece, so that the browser draws hours without the samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import signal as dsp

NAME = "pyramid.bin"
MEDIA_TYPE = "application/octet-stream"
FINEST_SECONDS = 0.25
_FACTOR = 4
# The coarsest level has about as many bins as a narrow screen has pixels.
_FEWEST_BINS = 400
NOTHING = -32768
# Eight times the 99.9th percentile fills the range: a movement is still drawn, a detached electrode is cut.
_HEADROOM, _FULL = 8.0, 32767
# How often a filtered trace is sampled for the pyramid, per highest frequency shown.
_OVERSAMPLED = 2.8


class Builder:
    """One trace on its way into the pyramid.

    Parameters
    ----------
    rate
        Samples per second of what is fed.
    band
        Edges of the filter in Hz; ``None`` for the signal as recorded.
    seconds
        Length of the grid.
    """

    def __init__(self, rate: float, band: tuple[float, float] | None, seconds: float) -> None:
        self._thinning = max(1, int(rate / (_OVERSAMPLED * band[1]))) if band else 1
        self._rate = rate / self._thinning
        self._sections = _sections(band, self._rate)
        self._state: np.ndarray | None = None
        bins = int(np.ceil(seconds / FINEST_SECONDS - 1e-6))
        self.low = np.full(bins, np.inf, np.float32)
        self.high = np.full(bins, -np.inf, np.float32)

    def feed(self, onset_s: float, samples: np.ndarray, *, fresh: bool) -> None:
        """Add a piece; ``fresh`` when it does not follow the piece before.

        Parameters
        ----------
        onset_s
            Time of the first sample on the grid.
        samples
            Shape (n,), float32, in the trace's unit.
        """
        x = samples
        if self._thinning > 1:
            whole = len(x) // self._thinning * self._thinning
            x = x[:whole].reshape(-1, self._thinning).mean(axis=1)
        if not len(x):
            return
        if self._sections is not None:
            if fresh or self._state is None:
                # As if the first value had stood there for ever: no jump at the beginning.
                self._state = dsp.sosfilt_zi(self._sections) * x[0]
            x, self._state = dsp.sosfilt(self._sections, x, zi=self._state)
        self._note(onset_s, x)

    def _note(self, onset_s: float, x: np.ndarray) -> None:
        first = int(onset_s / FINEST_SECONDS + 1e-6)
        per_bin = self._rate * FINEST_SECONDS
        if per_bin < 1:
            # Held until the next value: SpO2 once a second is a line, not dots.
            x = np.repeat(x, int(np.ceil(1 / per_bin)))
            per_bin *= int(np.ceil(1 / per_bin))
        late = onset_s / FINEST_SECONDS - first
        count = int(np.ceil(len(x) / per_bin + late - 1e-6))
        edges = np.ceil((np.arange(count) - late) * per_bin - 1e-6).astype(np.int64).clip(0, len(x) - 1)
        end = min(first + count, len(self.low))
        if end <= first:
            return
        lows, highs = np.minimum.reduceat(x, edges), np.maximum.reduceat(x, edges)
        np.minimum(self.low[first:end], lows[: end - first], out=self.low[first:end])
        np.maximum(self.high[first:end], highs[: end - first], out=self.high[first:end])


def pack(builders: Sequence[Builder]) -> tuple[bytes, list[dict[str, Any]], list[float]]:
    """Write the levels of all traces.

    Returns
    -------
    content, levels, steps
        int16 pairs (lowest, highest), little-endian, trace after trace inside a level; where each level
        begins; and the unit of the integers, per trace. :data:`NOTHING` where nothing was recorded.
    """
    steps = [_step(builder) for builder in builders]
    traces = [_pairs(builder, step) for builder, step in zip(builders, steps, strict=True)]
    seconds, content, levels = FINEST_SECONDS, [], []
    offset = 0
    while traces:
        bins = len(traces[0])
        levels.append({"seconds": seconds, "bins": bins, "offset": offset})
        content += [pairs.tobytes() for pairs in traces]
        offset += 4 * bins * len(traces)
        if bins <= _FEWEST_BINS:
            break
        traces = [_coarser(pairs) for pairs in traces]
        seconds *= _FACTOR
    return b"".join(content), levels, steps


def _sections(band: tuple[float, float] | None, rate: float) -> np.ndarray | None:
    """A Butterworth of second order per edge, as viewers of recordings filter; no edge beyond the signal."""
    if band is None:
        return None
    low, high = band
    half = rate / 2
    if low >= half:
        return None
    parts = [dsp.butter(2, low, "highpass", fs=rate, output="sos")]
    if high < 0.9 * half:
        parts.append(dsp.butter(2, high, "lowpass", fs=rate, output="sos"))
    return np.concatenate(parts)


def _step(builder: Builder) -> float:
    found = np.isfinite(builder.low)
    if not found.any():
        return 1.0
    size = np.maximum(np.abs(builder.low[found]), np.abs(builder.high[found]))
    usual = float(np.percentile(size, 99.9))
    return min(_HEADROOM * usual, float(size.max())) / _FULL if usual > 0 else 1.0


def _pairs(builder: Builder, step: float) -> np.ndarray:
    """Shape (bins, 2), int16."""
    pairs = np.full((len(builder.low), 2), NOTHING, "<i2")
    found = np.isfinite(builder.low)
    for column, values in enumerate((builder.low, builder.high)):
        pairs[found, column] = np.clip(np.rint(values[found] / step), -_FULL, _FULL)
    return pairs


def _coarser(pairs: np.ndarray) -> np.ndarray:
    bins = -(-len(pairs) // _FACTOR)
    padded = np.full((bins * _FACTOR, 2), NOTHING, np.int32)
    padded[: len(pairs)] = pairs
    grouped = padded.reshape(bins, _FACTOR, 2)
    nothing = grouped[:, :, 0] == NOTHING
    low = np.where(nothing, np.iinfo(np.int32).max, grouped[:, :, 0]).min(axis=1)
    coarse = np.stack([low, grouped[:, :, 1].max(axis=1)], axis=1)
    coarse[nothing.all(axis=1)] = NOTHING
    return coarse.astype("<i2")
