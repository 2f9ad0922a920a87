"""JPEG and PNG, decoded within limits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from ml.algorithms.chest_xray import pixels
from ml.algorithms.chest_xray.contract import too_many_pixels
from ml.algorithms.chest_xray.picture import Picture, full_range
from ml.algorithms.chest_xray.pixels import Numbers
from ml.algorithms.chest_xray.refusals import refusal
from ml.algorithms.chest_xray.voi import WHITE
from ml.contracts import Finding, Problem, Refused, Text

COLOUR_SPREAD = 24
"""Grey levels by which channels may differ (a tint of the scanner, JPEG chroma) in 99 % of pixels."""
DEEP_MODES = ("I", "I;16", "I;16B", "F")

# Our own limit is checked before a pixel is decoded and says which size is allowed; Pillow's would
# come first and end as "damaged".
Image.MAX_IMAGE_PIXELS = None

FORMAT = Text("File format", "Format du fichier")
SIZE = Text("Image size", "Taille de l’image")


def read(path: Path) -> Picture:
    """Decode a JPEG or PNG file.

    Returns
    -------
    Picture
        Without identity or age: these formats carry none that can be trusted.

    Raises
    ------
    Refused
        ``image_damaged``, ``too_many_pixels`` or ``multi_frame``.
    """
    try:
        with Image.open(path, formats=("JPEG", "PNG")) as image:
            problems = _undecodable(image)
            if problems:
                raise Refused(*problems)
            image.load()
            name, upright = image.format, ImageOps.exif_transpose(image)
    except Refused:
        raise
    except Exception as error:
        # A decoder of hostile bytes may raise anything; whatever it is, the file cannot be read.
        raise Refused(refusal("image_damaged")) from error
    grey, numbers, colour = _grey(upright)
    return Picture(
        grey=grey,
        numbers=numbers,
        reasons=(refusal("colour_image"),) if colour else (),
        quality=(Finding("format", FORMAT, value=str(name)), size_finding(grey)),
    )


def size_finding(grey: np.ndarray) -> Finding:
    """Return the finding that names width and height."""
    height, width = grey.shape
    return Finding("size", SIZE, value=f"{width} × {height}", unit="px")


def _undecodable(image: Image.Image) -> list[Problem]:
    large = too_many_pixels(*image.size)
    several = getattr(image, "n_frames", 1) > 1
    return ([large] if large else []) + ([refusal("multi_frame")] if several else [])


def _grey(image: Image.Image) -> tuple[np.ndarray, Numbers, bool]:
    """Return grey levels, the numbers they were made from, and whether the image is really in colour."""
    if image.mode in DEEP_MODES:
        deep = np.asarray(image)
        given, slope, low = pixels.unsigned(deep)
        ends = float(deep.min()), float(deep.max())
        return (
            full_range(deep.astype(np.float32)),
            pixels.of_grey(given, *ends, slope=slope, offset=low),
            False,
        )
    if image.mode in ("L", "1"):
        return *_eight_bit(np.asarray(image.convert("L"))), False
    backed = Image.new("RGBA", image.size, "black")
    backed.alpha_composite(image.convert("RGBA"))
    channels = np.asarray(backed.convert("RGB"))
    spread = np.ptp(channels, axis=2)
    return *_eight_bit(np.asarray(backed.convert("L"))), bool(np.percentile(spread, 99) > COLOUR_SPREAD)


def _eight_bit(grey: np.ndarray) -> tuple[np.ndarray, Numbers]:
    return grey.astype(np.float32), pixels.of_grey(grey, 0, WHITE)
