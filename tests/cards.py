"""Hold the figures printed in a card against the manifest of the serving package."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from ml import package as packages
from ml import registry

COMPARISON = "comparison.json"
NUMBER = r"[+−-]?\d+\.\d+"
# "0.80 [0.77, 0.83]", or the cells of a table: "| 0.80 | 0.77 to 0.83 |".
FIGURE = re.compile(rf"({NUMBER}) (?:\[|\| )({NUMBER})(?:, | to )({NUMBER})")

Triple = tuple[float, float, float]


def card(algorithm: str) -> str:
    """Return the text of an algorithm's card."""
    folder = Path(registry.__file__).parent / "algorithms" / algorithm
    return (folder / "CARD.md").read_text("utf-8")


def figures_missing_from_card(algorithm: str) -> list[str]:
    """Return the table rows that the card should hold, from the manifest, and does not."""
    text = card(algorithm)
    return [row for row in rows(algorithm) if row not in text]


def rows(algorithm: str) -> list[str]:
    """Return one table row per metric of the serving package."""
    return [
        f"| {m.name} | {m.value:.3f} | {m.low:.3f} to {m.high:.3f} | {m.n:,} {m.unit} |"
        for m in packages.load(algorithm).metrics
    ]


def figures_without_origin(algorithm: str) -> list[str]:
    """Return the figures with an interval that the card prints and the serving package does not have."""
    known = list(stored(algorithm))
    return [match.group() for match in FIGURE.finditer(card(algorithm)) if not _among(match, known)]


def stored(algorithm: str) -> Iterator[Triple]:
    """Yield value, low and high of the figures that a card may print: of the manifest, and recalibrated ones.

    Cards are shown to every clinician; raw figures stand on the steward's comparison page only.
    """
    package = packages.load(algorithm)
    yield from ((m.value, m.low, m.high) for m in package.metrics if m.low is not None)
    if COMPARISON not in package.manifest["files"]:
        return
    for compared in package.json(COMPARISON)["comparisons"]:
        for row in compared["rows"]:
            for part in ("calibrated", "differences"):
                yield from ((f["value"], f["low"], f["high"]) for f in row[part].values())


def raw_figures(algorithm: str) -> list[str]:
    """Return raw figures of the comparison that the card prints, and that recalibration changed."""
    package = packages.load(algorithm)
    compared = package.json(COMPARISON)["comparisons"]
    raw = [
        (f["value"], f["low"], f["high"])
        for table in compared
        for row in table["rows"]
        for f in row["raw"].values()
    ]
    known = list(stored(algorithm))
    return [
        match.group()
        for match in FIGURE.finditer(card(algorithm))
        if _among(match, raw) and not _among(match, known)
    ]


def _among(match: re.Match[str], figures: Sequence[Triple]) -> bool:
    return any(all(map(_printed_as, match.groups(), triple)) for triple in figures)


def _printed_as(text: str, value: float) -> bool:
    number = float(text.replace("−", "-"))
    decimals = len(text.partition(".")[2])
    return abs(number - value) <= 0.5 * 10**-decimals + 1e-9
