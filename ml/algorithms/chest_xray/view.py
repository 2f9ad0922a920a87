"""From a grey image of any size to what the network sees and to what a person is shown."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

SIDE = 224
"""Pixels on a side of the network's square input; the image is squashed, not cropped."""
PREVIEW_SIDE = 1024
"""Longest side of the preview in pixels."""


def model_view(grey: np.ndarray) -> np.ndarray:
    """Squash a grey image to the square the network was trained on.

    Resampled with a triangle filter as wide as the reduction, then smoothed once with the binomial
    kernel [1 2 1]/4 on both axes: scanners, JPEG settings and reduction filters differ mostly in the
    finest detail, and a score should not.

    Parameters
    ----------
    grey
        Shape (height, width), grey levels 0–255, white bright.

    Returns
    -------
    ndarray of uint8, shape (224, 224)
    """
    image = Image.fromarray(np.ascontiguousarray(grey, dtype=np.float32))
    square = np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BILINEAR), dtype=np.float32)
    return to_uint8(smooth(square))


def smooth(image: np.ndarray) -> np.ndarray:
    """Apply the binomial kernel [1 2 1]/4 along both axes, edges repeated."""
    padded = np.pad(image, 1, mode="edge")
    rows = (padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4
    return (rows[:, :-2] + 2 * rows[:, 1:-1] + rows[:, 2:]) / 4


def to_uint8(grey: np.ndarray) -> np.ndarray:
    """Round grey levels to whole numbers within 0–255."""
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
