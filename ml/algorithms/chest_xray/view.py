"""From a grey image of any size to what the network sees and to what a person is shown."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from ml.algorithms.chest_xray.display import strips

SIDE = 224
"""Pixels on a side of the network's square input; the image is squashed, not cropped."""
STORED_QUALITY = 75
"""JPEG quality of the images learned from."""
SMOOTHING = 4
"""Passes of the binomial kernel: together a Gaussian of 1.4 pixels."""
PREVIEW_SIDE = 1024
"""Longest side of the preview in pixels."""


def square(grey: np.ndarray) -> np.ndarray:
    """Squash a grey image to the network's square and store it as the training images were stored.

    Resampled with a triangle filter as wide as the reduction, then written as JPEG of quality 75 and
    read again: of all filters and qualities tried on 24 originals and their 224 × 224 copies, this comes
    closest to the copies. A copy itself passes through unchanged (0.001 grey levels on average).

    Parameters
    ----------
    grey
        Shape (height, width), grey levels 0–255, white bright.

    Returns
    -------
    ndarray of uint8, shape (224, 224)
    """
    # A filter of rows and columns apart may do the rows strip by strip: the same numbers, and no second
    # copy of a large image.
    across = np.empty((len(grey), SIDE), np.float32)
    for rows in strips(grey.shape):
        part = Image.fromarray(np.ascontiguousarray(grey[rows], dtype=np.float32))
        across[rows] = np.asarray(part.resize((SIDE, part.height), Image.Resampling.BILINEAR))
    small = Image.fromarray(across).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    buffer = io.BytesIO()
    Image.fromarray(to_uint8(np.asarray(small))).save(buffer, "JPEG", quality=STORED_QUALITY)
    with Image.open(buffer) as stored:
        return np.asarray(stored)


def model_view(grey: np.ndarray) -> np.ndarray:
    """Return what the network sees of a grey image: its :func:`square`, smoothed.

    Scanners, JPEG settings and reduction filters differ mostly in the finest detail, and a score
    should not.

    Parameters
    ----------
    grey
        Shape (height, width), grey levels 0–255, white bright.

    Returns
    -------
    ndarray of uint8, shape (224, 224)
    """
    return smoothed(square(grey))


def smoothed(stored: np.ndarray) -> np.ndarray:
    """Turn a :func:`square` into what the network sees, (224, 224) uint8."""
    return to_uint8(smooth(stored.astype(np.float32), SMOOTHING))


def smooth(image: np.ndarray, passes: int = 1) -> np.ndarray:
    """Apply the binomial kernel [1 2 1]/4 along both axes several times, edges repeated."""
    for _ in range(passes):
        padded = np.pad(image, 1, mode="edge")
        rows = (padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4
        image = (rows[:, :-2] + 2 * rows[:, 1:-1] + rows[:, 2:]) / 4
    return image


def to_uint8(grey: np.ndarray) -> np.ndarray:
    """Round grey levels to whole numbers within 0–255."""
    if grey.dtype == np.uint8:
        return grey
    return np.clip(np.rint(grey), 0, 255).astype(np.uint8)


def preview(grey: np.ndarray) -> Image.Image:
    """Return an 8-bit image for the screen, at most 1024 pixels on its longest side, never enlarged."""
    image = Image.fromarray(to_uint8(grey))
    image.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE), Image.Resampling.LANCZOS)
    return image


def png(image: Image.Image) -> bytes:
    """Encode an image as PNG with nothing but its pixels, lightly: film grain hardly compresses."""
    bare = Image.fromarray(np.asarray(image))
    buffer = io.BytesIO()
    bare.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
