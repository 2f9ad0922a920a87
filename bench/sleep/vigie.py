"""Ours: stages and statistics from the same three channels as YASA, and nothing else."""

from __future__ import annotations

from pathlib import Path

from bench.measuring import Samples, cpu_ms
from bench.sleep.night import FILE
from ml import package as packages
from ml.algorithms.sleep.load import load
from ml.algorithms.sleep.predict import predict
from ml.contracts import Source

OPTIONS = {"frontal": "EEG C4-M1", "posterior": "none", "eog": "EOG E1-M2", "emg": "EMG Chin"}


def measure(folder: Path, repeats: int) -> Samples:
    """Return CPU milliseconds per night, after one that is not counted."""
    package = packages.load("sleep")
    source = Source(path=folder / FILE, options=OPTIONS)

    def night() -> None:
        predict(package, load(source, package, alone=True))

    night()
    return {"night_cpu_ms": cpu_ms(night, repeats)}
