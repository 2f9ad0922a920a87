"""Training copies whose height and width are stretched apart, whatever the disease, and stored another way.

The images learned from were squashed to one square from radiographs of different shapes, those of
children with pneumonia wider than those of normal ones; a network that reads the shape reads the room.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from ml.algorithms.chest_xray.augment import CHANCE, FAMILIES
from ml.algorithms.chest_xray.nuisance import stored_again
from ml.algorithms.chest_xray.view import SIDE

WIDEST = 4 / 3
"""Largest ratio by which a copy is stretched along one side against the other, both ways alike."""
SHOWN = (0.85, 1.1)
"""Share of the image that a copy shows, before it is stretched."""
WHOLLY = "geometry"
"""The family to which stretching belongs: every copy is altered by it."""


def stretched(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a copy stretched by 3/4 to 4/3, altered by other families by chance, and stored again.

    Parameters
    ----------
    image
        Shape (224, 224), uint8.

    Returns
    -------
    ndarray of uint8
        Same shape, or up to 2.5 times as large a side where it was stored enlarged.
    """
    families = drawn(rng)
    altered = _stretched(Image.fromarray(image), rng)
    for name in families:
        if name != WHOLLY:
            altered = FAMILIES[name](altered, rng.uniform(0.0, 1.0), rng)
    pixels = np.asarray(altered, dtype=np.uint8)
    return stored_again(pixels, rng) if "storage" in families else pixels


def drawn(rng: np.random.Generator) -> tuple[str, ...]:
    """Draw the families that alter one copy: the first chance taken from its source."""
    chances = rng.random(len(FAMILIES))
    return tuple(
        name for name, chance in zip(FAMILIES, chances, strict=True) if name == WHOLLY or chance < CHANCE
    )


def _stretched(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Show a window of another shape as a square; what lies outside is black or repeats the edge."""
    ratio = np.exp(rng.uniform(-np.log(WIDEST), np.log(WIDEST)))
    across, down = rng.uniform(*SHOWN) * np.array([np.sqrt(ratio), np.sqrt(1 / ratio)])
    kernel = rng.choice([Image.Resampling.BILINEAR, Image.Resampling.BICUBIC])
    pad = SIDE // 4
    mode = "constant" if rng.random() < 0.5 else "edge"
    wide = Image.fromarray(np.pad(np.asarray(image), pad, mode=mode))
    middle = pad + SIDE / 2 + np.abs(1 - np.array([across, down])) * SIDE / 2 * rng.uniform(-1, 1, 2)
    half = np.array([across, down]) * SIDE / 2
    box = (*(middle - half), *(middle + half))
    size = (SIDE, SIDE)
    return wide.transform(size, Image.Transform.EXTENT, box, Image.Resampling(kernel))
