"""Where the images of a study moved the score: two maps of each, in numbers, pictures and words."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml.algorithms.chest_xray import heatmap, masking, network, zones
from ml.algorithms.chest_xray.image import ScoredImage
from ml.algorithms.chest_xray.load import Study
from ml.algorithms.chest_xray.predict import log_odds_of
from ml.algorithms.chest_xray.shapley import OwenValues, owen_values
from ml.contracts import Artefact, Explanation, Loaded, Text
from ml.package import Package

log = logging.getLogger(__name__)

METHOD = "class_activation_and_owen_values"
UNIT = "log odds"
COARSE = 14
"""Side of the evidence given as numbers."""
CELLS = 8
"""Cells on a side of which the regions consist: 28 pixels of the network's 224 each."""
EVALUATIONS = 64
"""How often the network is asked for the regions of one image: three quarters of a second of CPU."""
PERCENT = 100
"""Maps are drawn in log odds per hundredth of the image, whatever the size of their cells."""
WEAKEST_CEILING = 0.1
"""Lowest value of the strongest colour: evidence that is weak everywhere must look weak."""

LABELS = {
    "evidence": Text("Evidence (class activation)", "Indices (activation de classe)"),
    "shap": Text("Regions (SHAP)", "Régions (SHAP)"),
}
ABOUT = {
    "evidence": Text(
        "What each place added to the score, from the network’s own feature maps, compared with an average "
        "normal chest.",
        "Ce que chaque endroit a ajouté au score, d’après les cartes de caractéristiques du réseau, par "
        "rapport à un thorax normal moyen.",
    ),
    "shap": Text(
        "What each region added to the score, measured by showing an average normal chest in its place and "
        "asking the network again (Owen values).",
        "Ce que chaque région a ajouté au score, mesuré en montrant à sa place un thorax normal moyen et en "
        "interrogeant de nouveau le réseau (valeurs d’Owen).",
    ),
}
SCALE = Text("log odds per 1% of the image", "log-cote par 1\u00a0% de l’image")
CAVEAT = Text(
    "A map shows where the model found what moved its score; it does not say why, and it does not outline "
    "disease. Left and right are those of the image; the side marker tells the patient’s.",
    "Une carte montre où le modèle a trouvé ce qui a fait varier son score\u202f; elle ne dit pas pourquoi "
    "et ne délimite pas de lésion. Gauche et droite sont celles de l’image\u202f; le repère de côté indique "
    "celles du patient.",
)
NO_REGIONS = Text(
    "The regions (SHAP) could not be computed for this image; score and evidence map are not affected. "
    "Analyse it again to have them.",
    "Les régions (SHAP) n’ont pas pu être calculées pour cette image\u202f; le score et la carte des indices "
    "n’en sont pas affectés. Relancez l’analyse pour les obtenir.",
)
IMAGE = Text("Image {number}: ", "Image {number}\u202f: ")


@dataclass(frozen=True)
class Map:
    """One map of one image.

    Parameters
    ----------
    added
        Calibrated log odds per cell; they and ``baseline`` add up to those of the image.
    drawn
        Shape (112, 112): log odds per hundredth of the image, as drawn.
    """

    image: int
    method: str
    added: np.ndarray
    drawn: np.ndarray
    baseline: float
    regions: tuple[dict[str, float], ...] = ()

    @property
    def name(self) -> str:
        """Name of the picture among the artefacts."""
        return f"map_{self.method}_{self.image}.png"

    @property
    def ceiling(self) -> float:
        """Value of the strongest colour."""
        return max(float(np.percentile(np.abs(self.drawn), 99.5)), WEAKEST_CEILING)

    def as_json(self) -> dict[str, Any]:
        """Return everything but the picture."""
        found = zones.zones(self.added)
        data = {
            "image": self.image,
            "method": self.method,
            "label": LABELS[self.method].as_json(),
            "about": ABOUT[self.method].as_json(),
            "name": self.name,
            "ceiling": self.ceiling,
            "unit": UNIT,
            "scale": SCALE.as_json(),
            "zones": found,
            "baseline": self.baseline,
            "sentence": zones.sentence(found).as_json(),
        }
        return data | ({"regions": list(self.regions)} if self.regions else {})


def explain(package: Package, loaded: Loaded, result: dict[str, Any]) -> Explanation:
    """Draw and describe what moved the score of every scored image.

    Returns
    -------
    Explanation
        ``data``: ``maps``, an evidence map and a map of regions per image, each with its six zones, its
        ``ceiling`` (value of level 255 of its picture, in the unit ``scale``) and a sentence;
        ``missing``, the maps that could not be made and why; ``ramp``, 256 colours as hex; ``caveat``.
        Of the image whose score is the study's, ``zones``, ``grid`` (14 × 14, log odds added per
        cell), ``raised``, ``lowered``, ``baseline`` and ``logit``: zones and baseline add up to it. All
        log odds are calibrated: ``logit`` is that of the probability at the calibration's prevalence.
    """
    study: Study = loaded.data
    maps, missing = [], []
    for image in study.scored:
        maps.append(evidence_map(package, image))
        try:
            maps.append(region_map(package, image))
        except Exception as error:  # noqa: BLE001 - whatever goes wrong must not lose the evidence map
            log.error("no map of regions", extra={"image": image.number, "error": type(error).__name__})
            missing.append({"image": image.number, "method": "shap", "reason": NO_REGIONS.as_json()})
    main = study.main
    evidence = next(made for made in maps if made.image == main.number)
    said = zones.sentence(zones.zones(evidence.added))
    if len(study.scored) > 1:
        said = _joined(IMAGE.format(number=main.number + 1), said)
    return Explanation(
        method=METHOD,
        sentence=_joined(said, Text(" ", " "), CAVEAT),
        data={
            **_totals(evidence),
            "maps": [made.as_json() for made in maps],
            "missing": missing,
            "ramp": ["#" + "".join(f"{level:02x}" for level in colour) for colour in heatmap.ramp()],
            "caveat": CAVEAT.as_json(),
        },
        artefacts=tuple(
            Artefact(made.name, "image/png", heatmap.draw(made.drawn, made.ceiling)) for made in maps
        ),
    )


def evidence_map(package: Package, image: ScoredImage) -> Map:
    """Return the exact class-activation map of an image, less that of an average normal chest.

    The network's own zero is the average of all training images, most of them ill; against a normal
    chest the map was more faithful on training images, and both maps start from the same log odds.
    """
    normal = network.run(package, masking.baseline(image.view))
    parts = zip(image.activations.evidence, normal.evidence, strict=True)
    calibration = package.manifest["calibration"]
    evidence = calibration["slope"] * heatmap.combine(tuple(own - usual for own, usual in parts))
    added = evidence / evidence.size
    return Map(
        image=image.number,
        method="evidence",
        added=added,
        drawn=heatmap.smoothed(evidence) / PERCENT,
        # That of the normal chest, but for the digits single precision has lost.
        baseline=log_odds_of(image.activations.logit, calibration) - float(added.sum()),
    )


def region_map(package: Package, image: ScoredImage) -> Map:
    """Return the Owen values of the image's regions."""
    found = owen_values(masking.game(package, image.view), CELLS, EVALUATIONS)
    return Map(
        image=image.number,
        method="shap",
        # Thirds of the height must not divide a cell.
        added=masking.enlarged(found.cells, len(zones.ROWS) * CELLS) / len(zones.ROWS) ** 2,
        drawn=masking.enlarged(found.cells * found.cells.size / PERCENT, heatmap.GRID),
        baseline=found.baseline,
        regions=tuple(_finest(found)),
    )


def _finest(found: OwenValues) -> list[dict[str, float]]:
    """Return the regions told apart, their edges as shares of the image, and what each added."""
    return [
        {
            "top": region.top / CELLS,
            "left": region.left / CELLS,
            "bottom": region.bottom / CELLS,
            "right": region.right / CELLS,
            "added": float(found.cells[region.cells].sum()),
        }
        for region in found.regions
    ]


def _totals(evidence: Map) -> dict[str, Any]:
    added = evidence.added
    block = len(added) // COARSE
    sums = added.reshape(COARSE, block, COARSE, block).sum(axis=(1, 3))
    return {
        "zones": zones.zones(added),
        "grid": [[round(float(value), 5) for value in row] for row in sums],
        "raised": float(added[added > 0].sum()),
        "lowered": float(added[added < 0].sum()),
        "baseline": evidence.baseline,
        "logit": evidence.baseline + float(added.sum()),
    }


def _joined(*parts: Text) -> Text:
    return Text("".join(part.en for part in parts), "".join(part.fr for part in parts))
