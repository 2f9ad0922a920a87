"""Invented applications on which two machines, or two versions, can be seen to answer alike."""

from __future__ import annotations

from pathlib import Path

from ml.contracts import Source
from ml.package import Package

APPLICATIONS = (
    {"duration": 24, "amount": 5000, "age": 35, "status": "0 <= ... < 200 DM"},
    {"duration": 6, "amount": 1200, "age": 58},
    {"duration": 60, "amount": 15000, "age": 22},
)

COMPARED = ("probability_bad", "label", "threshold")
"""What of an answer is held against the stored one."""


def sources(package: Package, folder: Path) -> list[Source]:
    """Return the examples as the loader takes them; ``folder`` is not needed."""
    return [Source(values=values) for values in APPLICATIONS]
