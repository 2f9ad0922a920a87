"""JPEG and PNG, decoded within limits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageOps

from ml.algorithms.chest_xray import container, pixels
from ml.algorithms.chest_xray.contract import too_many_pixels
from ml.algorithms.chest_xray.display import strips
from ml.algorithms.chest_xray.picture import Picture
from ml.algorithms.chest_xray.pixels import Numbers
from ml.algorithms.chest_xray.refusals import refusal
from ml.algorithms.chest_xray.voi import WHITE
from ml.contracts import Finding, Problem, Refused, Text

COLOUR_SPREAD, COLOURED_SHARE = 24, 0.01
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
        ``image_damaged``, ``image_not_alone``, ``too_many_scans``, ``too_many_pixels`` or ``multi_frame``.
    """
    try:
        if wrong := container.problems(path.read_bytes()):
            raise Refused(*wrong)
        with Image.open(path, formats=("JPEG", "PNG")) as image:
            problems = _undecodable(image)
            if problems:
                raise Refused(*problems)
            image.load()
            name, turned = image.format, image.getexif().get(ExifTags.Base.Orientation)
            grey, numbers, colour = _grey(image, turned)
    except Refused:
        raise
    except Exception as error:
        # A decoder of hostile bytes may raise anything; whatever it is, the file cannot be read.
        raise Refused(refusal("image_damaged")) from error
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


def _grey(image: Image.Image, turned: int | None) -> tuple[np.ndarray, Numbers, bool]:
    """Return grey levels, the numbers they were made from, and whether the image is really in colour.

    The decoded image is given up: of a large one there is no room for a copy beside the grey levels.

    Parameters
    ----------
    turned
        How the camera was held, EXIF's Orientation.
    """
    if image.mode in DEEP_MODES:
        deep = np.asarray(_upright(image, turned))
        image.close()
        given, slope, low = pixels.unsigned(deep)
        ends = float(deep.min()), float(deep.max())
        return _stretched(deep, *ends), pixels.of_grey(given, *ends, slope=slope, offset=low), False
    flat = np.empty((image.height, image.width), np.uint8)
    coloured = 0
    for rows in strips(flat.shape):
        part = image.crop((0, rows.start, image.width, min(rows.stop, image.height)))
        flat[rows], beyond = _flattened(part)
        coloured += beyond
    image.close()
    levels = np.asarray(_upright(Image.fromarray(flat), turned))
    return levels, pixels.of_grey(levels, 0, WHITE), coloured > COLOURED_SHARE * flat.size


def _upright(image: Image.Image, turned: int | None) -> Image.Image:
    if turned in (None, 1):
        return image
    image.getexif()[ExifTags.Base.Orientation] = turned
    return ImageOps.exif_transpose(image)


def _flattened(part: Image.Image) -> tuple[np.ndarray, int]:
    """Return grey levels over black, and how many pixels are in colour."""
    if part.mode in ("L", "1"):
        return np.asarray(part.convert("L")), 0
    backed = Image.new("RGBA", part.size, "black")
    backed.alpha_composite(part.convert("RGBA"))
    spread = np.ptp(np.asarray(backed.convert("RGB")), axis=2)
    return np.asarray(backed.convert("L")), int((spread > COLOUR_SPREAD).sum())


def _stretched(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Stretch values linearly to 0–255, strip by strip; a constant image becomes black."""
    grey = np.empty(values.shape, np.float32)
    for rows in strips(values.shape):
        grey[rows] = (values[rows].astype(np.float32) - low) * (WHITE / max(high - low, 1e-6))
    return grey
