"""From a raw derivation to the band powers of its 30 s epochs, and from band powers to network inputs.

The recipe is that of the training data (``../shared/data`` of the project, DATA.md): 100 Hz, FIR
band-pass, z-score over the recording, Welch with a median average, five bands, log and relative
power. What it must not depend on, the gain of an amplifier, is taken out afterwards.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy import signal as dsp

from ml.algorithms.sleep.contract import EPOCH_SECONDS, SLOTS

RATE = 100.0
EPOCH_SAMPLES = int(RATE * EPOCH_SECONDS)
PASS_BANDS = {SLOTS[0]: (0.5, 30.0), SLOTS[1]: (0.5, 30.0), SLOTS[2]: (0.5, 15.0)}
BANDS = {
    "delta": (0.5, 4.0),
    "theta": (4.0, 8.0),
    "alpha": (8.0, 12.0),
    "sigma": (12.0, 16.0),
    "beta": (16.0, 30.0),
}
N_BANDS = len(BANDS)
N_INPUTS = len(SLOTS) * N_BANDS * 4 + len(SLOTS)

_SEGMENT, _STEP = 400, 200
_FLOOR = 1e-10
# Robust-scaled features are cut here: one burst of movement must not drive a recurrent network.
_CUT = 6.0


def resampled(samples: np.ndarray, rate: float) -> np.ndarray:
    """Bring one channel to 100 Hz.

    Parameters
    ----------
    samples
        Shape (n,), float32.
    rate
        Samples per second of the recording.

    Returns
    -------
    ndarray, float32
        Polyphase-filtered, so that nothing above 50 Hz folds back.
    """
    ratio = Fraction(RATE / rate).limit_denominator(1000)
    if ratio == 1:
        return samples.astype(np.float32, copy=False)
    return dsp.resample_poly(samples, ratio.numerator, ratio.denominator).astype(np.float32, copy=False)


def band_pass_taps(low: float, high: float) -> np.ndarray:
    """Design the zero-phase FIR band-pass of the training data at 100 Hz.

    Transition widths and lengths follow the rules of thumb of MNE's default design (Widmann 2015:
    3.3 / transition width for a Hamming window): 0.5 Hz below; the larger of 2 Hz and a quarter of
    the edge above. A Butterworth in its place shifts log powers near the edges by 0.3.
    """
    below, above = min(max(0.25 * low, 2.0), low), max(0.25 * high, 2.0)
    n_low, n_high = (round(3.3 / width * RATE) | 1 for width in (below, above))
    taps = -dsp.firwin(n_low, low - below / 2, window="hamming", fs=RATE)
    middle, half = n_low // 2, n_high // 2
    taps[middle - half : middle + half + 1] += dsp.firwin(n_high, high + above / 2, window="hamming", fs=RATE)
    return taps.astype(np.float32)


def band_powers(samples: np.ndarray, rate: float, pass_band: tuple[float, float]) -> np.ndarray:
    """Compute the ten features of each whole epoch of one derivation.

    Parameters
    ----------
    samples
        Shape (n,): any unit, the scale has no influence.
    rate
        Samples per second.
    pass_band
        Edges of the band-pass in Hz.

    Returns
    -------
    ndarray, shape (epochs, 10), float32
        ``log(power + 1e-10)`` of delta, theta, alpha, sigma, beta, then their shares of the sum.
    """
    x = resampled(np.asarray(samples, np.float32) - np.float32(np.mean(samples, dtype=np.float64)), rate)
    # The number of epochs follows the recording's own clock: resampling may round a sample away.
    epochs = int(len(samples) / rate / EPOCH_SECONDS + 1e-6)
    x = np.pad(x, (0, max(0, epochs * EPOCH_SAMPLES - len(x))))
    x = dsp.oaconvolve(x, band_pass_taps(*pass_band), mode="same")
    x = _standardised(x)[: epochs * EPOCH_SAMPLES].reshape(epochs, EPOCH_SAMPLES)
    powers = _welch_bands(x)
    total = powers.sum(axis=1, keepdims=True)
    relative = np.divide(powers, total, out=np.full_like(powers, 1 / N_BANDS), where=total > 0)
    return np.concatenate([np.log(powers + _FLOOR), relative], axis=1).astype(np.float32)


def _standardised(x: np.ndarray) -> np.ndarray:
    """Scale to unit spread: by the median epoch, which an electrode popping off cannot move.

    The training data divides by the standard deviation of the night; the difference is one factor
    per night, which :func:`network_inputs` removes. Here the scale only keeps the floor of the
    logarithm far below any real power.
    """
    whole = len(x) // EPOCH_SAMPLES * EPOCH_SAMPLES
    spread = x[:whole].reshape(-1, EPOCH_SAMPLES).std(axis=1)
    positive = spread[spread > 0]
    return x / np.median(positive) if positive.size else x


def _welch_bands(epochs: np.ndarray) -> np.ndarray:
    """Median-averaged Welch powers, integrated over each band; shape (epochs, 5)."""
    window = dsp.get_window("hamming", _SEGMENT).astype(np.float32)
    scale = 2 / (RATE * float((window**2).sum()))
    frequencies = np.fft.rfftfreq(_SEGMENT, 1 / RATE)
    segments = (EPOCH_SAMPLES - _SEGMENT) // _STEP + 1
    bias = sum((-1) ** k / (k + 1) for k in range(segments if segments % 2 else segments - 1))
    found = np.empty((len(epochs), N_BANDS), np.float32)
    for start in range(0, len(epochs), 200):
        part = sliding_window_view(epochs[start : start + 200], _SEGMENT, axis=1)[:, ::_STEP]
        part = (part - part.mean(axis=2, keepdims=True)) * window
        power = np.abs(np.fft.rfft(part, axis=2)) ** 2
        # Sorting and taking the middle is the median, four times faster over fourteen segments.
        ordered = np.sort(power, axis=1)
        psd = (ordered[:, (segments - 1) // 2] + ordered[:, segments // 2]) / 2 * (scale / bias)
        for i, (low, high) in enumerate(BANDS.values()):
            inside = (frequencies >= low) & (frequencies < high)
            found[start : start + 200, i] = psd[:, inside].sum(axis=1) * frequencies[1]
    return found


def network_inputs(features: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Turn the band powers of a night into what the network reads, free of gain.

    Parameters
    ----------
    features
        Shape (epochs, 3, 10): band powers by slot, in the order of :data:`SLOTS`.
    mask
        Shape (3,): true where the slot has a channel; or (epochs, 3), true where it can be used.

    Returns
    -------
    ndarray, shape (epochs, 63), float32
        Per slot: five log powers less the night's median log power of the channel, five relative
        powers, and the same ten scaled by the night's median and interquartile range; then the
        mask. Empty slots are zero. Median and range are over the epochs that can be used.
    """
    mask = np.broadcast_to(np.asarray(mask, bool), (len(features), len(SLOTS)))
    x = np.asarray(features, np.float32).copy()
    x[~mask] = 0
    scaled = np.zeros_like(x)
    for slot in range(len(SLOTS)):
        used = mask[:, slot]
        if not used.any():
            continue
        own = x[used, slot]
        own[:, :N_BANDS] -= np.median(own[:, :N_BANDS])
        low, middle, high = np.percentile(own, (25, 50, 75), axis=0)
        x[used, slot] = own
        scaled[used, slot] = np.clip((own - middle) / np.maximum(high - low, 1e-3), -_CUT, _CUT)
    columns = [x.reshape(len(x), -1), scaled.reshape(len(x), -1), mask.astype(np.float32)]
    return np.concatenate(columns, axis=1).astype(np.float32)


def band_columns(slot: int, band: int) -> list[int]:
    """Return the columns of :func:`network_inputs` that one band of one slot feeds."""
    per_slot, half = 2 * N_BANDS, len(SLOTS) * 2 * N_BANDS
    first = slot * per_slot + band
    return [first, first + N_BANDS, half + first, half + first + N_BANDS]
