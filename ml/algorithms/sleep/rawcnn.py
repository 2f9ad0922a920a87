"""The convolutional network on raw epochs at work: how a derivation is prepared, and its ONNX graph.

A third model beside the network that serves and the older forest; see CARD_CNN.md. Training stands in
``rawcnn_train``.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import onnxruntime
from scipy import signal as dsp

from ml.algorithms.sleep.contract import EPOCH_SECONDS, STAGES
from ml.algorithms.sleep.features import EPOCH_SAMPLES, band_pass_taps, resampled
from ml.package import Package

FILE = "cnn.onnx"
PASS_BAND = (0.3, 35.0)
# Multiples of the night's own spread; beyond it a movement says nothing more.
CUT = 10.0
# Epochs either side that reach an epoch's stage: two convolutions of five epochs.
CONTEXT = 4
_AT_ONCE = 128


def epochs_of(signal: np.ndarray, rate: float) -> np.ndarray:
    """Prepare one derivation: 100 Hz, 0.3–35 Hz, in multiples of the spread of the night's median epoch.

    Parameters
    ----------
    signal
        Shape (n,): one EEG derivation in any unit, the scale has no influence.
    rate
        Samples per second.

    Returns
    -------
    ndarray, shape (epochs, 3000), float32
        Whole epochs of 30 s, cut at ±10.
    """
    x = np.asarray(signal, np.float32)
    x = resampled(x - np.float32(np.mean(x, dtype=np.float64)), rate)
    # The number of epochs follows the recording's own clock: resampling may round a sample away.
    epochs = int(len(signal) / rate / EPOCH_SECONDS + 1e-6)
    x = np.pad(x, (0, max(0, epochs * EPOCH_SAMPLES - len(x))))
    x = dsp.oaconvolve(x, band_pass_taps(*PASS_BAND), mode="same")[: epochs * EPOCH_SAMPLES]
    x = x.reshape(epochs, EPOCH_SAMPLES)
    spread = x.std(axis=1)
    usual = np.median(spread[spread > 0]) if (spread > 0).any() else 1.0
    return np.clip(x / usual, -CUT, CUT).astype(np.float32)


def probabilities(package: Package, epochs: np.ndarray) -> np.ndarray:
    """Return the probabilities of W, N1, N2, N3, R.

    Parameters
    ----------
    package
        A package of the recipe ``cnn``.
    epochs
        Shape (epochs, 3000), of :func:`epochs_of`.

    Returns
    -------
    ndarray, shape (epochs, 5), float32
    """
    return run(package.path(FILE), epochs)


def run(path: Path, epochs: np.ndarray) -> np.ndarray:
    """Run a graph over a night in pieces that overlap by its context, so that memory stays flat."""
    session = _session(path)
    found = np.empty((len(epochs), len(STAGES)), np.float32)
    for start in range(0, len(epochs), _AT_ONCE):
        end = min(start + _AT_ONCE, len(epochs))
        low, high = max(start - CONTEXT, 0), min(end + CONTEXT, len(epochs))
        piece = session.run(["probabilities"], {"epochs": epochs[None, low:high]})[0][0]
        found[start:end] = piece[start - low : end - low]
    return found


@cache
def _session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
