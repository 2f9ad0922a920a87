"""A drawing that has the lungs, spine and ribs of a frontal chest where they belong, and nothing more."""

from __future__ import annotations

import numpy as np


def phantom(height: int = 480, width: int = 560, seed: int = 0) -> np.ndarray:
    """Draw a chest-like image, (height, width) uint8; for paths and encodings, never for accuracy."""
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    body = 1 / (1 + np.exp(-((0.46 - np.abs(x - 0.5)) * 40)))
    image = 30 + 120 * body
    for centre in (0.32, 0.68):
        lung = ((x - centre) / 0.15) ** 2 + ((y - 0.45) / 0.32) ** 2
        image -= 85 / (1 + np.exp((lung - 1) * 8))
    image += 60 * np.exp(-(((x - 0.5) / 0.05) ** 2))
    image += 12 * np.sin(2 * np.pi * 11 * (y - 0.35 * (x - 0.5) ** 2)) * body
    image += np.random.default_rng(seed).normal(0, 3, image.shape)
    return np.clip(image, 0, 255).astype(np.uint8)
