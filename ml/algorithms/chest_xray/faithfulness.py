"""Whether the maps show what moved the score: deletion and insertion (Petsiuk 2018) against chance.

``python -m ml.algorithms.chest_xray.faithfulness --data ../shared/data``
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from ml import package as packages
from ml.algorithms.chest_xray import dataset, heatmap, masking, network
from ml.algorithms.chest_xray.explain import evidence_map, region_map
from ml.algorithms.chest_xray.image import ScoredImage
from ml.algorithms.chest_xray.predict import log_odds_of, sigmoid
from ml.algorithms.chest_xray.view import model_view
from ml.package import Package
from ml.training.progress import progress

CELLS = 14
"""Cells a side that are taken away or put back."""
STEPS = 7
BLUR = 12
"""Radius in pixels of the blur that hides a cell in the second measurement."""
ORDERS = 2
"""Random orders per image."""
EVERY, FIRST = 60, 17
"""Every how many-th child of the training split is looked at, and from which on: its first image."""
SEED = 0
RESAMPLINGS = 2000

CURVES = ("deletion", "insertion")
HIDING: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "average normal chest": masking.baseline,
    "blur": lambda view: np.asarray(Image.fromarray(view).filter(ImageFilter.GaussianBlur(BLUR))),
}
"""What is shown where a cell is hidden."""


@dataclass(frozen=True)
class Faithfulness:
    """One map's curve against chance, as areas under the curve of the probability.

    Parameters
    ----------
    gain
        Mean over images of how much better the map's order is than random ones (above 0: better).
    low, high
        95 % interval of the gain, images resampled.
    """

    hiding: str
    curve: str
    method: str
    by_map: float
    at_random: float
    gain: float
    low: float
    high: float
    n: int


def faithfulness(package: Package, views: np.ndarray, seed: int = SEED) -> list[Faithfulness]:
    """Measure both maps of every view, hidden cells being shown in two ways.

    The cells of the image are hidden (deletion) or brought back into the hidden image (insertion), those
    that raised the score most first, and the same in random orders. A faithful map has a smaller area of
    deletion, and a larger one of insertion, than chance.

    Parameters
    ----------
    views
        Shape (n, 224, 224), uint8, of images the package calls pneumonia, one of each child.
    """
    rng = np.random.default_rng(seed)
    areas = [_areas(package, view, rng) for view in progress(views, "images", unit="image")]
    return [
        _against_chance(key, np.array([found[key] for found in areas]), rng)
        for key in (areas[0] if areas else ())
    ]


def _against_chance(key: tuple[str, str, str], areas: np.ndarray, rng: np.random.Generator) -> Faithfulness:
    """Summarise areas by the map and at random, shape (n, 2)."""
    sign = -1.0 if key[1] == "deletion" else 1.0
    gains = sign * (areas[:, 0] - areas[:, 1])
    means = rng.choice(gains, (RESAMPLINGS, len(gains))).mean(axis=1)
    by_map, at_random = areas.mean(axis=0)
    low, high = np.quantile(means, (0.025, 0.975))
    return Faithfulness(*key, *map(float, (by_map, at_random, gains.mean(), low, high)), n=len(gains))


def _areas(
    package: Package, view: np.ndarray, rng: np.random.Generator
) -> dict[tuple[str, str, str], tuple[float, float]]:
    """Return for every way of hiding, curve and method the area by the map and at random."""
    image = ScoredImage(0, network.run(package, view), view, view.shape)
    maps = [evidence_map(package, image), region_map(package, image)]
    ranked = {made.method: np.argsort(-_cells(made.drawn).ravel(), kind="stable") for made in maps}
    by_chance = [rng.permutation(CELLS * CELLS) for _ in range(ORDERS)]
    found = {}
    for hiding, hide in HIDING.items():
        hidden = hide(view)
        for curve, ends in zip(CURVES, ((view, hidden), (hidden, view)), strict=True):
            at_random = float(np.mean([_area(package, *ends, order) for order in by_chance]))
            for method, order in ranked.items():
                found[hiding, curve, method] = (_area(package, *ends, order), at_random)
    return found


def _cells(drawn: np.ndarray) -> np.ndarray:
    block = heatmap.GRID // CELLS
    return drawn.reshape(CELLS, block, CELLS, block).mean(axis=(1, 3))


def _area(package: Package, start: np.ndarray, end: np.ndarray, order: np.ndarray) -> float:
    return float(np.mean(list(_curve(package, start, end, order))))


def _curve(package: Package, start: np.ndarray, end: np.ndarray, order: np.ndarray) -> Iterator[float]:
    """Yield the probability while cells of ``start`` are replaced by those of ``end``."""
    calibration, replaced = package.manifest["calibration"], np.zeros(CELLS * CELLS, bool)
    for some in [np.array([], int), *np.array_split(order, STEPS)]:
        replaced[some] = True
        view = masking.mixed(end, start, replaced.reshape(CELLS, CELLS))
        yield sigmoid(log_odds_of(network.logit(package, view), calibration))


def flagged(package: Package, images: dataset.Images) -> np.ndarray:
    """Return the views of some children's first images that the package calls pneumonia."""
    _, first = np.unique(images.patients, return_index=True)
    views = np.stack([model_view(image) for image in images.pixels[np.sort(first)[FIRST::EVERY]]])
    calibration, threshold = package.manifest["calibration"], package.thresholds["probability"]
    odds = [log_odds_of(network.logit(package, view), calibration) for view in views]
    return views[np.array([sigmoid(value) for value in odds]) >= threshold]


def table(found: Iterable[Faithfulness]) -> Iterator[str]:
    """Yield the lines of the table for the card."""
    yield "| hidden by | curve | map | by the map | at random | gain [95 %] | n |"
    yield "|---|---|---|---|---|---|---|"
    for row in found:
        yield (
            f"| {row.hiding} | {row.curve} | {row.method} | {row.by_map:.3f} | {row.at_random:.3f} "
            f"| {row.gain:.3f} [{row.low:.3f}, {row.high:.3f}] | {row.n} |"
        )


def main() -> int:
    """Measure the champion on training images that it calls pneumonia."""
    parser = argparse.ArgumentParser(prog="python -m ml.algorithms.chest_xray.faithfulness")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of the data")
    package = packages.load("chest_xray")
    images = dataset.kermany(parser.parse_args().data, "train")
    found = faithfulness(package, flagged(package, images))
    sys.stdout.write("\n".join(table(found)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
