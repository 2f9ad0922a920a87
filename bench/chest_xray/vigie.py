"""Ours: the exported network in ONNX Runtime with the gate, both maps, and the runner's way from the file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bench.chest_xray.film import ARRAY, FILE
from bench.measuring import Samples, cpu_ms
from ml import package as packages
from ml import runner
from ml.algorithms.chest_xray import gate, network
from ml.algorithms.chest_xray.explain import explain
from ml.algorithms.chest_xray.image import ScoredImage
from ml.algorithms.chest_xray.load import Study
from ml.contracts import Loaded, Source


def measure(folder: Path, repeats: int) -> Samples:
    """Return CPU milliseconds per image; the gate judges and reports but does not stop the score."""
    package = packages.load("chest_xray")
    limits, view = package.json("gate.json"), np.load(folder / ARRAY)
    source = Source(path=folder / FILE, options={"no_gate": True})
    image = ScoredImage(0, network.run(package, view), view, view.shape)
    study = Loaded(data=Study(images=(), scored=(image,)))

    def from_array() -> None:
        gate.judge(view, view, network.run(package, view), limits, age_known=False)

    def from_file() -> None:
        runner.run("chest_xray", source, explain=False)

    def maps() -> None:
        explain(package, study, {})

    from_array()
    from_file()
    maps()
    return {
        "network_cpu_ms": cpu_ms(from_array, 4 * repeats),
        "file_cpu_ms": cpu_ms(from_file, 4 * repeats),
        "explain_cpu_ms": cpu_ms(maps, repeats),
    }
