"""Slow waves by their zero crossings (Massimini 2004), sizes and durations of Carrier 2011."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ml.algorithms.sleep.fast_filter import Filtered

BAND = (0.3, 4.0)
NEGATIVE_SECONDS = (0.125, 1.5)
POSITIVE_SECONDS = 1.0
NEGATIVE_PEAK = 40.0
PEAK_TO_PEAK = 75.0
"""In µV."""
LARGEST_SHARE = 0.25
"""Without a unit the largest quarter counts (Staresina 2015)."""


@dataclass(frozen=True, slots=True)
class SlowWave:
    """One slow wave: start and duration in s, peak-to-peak amplitude and slope per second (EEG's unit)."""

    start_s: float
    duration_s: float
    amplitude: float
    slope: float


def find(eeg: Filtered, searched: np.ndarray, reference: np.ndarray, *, absolute: bool) -> Iterator[SlowWave]:
    """Yield the slow waves in order.

    Parameters
    ----------
    eeg
        The derivation, gaps filled.
    searched
        Shape (seconds,): EEG fit for the search.
    reference
        Shape (seconds,): of them those of N2 and N3.
    absolute
        Whether the EEG is in µV: then the negative peak is below −40 µV and peak to peak above 75 µV;
        otherwise a wave counts that is as large as the largest quarter of N2 and N3.
    """
    wave = eeg.band(*BAND)
    crossings = np.flatnonzero(np.diff(np.signbit(wave))) + 1
    if len(crossings) and not np.signbit(wave[crossings[0]]):
        crossings = crossings[1:]
    # Down, up, down, up, ...: each wave takes three of them.
    down, up, after = crossings[:-2:2], crossings[1:-1:2], crossings[2::2]
    if not len(down):
        return
    lowest = np.minimum.reduceat(wave, crossings)[: 2 * len(down) : 2]
    highest = np.maximum.reduceat(wave, crossings)[1 : 2 * len(down) : 2]
    negative, positive = (up - down) / eeg.rate, (after - up) / eeg.rate
    size = highest - lowest
    fits = (
        (negative >= NEGATIVE_SECONDS[0]) & (negative <= NEGATIVE_SECONDS[1]) & (positive <= POSITIVE_SECONDS)
        & _inside(searched, down / eeg.rate, after / eeg.rate)
    )  # fmt: skip
    if absolute:
        fits &= (lowest <= -NEGATIVE_PEAK) & (size >= PEAK_TO_PEAK)
    else:
        own = fits & _inside(reference, down / eeg.rate, after / eeg.rate)
        fits &= size >= (np.quantile(size[own], 1 - LARGEST_SHARE) if own.any() else np.inf)
    for i in np.flatnonzero(fits):
        bottom = down[i] + int(wave[down[i] : up[i]].argmin())
        top = up[i] + int(wave[up[i] : after[i]].argmax())
        yield SlowWave(
            start_s=float(down[i] / eeg.rate),
            duration_s=float((after[i] - down[i]) / eeg.rate),
            amplitude=float(size[i]),
            slope=float(size[i] * eeg.rate / (top - bottom)),
        )


def _inside(searched: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Whether every second from start to end is searched."""
    last = len(searched) - 1
    before = np.concatenate([[0], np.cumsum(searched)])
    a, b = np.minimum(start.astype(int), last), np.minimum(end.astype(int), last)
    return before[b + 1] - before[a] == b + 1 - a
