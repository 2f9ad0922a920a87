"""The night both sides read."""

from __future__ import annotations

from pathlib import Path

from ml.algorithms.sleep.simulate import write_night

FILE = "night.edf"
HOURS = 8.0


def prepare(folder: Path) -> None:
    """Write it into ``folder``."""
    write_night(folder / FILE, hours=HOURS, seed=0)
