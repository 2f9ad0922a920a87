"""Invented applications on which two machines, or two versions, can be seen to answer alike."""

from __future__ import annotations

from pathlib import Path

from ml.contracts import Source

APPLICATIONS = (
    {"duration": 24, "amount": 5000, "age": 35, "status": "0 <= ... < 200 DM"},
    {"duration": 6, "amount": 1200, "age": 58},
    {"duration": 60, "amount": 15000, "age": 22},
)


COMPARED = ("probability_bad", "label", "threshold")
"""What of an answer two versions of the code must agree on."""


def sources(folder: Path) -> tuple[Source, ...]:
    """Return the examples as the loader takes them; none needs a file in ``folder``."""
    return tuple(Source(values=values) for values in APPLICATIONS)
