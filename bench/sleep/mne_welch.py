"""The usual way: MNE on the same channels and with the same settings, up to the band powers, no stages."""

from __future__ import annotations

from pathlib import Path

import mne
import numpy as np

from bench.measuring import Samples, cpu_ms
from bench.sleep.night import FILE
from ml.algorithms.sleep.features import BANDS, PASS_BANDS, RATE

EEG = ["EEG C4-M1"]
EYES = ["EOG E1-M2"]
EPOCH_SECONDS = 30.0


def measure(folder: Path, repeats: int) -> Samples:
    """Return CPU milliseconds per night, libraries imported before."""
    return {"night_cpu_ms": cpu_ms(lambda: band_powers(folder / FILE), repeats)}


def band_powers(path: Path) -> np.ndarray:
    """Return log band powers, shape (epochs, 2, 5)."""
    raw = mne.io.read_raw_edf(path, include=[*EEG, *EYES], preload=True)
    raw.resample(RATE)
    (low, high), (eye_low, eye_high) = PASS_BANDS["eeg_frontal_central"], PASS_BANDS["eog"]
    raw.filter(low, high, picks=EEG)
    raw.filter(eye_low, eye_high, picks=EYES)
    epochs = mne.make_fixed_length_epochs(raw, duration=EPOCH_SECONDS, preload=True)
    spectrum = epochs.compute_psd(
        "welch", fmin=0.5, fmax=30.0, picks=[*EEG, *EYES], n_fft=400, n_overlap=200, n_per_seg=400,
        window="hamming", average="median",
    )  # fmt: skip
    power, frequencies = spectrum.get_data(return_freqs=True)
    inside = [(frequencies >= low) & (frequencies < high) for low, high in BANDS.values()]
    return np.log(np.stack([power[..., band].sum(axis=-1) for band in inside], axis=-1) + 1e-30)
