"""One run of the exported network: score, gate and evidence from the same pass."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import onnxruntime

from ml.package import Package

MODEL = "model.onnx"


@dataclass(frozen=True)
class Activations:
    """What the network gives for one image.

    Parameters
    ----------
    logit
        Log odds of pneumonia before calibration.
    gate
        Log odds of each head of the gate, by its name.
    distance
        Mean squared distance from the training images, in standard deviations along their principal
        components; about 1 for an image like them.
    evidence
        One map per depth, (side, side): what each position adds to ``logit``, relative to the average
        training image. The means of all maps and the intercept add up to ``logit``.
    """

    logit: float
    gate: dict[str, float]
    distance: float
    evidence: tuple[np.ndarray, ...]


def run(package: Package, view: np.ndarray) -> Activations:
    """Pass a model view, (224, 224) uint8, through the package's network."""
    session = _session(package.path(MODEL))
    image = view[None, :, :, None].astype(np.float32)
    names = [output.name for output in session.get_outputs()]
    found = dict(zip(names, session.run(names, {session.get_inputs()[0].name: image}), strict=True))
    heads = package.json("gate.json")["heads"]
    maps = sorted((name for name in names if name.startswith("evidence_")), key=lambda name: int(name[9:]))
    return Activations(
        logit=float(found["logit"][0, 0]),
        gate={head: float(value) for head, value in zip(heads, found["gate"][0], strict=True)},
        distance=float(found["distance"][0, 0]),
        evidence=tuple(found[name][0, :, :, 0] for name in maps),
    )


def logit(package: Package, view: np.ndarray) -> float:
    """Return nothing but the log odds of a view, for those who ask about many altered copies of it."""
    session = _session(package.path(MODEL))
    image = view[None, :, :, None].astype(np.float32)
    (found,) = session.run(["logit"], {session.get_inputs()[0].name: image})
    return float(found[0, 0])


@cache
def _session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    # One thread: a worker child analyses one study, and its neighbours need the other cores.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
