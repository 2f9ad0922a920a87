"""What the zones of an image added to the score, in numbers and in a radiologist's words."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ml.contracts import Text

ROWS = {
    "upper": Text("upper", "supérieure"),
    "middle": Text("middle", "moyenne"),
    "lower": Text("lower", "inférieure"),
}
SIDES = {"left": Text("left", "gauche"), "right": Text("right", "droite")}

RAISED = Text(
    "Compared with an average normal chest, the {row} zone on the {side} of the image raised the score most, "
    "{strength} ({odds}): {share}% of all that raised it ({extent}).",
    "Par rapport à un thorax normal moyen, c’est la zone {row} à {side} de l’image qui a le plus élevé le "
    "score, {strength} ({odds})\u202f: {share}\u00a0% de tout ce qui l’a élevé ({extent}).",
)
OUTWEIGHED = Text(
    "Compared with an average normal chest, the image as a whole lowered the score ({total}). The {row} zone "
    "on the {side} of the image raised it most, {strength} ({odds}).",
    "Par rapport à un thorax normal moyen, l’image dans son ensemble a abaissé le score ({total}). C’est la "
    "zone {row} à {side} de l’image qui l’a le plus élevé, {strength} ({odds}).",
)
LOWERED = Text(
    "Compared with an average normal chest, no zone raised the score; the {row} zone on the {side} of the "
    "image lowered it most, {strength} ({odds}).",
    "Par rapport à un thorax normal moyen, aucune zone n’a élevé le score\u202f; c’est la zone {row} à "
    "{side} de l’image qui l’a le plus abaissé, {strength} ({odds}).",
)
FOCAL = Text("concentrated", "concentré")
SPREAD = Text("spread out", "diffus")
FOCAL_SHARE = 0.4

STRENGTHS = (
    (2.0, Text("weakly", "faiblement")),
    (5.0, Text("moderately", "modérément")),
    (math.inf, Text("strongly", "fortement")),
)
"""Words up to which factor on the odds; a factor below 1 counts as its inverse."""
MOST = 1000
"""Factors from here on are not told apart."""


def zones(added: np.ndarray) -> list[dict[str, Any]]:
    """Sum what was added over thirds of the height and halves of the width.

    Parameters
    ----------
    added
        Log odds added per cell, of a square that thirds and halves divide without dividing a cell much.

    Returns
    -------
    list of dict
        ``row``, ``side``, ``added`` and its ``share`` of all that raised the score.
    """
    thirds = np.array_split(added, len(ROWS), axis=0)
    sums = {
        (row, side): float(half.sum())
        for row, third in zip(ROWS, thirds, strict=True)
        for side, half in zip(SIDES, np.array_split(third, 2, axis=1), strict=True)
    }
    raised = sum(value for value in sums.values() if value > 0)
    return [
        {"row": row, "side": side, "added": value, "share": max(value, 0.0) / raised if raised else 0.0}
        for (row, side), value in sums.items()
    ]


def sentence(found: list[dict[str, Any]]) -> Text:
    """Say which zone of :func:`zones` moved the score most, and how strongly."""
    total = sum(zone["added"] for zone in found)
    strongest = max(found, key=lambda zone: zone["added"])
    if strongest["added"] <= 0:
        return _in_words(LOWERED, min(found, key=lambda zone: zone["added"]), total)
    return _in_words(RAISED if total > 0 else OUTWEIGHED, strongest, total)


def _in_words(text: Text, zone: dict[str, Any], total: float) -> Text:
    factor = _factor(zone["added"])
    words = {
        "row": ROWS[zone["row"]],
        "side": SIDES[zone["side"]],
        "strength": next(word for limit, word in STRENGTHS if factor < limit),
        "odds": odds(zone["added"]),
        "total": odds(total),
        "extent": FOCAL if zone["share"] >= FOCAL_SHARE else SPREAD,
    }
    share = round(100 * zone["share"])
    return Text(
        text.en.format(share=share, **{name: word.en for name, word in words.items()}),
        text.fr.format(share=share, **{name: word.fr for name, word in words.items()}),
    )


def odds(log_odds: float) -> Text:
    """Write log odds as what they do to the odds: ``odds × 7.4``, ``odds ÷ 1.3``."""
    sign = "×" if log_odds >= 0 else "÷"
    if abs(log_odds) >= math.log(MOST):
        return Text(f"odds {sign} {MOST} or more", f"cote {sign} {MOST} ou plus")
    factor = _factor(log_odds)
    figure = f"{factor:.{1 if factor < 10 else 0}f}"
    return Text(f"odds {sign} {figure}", f"cote {sign} {figure.replace('.', ',')}")


def _factor(log_odds: float) -> float:
    return math.exp(min(abs(log_odds), math.log(MOST)))
