"""Ours, for its memory: a process with Django, Celery and the tasks that analyses the file, maps included."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from bench.chest_xray.film import FILE
from bench.measuring import Samples, cpu_ms, memory_mib
from ml import runner
from ml.contracts import Source

MODULES = ("clinic.celery", "predictions.tasks", "predictions.run")
"""What a worker's pool child has loaded before its first study."""


def measure(folder: Path, repeats: int) -> Samples:
    """Return CPU milliseconds per file, the whole way; peak memory is taken when it is done."""
    for module in MODULES:
        import_module(module)
    idle = memory_mib("VmRSS")
    source = Source(path=folder / FILE, options={"no_gate": True})
    return {
        "idle_mib": [idle],
        "file_with_maps_cpu_ms": cpu_ms(lambda: runner.run("chest_xray", source), repeats),
    }
