"""The spectrogram of a night for the eye: one column per epoch of the first EEG, 0.5 to 30 Hz."""

from __future__ import annotations

import base64
import json

import numpy as np

from ml.algorithms.sleep.contract import EPOCH_SECONDS
from ml.algorithms.sleep.features import RATE
from ml.contracts import Artefact

NAME = "spectrogram.json"
WINDOW_SECONDS = 4
STEP_HZ, HIGHEST_HZ = 0.5, 30.0
NOTHING = 255
"""Level of an epoch that was not wholly recorded; the others are 0 to 254."""
DARKEST, BRIGHTEST = 2.0, 98.0
"""Percentiles of the night that are drawn darkest and brightest."""
EPOCHS_AT_ONCE = 128


def artefact(eeg: np.ndarray, label: str) -> Artefact:
    """Return the file that the scoring room draws.

    Parameters
    ----------
    eeg
        Shape (samples,), at 100 Hz; gaps NaN.
    label
        Of the derivation.

    Returns
    -------
    Artefact
        JSON: ``label``, ``epochs``, ``frequencies`` (rows), ``highest_hz``, and ``levels``, base64 of one
        byte per epoch and frequency, epoch after epoch, low frequencies first.
    """
    drawn = levels(eeg)
    content = {
        "label": label,
        "epochs": drawn.shape[0],
        "frequencies": drawn.shape[1],
        "highest_hz": round(HIGHEST_HZ),
        "levels": base64.b64encode(drawn.tobytes()).decode(),
    }
    return Artefact(NAME, "application/json", json.dumps(content, ensure_ascii=False).encode())


def levels(eeg: np.ndarray) -> np.ndarray:
    """Return the power of each epoch in decibels between the night's dark and bright, (epochs, 60) uint8."""
    power = decibels(eeg)
    seen = power[np.isfinite(power)]
    if not seen.size:
        return np.full(power.shape, NOTHING, np.uint8)
    low, high = np.percentile(seen, (DARKEST, BRIGHTEST))
    scaled = np.clip((power - low) / max(high - low, 1e-9), 0, 1) * (NOTHING - 1)
    return np.where(np.isfinite(power), np.nan_to_num(scaled), NOTHING).astype(np.uint8)


def decibels(eeg: np.ndarray) -> np.ndarray:
    """Return the mean power of Hann windows of four seconds, in dB of µV²: (epochs, 60), NaN in gaps."""
    rate = int(RATE)
    size, per = EPOCH_SECONDS * rate, WINDOW_SECONDS * rate
    epochs, windows = len(eeg) // size, EPOCH_SECONDS // WINDOW_SECONDS
    rows = round(HIGHEST_HZ / STEP_HZ)
    bins = round(STEP_HZ * WINDOW_SECONDS)
    taper = np.hanning(per).astype(np.float32)
    found = np.full((epochs, rows), np.nan, np.float32)
    for first in range(0, epochs, EPOCHS_AT_ONCE):
        part = eeg[first * size : min(epochs, first + EPOCHS_AT_ONCE) * size].reshape(-1, size)
        cut = part[:, : windows * per].reshape(-1, windows, per)
        power = (np.abs(np.fft.rfft(cut * taper, axis=2)) ** 2).mean(axis=1)
        banded = power[:, 1 : 1 + rows * bins].reshape(-1, rows, bins).mean(axis=2)
        found[first : first + len(part)] = 10 * np.log10(np.maximum(banded, 1e-12))
    return found
