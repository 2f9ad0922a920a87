"""How an image looks in a few numbers: what is watched over the years."""

from __future__ import annotations

from typing import Any

import numpy as np

from ml.algorithms.chest_xray.gate import clipped_shares, pixel_view
from ml.algorithms.chest_xray.network import Activations

DECIMALS = 3


def numbers(stored: np.ndarray, activations: Activations | None) -> dict[str, Any]:
    """Return brightness, contrast and clipping of an image, and how near it is to the gate's limits.

    Parameters
    ----------
    stored
        Shape (224, 224), of :func:`ml.algorithms.chest_xray.view.square`.
    activations
        ``None`` for an image that no network saw.

    Returns
    -------
    dict
        ``brightness`` and ``contrast`` (mean and standard deviation of the grey levels), ``black`` and
        ``white`` (shares of clipped pixels in the middle); with activations ``distance`` and ``heads``.
    """
    view = pixel_view(stored)
    black, white = clipped_shares(view)
    found = {
        "brightness": round(float(view.mean()), DECIMALS),
        "contrast": round(float(view.std()), DECIMALS),
        "black": round(black, DECIMALS),
        "white": round(white, DECIMALS),
    }
    if activations is None:
        return found
    heads = {name: round(float(score), DECIMALS) for name, score in activations.gate.items()}
    return found | {"distance": round(float(activations.distance), DECIMALS), "heads": heads}
