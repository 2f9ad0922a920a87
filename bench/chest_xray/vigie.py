"""Ours: the exported network in ONNX Runtime, and the runner's whole way from the file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bench.chest_xray.film import ARRAY, FILE
from bench.measuring import Samples, cpu_ms
from ml import package as packages
from ml import runner
from ml.algorithms.chest_xray import network
from ml.contracts import Source


def measure(folder: Path, repeats: int) -> Samples:
    """Return CPU milliseconds per image; the gate judges and reports but does not stop the score."""
    package = packages.load("chest_xray")
    view = np.load(folder / ARRAY)
    source = Source(path=folder / FILE, options={"no_gate": True})

    def from_array() -> None:
        network.run(package, view)

    def from_file() -> None:
        runner.run("chest_xray", source, explain=False)

    from_array()
    from_file()
    return {
        "network_cpu_ms": cpu_ms(from_array, 4 * repeats),
        "file_cpu_ms": cpu_ms(from_file, 4 * repeats),
    }
