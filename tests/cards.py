"""Hold the figures printed in a card against the manifest of the serving package."""

from __future__ import annotations

from pathlib import Path

from ml import package as packages
from ml import registry


def figures_missing_from_card(algorithm: str) -> list[str]:
    """Return the table rows that the card should hold, from the manifest, and does not."""
    folder = Path(registry.__file__).parent / "algorithms" / algorithm
    card = (folder / "CARD.md").read_text("utf-8")
    return [row for row in rows(algorithm) if row not in card]


def rows(algorithm: str) -> list[str]:
    """Return one table row per metric of the serving package."""
    return [
        f"| {m.name} | {m.value:.3f} | {m.low:.3f} to {m.high:.3f} | {m.n:,} {m.unit} |"
        for m in packages.load(algorithm).metrics
    ]
