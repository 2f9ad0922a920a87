"""Whether a table says of itself that its births are simulated. Standard library only."""

from __future__ import annotations

from collections.abc import Sequence

from ml.algorithms.haemorrhage.mapping.fields import YES_NO
from ml.algorithms.haemorrhage.mapping.names import plain

# As `simulate-births` writes it; a mapping may be lost on the way, the column goes with the births.
NAMES = ("synthetic", "synthetique")


def marker(header: Sequence[str]) -> int | None:
    """Return the place of the column that marks simulated births, ``None`` where there is none."""
    return next((place for place, name in enumerate(header) if plain(name) in NAMES), None)


def says_simulated(cell: str) -> bool:
    """Say whether a cell of that column marks its birth as simulated."""
    return YES_NO.get(cell.strip().casefold()) == "yes"


def simulated(header: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Say whether every one of some rows is marked as a simulated birth; ``False`` without rows."""
    place = marker(header)
    if place is None or not rows:
        return False
    return all(place < len(row) and says_simulated(row[place]) for row in rows)
