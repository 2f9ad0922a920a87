"""Drawn films on which two machines, or two versions, can be seen to answer alike."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from ml.algorithms.chest_xray.simulate import write_film
from ml.contracts import Source
from ml.identity import Identity
from ml.package import Package

TAKEN_AT = datetime(2026, 1, 5, 10, 30, tzinfo=UTC)
OPACITIES = (0.0, 0.8)

COMPARED = ("probability", "label", "threshold")
"""What of an answer is held against the stored one."""


def sources(package: Package, folder: Path) -> list[Source]:
    """Draw the examples into ``folder`` and return them as the loader takes them.

    The gate is off: a drawn film need not look like a photographed one to be scored the same twice.
    """
    found = []
    for seed, opacity in enumerate(OPACITIES):
        path = folder / f"film-{seed}.dcm"
        write_film(path, identity=Identity(), taken_at=TAKEN_AT, seed=seed, opacity=opacity)
        found.append(Source(path=path, options={"no_gate": True}))
    return found
