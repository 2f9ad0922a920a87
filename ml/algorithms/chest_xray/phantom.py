"""A drawn test object as detectors are checked with: a disc with a wedge, contrast details and line pairs.

For seeing that the gate refuses what is no chest, whoever sends it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

SIDE = 1024
BODY, AIR = 70.0, 10.0
DETAILS, STEPS = 12, 10
NOISE = 2.0


def draw(seed: int = 0) -> np.ndarray:
    """Draw the test object.

    Parameters
    ----------
    seed
        Of the noise alone.

    Returns
    -------
    ndarray of uint8, shape (1024, 1024)
        Grey levels, white bright.
    """
    y, x = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    image = np.where(np.hypot(x, y) < 0.95, BODY, AIR)
    for step in range(STEPS):
        wedge = (np.abs(y - 0.75) < 0.06) & (np.abs(x - (-0.45 + 0.1 * step)) < 0.05)
        image[wedge] = 25 + 22 * step
    for detail in range(DETAILS):
        angle = 2 * np.pi * detail / DETAILS
        disc = np.hypot(x - 0.6 * np.cos(angle), y - 0.6 * np.sin(angle)) < 0.05
        image[disc] += 8 + 6 * detail
    lines = (np.abs(x) < 0.2) & (np.abs(y) < 0.2)
    cycles = 8 + 100 * (x + 0.2)
    image[lines] = np.where(np.sin(2 * np.pi * cycles * x) > 0, 180, 30)[lines]
    image += np.random.default_rng(seed).normal(0, NOISE, image.shape)
    return np.clip(image, 0, 255).astype(np.uint8)


def write(path: Path, *, seed: int = 0) -> None:
    """Write the test object as PNG."""
    Image.fromarray(draw(seed)).save(path, "PNG")
