"""The sequence network at work: one ONNX session per package file, one thread."""

from __future__ import annotations

from functools import cache
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from ml.algorithms.sleep.device import Gate
from ml.package import Package

FILE = "sequence.onnx"
# Networks that learned from raw recordings too, for those that look like one.
RAW_FILE = "raw.onnx"
# A batch of whole nights is cut to this many epochs in all, so that memory stays flat.
_EPOCHS_AT_ONCE = 16_000


class SequenceModel:
    """The networks of a package.

    Parameters
    ----------
    graph
        The ONNX file, or its bytes.
    """

    def __init__(self, graph: Path | bytes) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        source = graph if isinstance(graph, bytes) else str(graph)
        self._session = onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])

    def probabilities(self, inputs: np.ndarray) -> np.ndarray:
        """Return the probabilities of W, N1, N2, N3, R.

        Parameters
        ----------
        inputs
            Shape (batch, epochs, 63), see ``features.network_inputs``.

        Returns
        -------
        ndarray, shape (batch, epochs, 5), float32
        """
        return self._run("probabilities", inputs)

    def members(self, inputs: np.ndarray) -> np.ndarray:
        """Return the probabilities of each network apart, shape (batch, epochs, networks, 5)."""
        return self._run("members", inputs)

    def _run(self, output: str, inputs: np.ndarray) -> np.ndarray:
        rows = max(1, _EPOCHS_AT_ONCE // inputs.shape[1])
        parts = [
            self._session.run([output], {"inputs": np.ascontiguousarray(inputs[i : i + rows], np.float32)})[0]
            for i in range(0, len(inputs), rows)
        ]
        return np.concatenate(parts)


def of(package: Package, features: np.ndarray, mask: np.ndarray) -> SequenceModel:
    """Return the networks of a verified package that stage a recording; kept for the life of the process.

    Parameters
    ----------
    features, mask
        Shapes (epochs, 3, 10) and (3,) or (epochs, 3): the whole recording, from which ``device.Gate`` reads
        whether it is one for the networks of the raw device.
    """
    chosen = choice(package, features, mask)
    return _loaded(package.path(RAW_FILE if chosen is not None and chosen["raw"] else FILE))


def choice(package: Package, features: np.ndarray, mask: np.ndarray) -> dict[str, Any] | None:
    """Return which of its networks a package stages a recording with; parameters as for :func:`of`.

    Returns
    -------
    dict or None
        ``raw``: whether those do that learned from raw recordings too; ``log_odds``: the figure of the gate
        that it is raw, above 0 for those, ``None`` where it has nothing to say because the recording is not
        one EEG in the first slot. ``None`` for a package with one kind of networks.
    """
    gate = Gate.of_manifest(package.manifest)
    if gate is None:
        return None
    score = gate.score(features, mask)
    return {"raw": score > 0, "log_odds": round(score, 4) if isfinite(score) else None}


@cache
def _loaded(path: Path) -> SequenceModel:
    return SequenceModel(path)
