"""Invented crashes on which two machines, or two versions, can be seen to answer alike."""

from __future__ import annotations

from pathlib import Path

from ml.contracts import Source
from ml.package import Package

CRASHES = (
    {"FIRST_CRASH_TYPE": "REAR END", "NUM_UNITS": "2", "CRASH_HOUR": 13, "POSTED_SPEED_LIMIT": 30},
    {"FIRST_CRASH_TYPE": "PEDESTRIAN", "NUM_UNITS": "1", "CRASH_HOUR": 22, "POSTED_SPEED_LIMIT": 35},
    {"FIRST_CRASH_TYPE": "PARKED MOTOR VEHICLE", "NUM_UNITS": "2", "CRASH_HOUR": 3, "POSTED_SPEED_LIMIT": 20},
)

COMPARED = ("probability_injury", "label", "threshold")
"""What of an answer is held against the stored one."""


def sources(package: Package, folder: Path) -> list[Source]:
    """Return the examples as the loader takes them; ``folder`` is not needed."""
    return [Source(values=values) for values in CRASHES]
