"""The same as the example in YASA's documentation writes it: the whole file is read."""

from __future__ import annotations

from pathlib import Path

from bench.measuring import Samples
from bench.yasa.staging import FILE, nights


def measure(folder: Path, repeats: int) -> Samples:
    """Return CPU milliseconds per night, after one that is not counted."""
    return nights(folder / FILE, repeats, include=None)
