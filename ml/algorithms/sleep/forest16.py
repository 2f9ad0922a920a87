"""Sixteen features of an epoch and a random forest: the older interface, kept for compatibility.

Amplitudes enter the features, so the signal has to be in microvolts. Not for reading; see
CARD_FOREST16.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import onnxruntime
from scipy import signal as dsp
from scipy import stats

from ml.algorithms.sleep.features import EPOCH_SAMPLES, RATE, resampled
from ml.contracts import Problem, Refused, Text
from ml.package import Package

FILE = "forest.onnx"
CLASSES = ("Wake", "N1", "N2", "N3", "REM")
BANDS = {
    "delta": (0.5, 4.0),
    "theta": (4.0, 8.0),
    "alpha": (8.0, 13.0),
    "beta": (13.0, 30.0),
    "gamma": (30.0, 35.0),
}
NAMES = (
    "mean", "std", "min", "max", "q1", "q3", "skewness", "kurtosis",
    *(f"{band}_power" for band in BANDS), "delta_ratio", "theta_ratio", "alpha_ratio",
)  # fmt: skip
SECONDS = (4.0, 60.0)
RATES = (70.0, 2000.0)
# From the lowest to the highest sample of an epoch, in µV: an EEG in volts stays below, no amplifier of EEGs
# reaches above; and the electrodes' own offset against each other.
SPAN = (1.0, 20_000.0)
OFFSET = 1e6
_WELCH_SECONDS = 4


def features(signal: np.ndarray, rate: float) -> np.ndarray:
    """Compute the sixteen features of each whole 30 s epoch.

    Parameters
    ----------
    signal
        Shape (n,): one EEG derivation in µV.
    rate
        Samples per second, at least 70.

    Returns
    -------
    ndarray, shape (epochs, 16), float32
        In the order of :data:`NAMES`; powers in µV², ratios to the sum of the five powers.
    """
    x = resampled(np.asarray(signal, np.float32), rate)
    epochs = len(x) // EPOCH_SAMPLES
    return _of_windows(x[: epochs * EPOCH_SAMPLES].reshape(epochs, EPOCH_SAMPLES))


def predict_signal(package: Package, signal: Sequence[float], sampling_rate: float) -> dict[str, Any]:
    """Stage one epoch, in the older interface's form.

    Parameters
    ----------
    package
        A package of the recipe ``forest16``.
    signal
        One epoch of one EEG derivation in µV, 4 to 60 s long.
    sampling_rate
        Samples per second, 70 to 2000.

    Returns
    -------
    dict
        ``prediction``, ``confidence``, ``probabilities`` (Wake, N1, N2, N3, REM), ``processing_time_ms``.

    Raises
    ------
    Refused
        ``sampling_rate``, ``signal_values``, ``signal_length``, ``signal_flat`` or ``signal_size``.
    """
    begun = perf_counter()
    x = _checked(signal, sampling_rate)
    window = resampled(x, float(sampling_rate))[None]
    found = probabilities(package, _of_windows(window))[0]
    best = int(found.argmax())
    return {
        "prediction": CLASSES[best],
        "confidence": round(float(found[best]), 4),
        "probabilities": {n: round(float(p), 4) for n, p in zip(CLASSES, found, strict=True)},
        "processing_time_ms": round((perf_counter() - begun) * 1000, 2),
    }


def probabilities(package: Package, features: np.ndarray) -> np.ndarray:
    """Return the probabilities of W, N1, N2, N3, R; 0 for a stage that the forest never saw.

    Parameters
    ----------
    features
        Shape (epochs, 16), of :func:`features`.

    Returns
    -------
    ndarray, shape (epochs, 5), float32
    """
    found = np.zeros((len(features), len(CLASSES)), np.float32)
    found[:, package.input["known"]] = _session(package.path(FILE)).run(None, {"features": features})[1]
    return found


def model_info(package: Package) -> dict[str, Any]:
    """Describe the package in the older interface's form; figures are of patients held out."""
    figures = {metric.name: metric.value for metric in package.metrics}
    return {
        "model_type": "RandomForestClassifier (ONNX)",
        "accuracy": figures["accuracy"],
        "f1_score": figures["macro_f1"],
        "cohens_kappa": figures["kappa"],
        "classes": list(CLASSES),
        "n_features": len(NAMES),
        "training_date": package.manifest["created"],
    }


def _of_windows(x: np.ndarray) -> np.ndarray:
    """Features of windows of shape (windows, samples) at 100 Hz."""
    segment = min(int(_WELCH_SECONDS * RATE), x.shape[1])
    frequencies, density = dsp.welch(x, RATE, nperseg=segment, axis=1)
    powers = np.stack(
        [
            density[:, (frequencies >= low) & (frequencies < high)].sum(axis=1) * frequencies[1]
            for low, high in BANDS.values()
        ],
        axis=1,
    )
    total = np.maximum(powers.sum(axis=1, keepdims=True), 1e-12)
    q1, q3 = np.percentile(x, (25, 75), axis=1)
    flat = x.std(axis=1) < 1e-9
    with np.errstate(divide="ignore", invalid="ignore"):
        shape = np.stack([stats.skew(x, axis=1), stats.kurtosis(x, axis=1)], axis=1)
    shape[flat] = 0
    moments = np.stack([x.mean(axis=1), x.std(axis=1), x.min(axis=1), x.max(axis=1), q1, q3], axis=1)
    return np.concatenate([moments, shape, powers, powers[:, :3] / total], axis=1).astype(np.float32)


def _checked(signal: Sequence[float], rate: float) -> np.ndarray:
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not RATES[0] <= rate <= RATES[1]:
        raise Refused(Problem("sampling_rate", Text(
            f"The sampling rate must be a number from {RATES[0]:.0f} to {RATES[1]:.0f} Hz.",
            f"La fréquence d’échantillonnage doit être un nombre de {RATES[0]:.0f} à {RATES[1]:.0f} Hz.",
        ), field="sampling_rate"))  # fmt: skip
    if any(isinstance(v, bool) or not isinstance(v, int | float) or not math.isfinite(v) for v in signal):
        raise Refused(Problem("signal_values", Text(
            "The signal must be a list of finite numbers, in microvolts.",
            "Le signal doit être une liste de nombres finis, en microvolts.",
        ), field="signal"))  # fmt: skip
    if not SECONDS[0] <= len(signal) / rate <= SECONDS[1]:
        raise Refused(Problem("signal_length", Text(
            f"Send one epoch: {SECONDS[0]:.0f} to {SECONDS[1]:.0f} s of signal, usually 30 s.",
            f"Envoyez une époque : {SECONDS[0]:.0f} à {SECONDS[1]:.0f} s de signal, en général 30 s.",
        ), field="signal"))  # fmt: skip
    _require_amplitude(min(signal), max(signal))
    return np.asarray(signal, np.float32)


def _require_amplitude(low: float, high: float) -> None:
    if high - low < SPAN[0]:
        raise Refused(Problem("signal_flat", Text(
            f"The signal is flat: it stays within {SPAN[0]:.0f} µV. Send an EEG in microvolts; one in volts "
            "has to be multiplied by a million first.",
            f"Le signal est plat : il ne varie pas de plus de {SPAN[0]:.0f} µV. Envoyez un EEG en "
            "microvolts ; s’il est en volts, multipliez-le d’abord par un million.",
        ), field="signal"))  # fmt: skip
    if high - low > SPAN[1] or max(-low, high) > OFFSET:
        millivolts = SPAN[1] / 1000
        raise Refused(Problem("signal_size", Text(
            "The signal is too large for an EEG in microvolts: no epoch spans more than "
            f"{millivolts:.0f} mV. Check its unit and scale.",
            "Le signal est trop grand pour un EEG en microvolts : aucune époque ne s’étend sur plus de "
            f"{millivolts:.0f} mV. Vérifiez son unité et son échelle.",
        ), field="signal"))  # fmt: skip


@cache
def _session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
