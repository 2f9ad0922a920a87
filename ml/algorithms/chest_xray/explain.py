"""Where the image moved the score: an exact class-activation map of the exported network."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from ml.algorithms.chest_xray import heatmap
from ml.algorithms.chest_xray.load import Study
from ml.contracts import Artefact, Explanation, Loaded, Text
from ml.package import Package

METHOD = "class_activation"
COARSE = 14
"""Side of the map given as numbers."""
SMOOTHING = 9
"""Positions of 112 over which the drawn map is averaged: finer detail than a rib means nothing."""

ROWS = {
    "upper": Text("upper", "supérieure"),
    "middle": Text("middle", "moyenne"),
    "lower": Text("lower", "inférieure"),
}
SIDES = {"left": Text("left", "gauche"), "right": Text("right", "droite")}

RAISED = Text(
    "The score was raised most in the {row} zone on the {side} of the image ({share} % of all that raised "
    "it: {strength}).",
    "C’est la zone {row} à {side} de l’image qui a le plus élevé le score ({share} % de tout ce qui l’a "
    "élevé\u202f: {strength}).",
)
LOWERED = Text(
    "Nothing outweighed what lowered the score; it was lowered most in the {row} zone on the {side} of the "
    "image.",
    "Rien n’a pesé plus que ce qui a abaissé le score\u202f; il a surtout été abaissé par la zone {row} à "
    "{side} de l’image.",
)
CAVEAT = Text(
    "The map shows where the model found its evidence, compared with the average training image; it does "
    "not say why, and it does not outline disease. Left and right are those of the image.",
    "La carte montre où le modèle a trouvé ses indices, par rapport à l’image moyenne d’entraînement\u202f; "
    "elle ne dit pas pourquoi et ne délimite pas de lésion. Gauche et droite sont celles de l’image.",
)
FOCAL = Text("concentrated", "concentré")
SPREAD = Text("spread out", "diffus")
FOCAL_SHARE = 0.4


def explain(package: Package, loaded: Loaded, result: dict[str, Any]) -> Explanation:
    """Draw and describe the evidence.

    Returns
    -------
    Explanation
        ``data``: ``zones`` (six, each with the log odds it added and its share of all that raised the
        score), ``grid`` (14 × 14, log odds added per cell), ``raised``, ``lowered``, ``ramp`` (colours
        as hex), ``ceiling`` (log odds per position of the strongest colour), ``caveat``. All zones and
        ``baseline`` add up to ``logit``.
    """
    study: Study = loaded.data
    image = max(study.scored, key=lambda scored: scored.activations.logit)
    evidence = heatmap.combine(image.activations.evidence)
    per_cell = evidence / evidence.size
    zones = _zones(per_cell)
    smooth = _averaged(evidence)
    ceiling = float(np.percentile(np.abs(smooth), 99.5))
    picture = heatmap.draw(smooth, image.preview_size, ceiling)
    data = {
        "zones": zones,
        "grid": _grid(per_cell),
        "raised": float(per_cell[per_cell > 0].sum()),
        "lowered": float(per_cell[per_cell < 0].sum()),
        "baseline": image.activations.logit - float(per_cell.sum()),
        "logit": image.activations.logit,
        "ceiling": ceiling,
        "ramp": ["#" + "".join(f"{level:02x}" for level in colour) for colour in heatmap.ramp(9)],
        "caveat": CAVEAT.as_json(),
    }
    return Explanation(
        method=METHOD,
        sentence=sentence(zones),
        data=data,
        artefacts=(Artefact("heatmap.png", "image/png", picture),),
    )


def sentence(zones: list[dict[str, Any]]) -> Text:
    """Say which zone moved the score most, how strongly, and what the map is not."""
    strongest = max(zones, key=lambda zone: zone["added"])
    if strongest["added"] <= 0:
        lowest = min(zones, key=lambda zone: zone["added"])
        said = _in_words(LOWERED, lowest)
    else:
        said = _in_words(RAISED, strongest)
    return Text(f"{said.en} {CAVEAT.en}", f"{said.fr} {CAVEAT.fr}")


def _in_words(text: Text, zone: dict[str, Any]) -> Text:
    row, side = ROWS[zone["row"]], SIDES[zone["side"]]
    strength = FOCAL if zone["share"] >= FOCAL_SHARE else SPREAD
    share = round(100 * zone["share"])
    return Text(
        text.en.format(row=row.en, side=side.en, share=share, strength=strength.en),
        text.fr.format(row=row.fr, side=side.fr, share=share, strength=strength.fr),
    )


def _zones(per_cell: np.ndarray) -> list[dict[str, Any]]:
    """Sum the evidence over thirds of the height and halves of the width."""
    thirds = np.array_split(per_cell, len(ROWS), axis=0)
    added = {
        (row, side): float(half.sum())
        for row, third in zip(ROWS, thirds, strict=True)
        for side, half in zip(SIDES, np.array_split(third, 2, axis=1), strict=True)
    }
    raised = sum(value for value in added.values() if value > 0)
    return [
        {"row": row, "side": side, "added": value, "share": max(value, 0.0) / raised if raised else 0.0}
        for (row, side), value in added.items()
    ]


def _grid(per_cell: np.ndarray) -> list[list[float]]:
    block = len(per_cell) // COARSE
    sums = per_cell.reshape(COARSE, block, COARSE, block).sum(axis=(1, 3))
    return [[round(float(value), 5) for value in row] for row in sums]


def _averaged(evidence: np.ndarray) -> np.ndarray:
    """Average over a square of :data:`SMOOTHING` positions, by shrinking and enlarging."""
    small = (max(1, round(2 * len(evidence) / SMOOTHING)),) * 2
    image = Image.fromarray(evidence.astype(np.float32)).resize(small, Image.Resampling.BOX)
    return np.asarray(image.resize(evidence.shape, Image.Resampling.BICUBIC), dtype=np.float64)
