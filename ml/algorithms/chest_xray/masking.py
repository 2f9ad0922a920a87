"""An image with some of its regions hidden, and what the network says of it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ml.algorithms.chest_xray import network
from ml.algorithms.chest_xray.view import SIDE
from ml.package import Package


def baseline(view: np.ndarray) -> np.ndarray:
    """Return what is shown where a view is hidden: its own mean grey level.

    Parameters
    ----------
    view
        Shape (224, 224), uint8.
    """
    return np.full(view.shape, np.rint(view.mean()), dtype=np.uint8)


def mixed(view: np.ndarray, hidden: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """Show the cells of a view that are ``shown``, (side, side) bool, and ``hidden`` elsewhere."""
    return np.where(enlarged(shown, SIDE), view, hidden)


def enlarged(cells: np.ndarray, side: int) -> np.ndarray:
    """Repeat every cell so often that the array is ``side`` wide; ``side`` is a multiple of its width."""
    return cells.repeat(side // len(cells), axis=0).repeat(side // len(cells), axis=1)


def game(package: Package, view: np.ndarray) -> Callable[[np.ndarray], float]:
    """Return the log odds of a view as a function of the cells shown."""
    hidden = baseline(view)
    return lambda shown: network.logit(package, mixed(view, hidden, shown))
