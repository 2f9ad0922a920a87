"""Whether the map shows what moved the score: deletion and insertion (Petsiuk 2018) against chance.

``python -m ml.algorithms.chest_xray.faithfulness --data ../shared/data``
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from ml import package as packages
from ml.algorithms.chest_xray import dataset, heatmap, network
from ml.algorithms.chest_xray.predict import log_odds_of, sigmoid
from ml.algorithms.chest_xray.view import SIDE, model_view
from ml.package import Package
from ml.training.progress import progress

CELLS = 14
"""Cells a side that are taken away or put back."""
STEPS = 14
BLUR = 12
"""Radius in pixels of the blur that stands for "nothing to be seen here"."""
ORDERS = 3
"""Random orders per image."""
EVERY = 100
"""Every how many-th training image is looked at."""


def faithfulness(package: Package, views: np.ndarray, seed: int = 0) -> dict[str, dict[str, float]]:
    """Measure the area under the deletion and insertion curves of the probability.

    The cells of the image are blurred (deletion) or brought back into the blurred image (insertion),
    those with most evidence first, and the same in random orders. A faithful map has a smaller area of
    deletion, and a larger one of insertion, than chance.

    Parameters
    ----------
    views
        Shape (n, 224, 224), uint8, of images the package calls pneumonia.

    Returns
    -------
    dict
        Per curve ``map``, ``random`` and their paired difference ``gain`` (above 0: better than
        chance) with ``low`` and ``high``, its 95 % interval over images, and ``n``.
    """
    rng = np.random.default_rng(seed)
    areas = np.array([_areas(package, view, rng) for view in progress(views, "images", unit="image")])
    found = {}
    for column, (curve, sign) in enumerate((("deletion", -1.0), ("insertion", 1.0))):
        by_map, by_chance = areas[:, 0, column], areas[:, 1, column]
        gains = sign * (by_map - by_chance)
        means = rng.choice(gains, (2000, len(gains))).mean(axis=1)
        found[curve] = {
            "map": by_map.mean(), "random": by_chance.mean(), "gain": gains.mean(),
            "low": np.quantile(means, 0.025), "high": np.quantile(means, 0.975), "n": len(gains),
        }  # fmt: skip
    return {curve: {name: float(value) for name, value in row.items()} for curve, row in found.items()}


def _areas(package: Package, view: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return areas of deletion and insertion, by the map and by chance: shape (2, 2)."""
    evidence = heatmap.combine(network.run(package, view).evidence)
    side = len(evidence) // CELLS
    cells = evidence.reshape(CELLS, side, CELLS, side).mean(axis=(1, 3)).ravel()
    blurred = np.asarray(Image.fromarray(view).filter(ImageFilter.GaussianBlur(BLUR)))

    def both(order: np.ndarray) -> list[float]:
        pairs = ((view, blurred), (blurred, view))
        return [float(np.mean(list(_curve(package, start, end, order)))) for start, end in pairs]

    by_chance = np.mean([both(rng.permutation(len(cells))) for _ in range(ORDERS)], axis=0)
    return np.array([both(np.argsort(-cells)), by_chance])


def _curve(package: Package, start: np.ndarray, end: np.ndarray, order: np.ndarray) -> Iterator[float]:
    """Yield the probability while cells of ``start`` are replaced by those of ``end``."""
    calibration, size = package.manifest["calibration"], SIDE // CELLS
    replaced = np.zeros(CELLS * CELLS, bool)
    for some in [np.array([], int), *np.array_split(order, STEPS)]:
        replaced[some] = True
        mask = np.kron(replaced.reshape(CELLS, CELLS), np.ones((size, size), bool))
        logit = network.run(package, np.where(mask, end, start)).logit
        yield sigmoid(log_odds_of(logit, calibration))


def main() -> int:
    """Measure the champion on training images that it calls pneumonia."""
    parser = argparse.ArgumentParser(prog="python -m ml.algorithms.chest_xray.faithfulness")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of the data")
    package = packages.load("chest_xray")
    pixels = dataset.kermany(parser.parse_args().data, "train").pixels[::EVERY]
    views = np.stack([model_view(image) for image in pixels])
    calibration = package.manifest["calibration"]
    odds = [log_odds_of(network.run(package, view).logit, calibration) for view in views]
    flagged = np.array([sigmoid(value) for value in odds]) >= package.thresholds["probability"]
    sys.stdout.write(json.dumps(faithfulness(package, views[flagged]), indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
