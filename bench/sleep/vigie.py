"""Ours: the runner's load and predict, preview and report included, no explanation."""

from __future__ import annotations

from pathlib import Path

from bench.measuring import Samples, cpu_ms
from bench.sleep.night import FILE
from ml import registry, runner
from ml.contracts import Source


def measure(folder: Path, repeats: int) -> Samples:
    """Return CPU milliseconds per night, libraries imported before."""
    for door in ("load", "predict", "report"):
        registry.door("sleep", door)
    source = Source(path=folder / FILE)
    return {"night_cpu_ms": cpu_ms(lambda: runner.run("sleep", source, explain=False), repeats)}
