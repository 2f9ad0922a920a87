"""A simulated nap on which two machines, or two versions, can be seen to answer alike."""

from __future__ import annotations

from pathlib import Path

from ml.algorithms.sleep.simulate import write_night
from ml.contracts import Source
from ml.package import Package

HOURS, SEED = 0.5, 7

COMPARED = ("stages", "probabilities")
"""What of an answer is held against the stored one."""


def sources(package: Package, folder: Path) -> list[Source]:
    """Write the example into ``folder`` and return it as the loader takes it."""
    path = folder / "nap.edf"
    write_night(path, hours=HOURS, seed=SEED)
    return [Source(path=path)]
