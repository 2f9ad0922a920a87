"""Ours, all of it, as the worker runs a study: every channel, quality, the scoring room's pyramid, report."""

from __future__ import annotations

from pathlib import Path

from bench.measuring import Samples, cpu_ms
from bench.sleep.night import FILE
from ml import runner
from ml.contracts import Source


def measure(folder: Path, repeats: int) -> Samples:
    """Return CPU milliseconds per night, after one that is not counted; no explanation."""
    source = Source(path=folder / FILE)

    def night() -> None:
        runner.run("sleep", source, explain=False)

    night()
    return {"night_cpu_ms": cpu_ms(night, repeats)}
