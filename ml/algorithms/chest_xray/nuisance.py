"""The same image stored another way: what must not move the score.

The 224 × 224 copies learned from were reduced and compressed once by somebody; an upload at original
resolution was not. Storing a copy again, enlarged or with its JPEG blocks elsewhere, changes these traces
and nothing a radiologist could see; the head is held back from the directions they lie in.
"""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

BLOCK = 8
"""Side of a JPEG block in pixels."""
LARGEST = 2.5
"""How much larger an image may be stored again."""


def stored_again(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Compress an image with its JPEG blocks shifted, quality 50 to 85, every other time enlarged.

    Parameters
    ----------
    image
        Shape (height, width), uint8.

    Returns
    -------
    ndarray of uint8
        Same shape, or up to 2.5 times as large a side.
    """
    if rng.random() < 0.5:
        return _compressed(_enlarged(image, rng), rng)
    height, width = image.shape
    down, right = rng.integers(1, BLOCK, 2)
    padded = np.pad(image, ((down, BLOCK - down), (right, BLOCK - right)), mode="edge")
    return _compressed(padded, rng)[down : down + height, right : right + width]


def _enlarged(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    side = [round(pixels * rng.uniform(1.1, LARGEST)) for pixels in reversed(image.shape)]
    return np.asarray(Image.fromarray(image).resize(side, Image.Resampling.BICUBIC))


def _compressed(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=int(rng.integers(50, 86)))
    with Image.open(buffer) as stored:
        return np.asarray(stored)
