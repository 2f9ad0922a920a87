"""Sleep spindles by the four features of A7 (Lacourse 2019), on one derivation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ml.algorithms.sleep.fast_filter import Filtered
from ml.algorithms.sleep.oxygen import runs

SIGMA, BROAD = (11.0, 16.0), (4.5, 30.0)
STEPS_PER_SECOND = 10
WINDOW_STEPS = 3
"""Windows of 0.3 s every 0.1 s."""
BASELINE_STEPS = 300
TRIMMED = (10, 90)
"""Percentiles of the night between which a step belongs to the baseline."""
SHORTEST, LONGEST = 0.3, 2.5
ABSOLUTE_POWER = 1.25
RELATIVE_POWER = 1.6
COVARIANCE = 1.3
CORRELATION = 0.69


@dataclass(frozen=True, slots=True)
class Spindle:
    """One spindle: start and duration in s, mean frequency in Hz, peak-to-peak amplitude (EEG's unit)."""

    start_s: float
    duration_s: float
    frequency: float
    amplitude: float


@dataclass(frozen=True, slots=True)
class _Features:
    """What A7 thresholds, per step of 0.1 s."""

    absolute: np.ndarray
    relative: np.ndarray
    covariance: np.ndarray
    correlation: np.ndarray


def find(eeg: Filtered, searched: np.ndarray, reference: np.ndarray, *, absolute: bool) -> Iterator[Spindle]:
    """Yield the spindles in order.

    Parameters
    ----------
    eeg
        The derivation, gaps filled.
    searched
        Shape (seconds,): EEG fit for the search.
    reference
        Shape (seconds,): of them those of N2 and N3, against which power and covariance are judged.
    absolute
        Whether the EEG is in µV and its power may be thresholded; otherwise the three other features decide
        alone.
    """
    sigma = eeg.band(*SIGMA)
    steps = np.repeat(searched, STEPS_PER_SECOND)
    found = _features(eeg, sigma, np.repeat(reference, STEPS_PER_SECOND))
    loud = found.absolute > ABSOLUTE_POWER if absolute else np.ones(len(steps), bool)
    body = loud & (found.covariance > COVARIANCE) & steps
    core = body & (found.relative > RELATIVE_POWER) & (found.correlation > CORRELATION)
    for first, last in runs(body):
        duration = (last - first) / STEPS_PER_SECOND
        if core[first:last].any() and SHORTEST <= duration <= LONGEST:
            yield _spindle(sigma, first / STEPS_PER_SECOND, duration, eeg.rate)


def _features(eeg: Filtered, sigma: np.ndarray, reference: np.ndarray) -> _Features:
    """Return the four features; each is the mean over the windows that hold the step."""
    per_step = eeg.rate / STEPS_PER_SECOND
    edges = np.round(np.arange(len(reference)) * per_step).astype(int)
    end = round(len(reference) * per_step)
    size = np.diff(edges, append=end)
    samples, broad = eeg.samples, eeg.band(*BROAD)

    def window_mean(values: np.ndarray) -> np.ndarray:
        return _smooth(np.add.reduceat(values[:end], edges) / size)

    x, y = window_mean(samples), window_mean(sigma)
    power = window_mean(sigma * sigma)
    covariance = np.maximum(0, window_mean(samples * sigma) - x * y)
    spread = np.maximum(0, window_mean(samples * samples) - x * x) * np.maximum(0, power - y * y)
    tiny = np.finfo(np.float32).tiny
    correlation = covariance / np.sqrt(np.maximum(spread, tiny))
    relative = np.log10(np.maximum(power, tiny) / np.maximum(window_mean(broad * broad), tiny))
    positive = covariance[reference & (covariance > 0)]
    scale = np.median(positive) if positive.size else 1.0
    return _Features(
        absolute=_smooth(np.log10(np.maximum(power, tiny))),
        relative=_smooth(_against_baseline(relative, reference)),
        # A7 adds 1 µV² before the logarithm; a share of the night's own keeps that free of the unit.
        covariance=_smooth(_against_baseline(np.log10(covariance / scale + 0.1), reference)),
        correlation=_smooth(correlation),
    )


def _smooth(values: np.ndarray) -> np.ndarray:
    return ndimage.uniform_filter1d(values, WINDOW_STEPS, mode="nearest")


def _against_baseline(values: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Return standard deviations above the mean of the nearest 30 s of reference around each step."""
    chosen = values[reference]
    if not chosen.size:
        return np.zeros(len(values))
    low, high = np.percentile(chosen, TRIMMED)
    usual = ((chosen >= low) & (chosen <= high)).astype(float)
    centre = np.median(chosen)
    centred = (chosen - centre) * usual
    count = np.maximum(_baseline(usual), 1 / BASELINE_STEPS)
    mean = _baseline(centred) / count
    deviation = np.sqrt(np.maximum(_baseline(centred * centred) / count - mean * mean, 1e-12))
    # Where nothing is reference the nearest one before it serves, as in A7.
    nearest = np.maximum(np.cumsum(reference) - 1, 0)
    return (values - centre - mean[nearest]) / deviation[nearest]


def _baseline(values: np.ndarray) -> np.ndarray:
    return ndimage.uniform_filter1d(values, BASELINE_STEPS, mode="nearest")


def _spindle(sigma: np.ndarray, start: float, duration: float, rate: float) -> Spindle:
    wave = sigma[int(start * rate) : int((start + duration) * rate)]
    rising = np.flatnonzero((wave[:-1] < 0) & (wave[1:] >= 0))
    cycles = len(rising) - 1
    frequency = cycles * rate / (rising[-1] - rising[0]) if cycles > 0 else np.nan
    return Spindle(start, duration, float(frequency), float(np.ptp(wave)))
