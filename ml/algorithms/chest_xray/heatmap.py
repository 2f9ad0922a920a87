"""Maps of what raised the score as small grey pictures, and the colours they are shown in."""

from __future__ import annotations

import numpy as np
from PIL import Image

from ml.algorithms.chest_xray.view import png

GRID = 112
"""Positions a side of the summed map: that of the finest depth."""
SMOOTHING = 9
"""Positions of 112 over which the evidence is averaged to be drawn: finer detail than a rib means nothing."""

LIGHTNESS = (0.30, 0.92)
CHROMA = 0.14
HUE = (305.0, 95.0)
"""Ends of the ramp in OKLCH: dark violet to light yellow, lightness rising evenly."""


def combine(evidence: tuple[np.ndarray, ...]) -> np.ndarray:
    """Add the maps of all depths on one grid, keeping their mean.

    Parameters
    ----------
    evidence
        Maps of shape (side, side), each contributing its mean to the log odds.

    Returns
    -------
    ndarray, shape (112, 112)
        Signed; its mean is the sum of the means.
    """
    total = np.zeros((GRID, GRID))
    for part in evidence:
        enlarged = Image.fromarray(part.astype(np.float32)).resize((GRID, GRID), Image.Resampling.BILINEAR)
        values = np.asarray(enlarged, dtype=np.float64)
        # Interpolation at the borders moves the mean a little; the sum must stay exact.
        total += values + (part.mean() - values.mean())
    return total


def ramp(steps: int = 256) -> np.ndarray:
    """Return a sequential colour ramp, even to the eye, readable without colour.

    Lightness, chroma and hue run linearly in OKLCH (Ottosson 2020), so equal steps of evidence look
    equal and black-and-white print keeps the order; colours outside sRGB are clipped.

    Returns
    -------
    ndarray of uint8, shape (steps, 3)
    """
    along = np.linspace(0, 1, steps)
    lightness = LIGHTNESS[0] + along * (LIGHTNESS[1] - LIGHTNESS[0])
    hue = np.radians(HUE[0] + along * (HUE[1] - HUE[0]))
    a, b = CHROMA * np.cos(hue), CHROMA * np.sin(hue)
    return np.rint(255 * _oklab_to_srgb(np.stack([lightness, a, b], axis=1))).astype(np.uint8)


def _oklab_to_srgb(lab: np.ndarray) -> np.ndarray:
    """Convert OKLab, (n, 3), to sRGB within 0–1; matrices of https://bottosson.github.io/posts/oklab/."""
    to_cones = np.array(
        [
            [1, 0.3963377774, 0.2158037573],
            [1, -0.1055613458, -0.0638541728],
            [1, -0.0894841775, -1.2914855480],
        ]
    )
    to_linear = np.array(
        [
            [4.0767416621, -3.3077115913, 0.2309699292],
            [-1.2684380046, 2.6097574011, -0.3413193965],
            [-0.0041960863, -0.7034186147, 1.7076147010],
        ]
    )
    linear = np.clip((lab @ to_cones.T) ** 3 @ to_linear.T, 0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def smoothed(evidence: np.ndarray) -> np.ndarray:
    """Average over a square of :data:`SMOOTHING` positions, by shrinking and enlarging."""
    small = (max(1, round(2 * len(evidence) / SMOOTHING)),) * 2
    image = Image.fromarray(evidence.astype(np.float32)).resize(small, Image.Resampling.BOX)
    return np.asarray(image.resize(evidence.shape, Image.Resampling.BICUBIC), dtype=np.float64)


def draw(values: np.ndarray, ceiling: float) -> bytes:
    """Draw where the score was raised as an 8-bit grey PNG, to be stretched over the whole image.

    Whoever shows it puts the colours on (:func:`ramp`); so one file serves every opacity and medium.

    Parameters
    ----------
    values
        Shape (112, 112), signed; what lowered the score is level 0, like what did nothing.
    ceiling
        Value of level 255.
    """
    share = np.clip(values / max(ceiling, 1e-9), 0, 1)
    return png(Image.fromarray(np.rint(255 * share).astype(np.uint8)))
