"""Everything: the derivations that vote, quality, and the pyramid of the scoring room."""

from __future__ import annotations

from pathlib import Path

from bench.measuring import Samples, cpu_ms
from bench.sleep_large.recording import FILE
from ml import package as packages
from ml.algorithms.sleep.load import load
from ml.algorithms.sleep.predict import predict
from ml.contracts import Source


def measure(folder: Path, repeats: int) -> Samples:
    """Return CPU milliseconds of one reading and staging; it is not repeated."""
    package, source = packages.load("sleep"), Source(path=folder / FILE)
    return {"night_cpu_ms": cpu_ms(lambda: predict(package, load(source, package, alone=False)), 1)}
