"""An image with some of its regions hidden, and what the network says of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from ml.algorithms.chest_xray import network
from ml.algorithms.chest_xray.predict import log_odds_of
from ml.algorithms.chest_xray.view import SIDE
from ml.package import Package

REFERENCE = Path(__file__).with_name("reference.png")
"""Average normal chest, made by :mod:`ml.algorithms.chest_xray.reference`."""


def baseline(view: np.ndarray) -> np.ndarray:
    """Return what is shown where a view is hidden: an average normal chest of the view's exposure.

    Of blur, plain grey, average images and this one it disturbed the network least on training images,
    and regions found with it were the most faithful (the card has the figures). Mean and standard
    deviation are those of the view, because the network standardises every image as a whole; nothing is
    rounded, so that its score is the same for every view.

    Parameters
    ----------
    view
        Shape (224, 224), uint8.

    Returns
    -------
    ndarray of float32, shape (224, 224)
    """
    return (view.mean() + view.std() * _standard_reference()).astype(np.float32)


@cache
def _standard_reference() -> np.ndarray:
    with Image.open(REFERENCE) as image:
        grey = np.asarray(image, dtype=np.float64)
    return (grey - grey.mean()) / grey.std()


def mixed(view: np.ndarray, hidden: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """Show the cells of a view that are ``shown``, (side, side) bool, and ``hidden`` elsewhere."""
    return np.where(enlarged(shown, SIDE), view, hidden)


def enlarged(cells: np.ndarray, side: int) -> np.ndarray:
    """Repeat every cell so often that the array is ``side`` wide; ``side`` is a multiple of its width."""
    return cells.repeat(side // len(cells), axis=0).repeat(side // len(cells), axis=1)


def game(package: Package, view: np.ndarray) -> Callable[[np.ndarray], float]:
    """Return the calibrated log odds of a view as a function of the cells shown."""
    hidden, calibration = baseline(view), package.manifest["calibration"]
    return lambda shown: log_odds_of(network.logit(package, mixed(view, hidden, shown)), calibration)
