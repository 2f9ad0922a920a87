"""The same image stored another way: what must not move the score.

The 224 × 224 copies learned from carry the traces of JPEG at one quality, in blocks at one place; an
upload at original resolution does not. Storing a copy again with its blocks elsewhere changes these
traces and nothing a radiologist could see; the head is held back from the directions they lie in.
"""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

BLOCK = 8
"""Side of a JPEG block in pixels."""


def stored_again(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Compress an image with its JPEG blocks shifted, quality 60 to 85.

    Parameters
    ----------
    image
        Shape (height, width), uint8.

    Returns
    -------
    ndarray of uint8, same shape
    """
    height, width = image.shape
    down, right = rng.integers(1, BLOCK, 2)
    padded = np.pad(image, ((down, BLOCK - down), (right, BLOCK - right)), mode="edge")
    buffer = io.BytesIO()
    Image.fromarray(padded).save(buffer, "JPEG", quality=int(rng.integers(60, 86)))
    with Image.open(buffer) as stored:
        return np.asarray(stored)[down : down + height, right : right + width]
