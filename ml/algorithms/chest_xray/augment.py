"""Altered copies of a training image: what another room, device or child would have changed.

Five families of alteration. A training copy is altered by some of them, drawn by chance, and it is known
by which: so a head can be trained without one family, and asked how it does on a family it never met.
That is the validation everything is chosen on. The plain validation of this data set is known to
flatter (AUC above 0.99 against about 0.95 on the test).
"""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from ml.algorithms.chest_xray.view import SIDE, smooth, to_uint8

CHANCE = 0.6
"""Share of the training copies that each family alters."""
LEAST = 0.35
"""A validation copy is altered by at least this amount; a training copy by any amount from 0 to 1."""
Alteration = Callable[[Image.Image, float, np.random.Generator], Image.Image]


def augment(image: np.ndarray, recipe: str, rng: np.random.Generator) -> np.ndarray:
    """Return one altered copy of an image.

    Parameters
    ----------
    image
        Shape (224, 224), uint8.
    recipe
        ``"train"``: each family by chance and in any amount. ``"shift"``: the same, none of them slight.
        A name of :data:`FAMILIES`: that family alone, not slight. ``KeyError`` for any other.
    rng
        Source of chance; the same state gives the same copy.

    Returns
    -------
    ndarray of uint8, shape (224, 224)
    """
    altered = Image.fromarray(image)
    least = 0.0 if recipe == "train" else LEAST
    several = recipe in ("train", "shift")
    for name in drawn(rng) if several else (recipe,):
        altered = FAMILIES[name](altered, rng.uniform(least, 1.0), rng)
    return np.asarray(altered, dtype=np.uint8)


def drawn(rng: np.random.Generator) -> tuple[str, ...]:
    """Draw the families that alter one training copy: the first chance taken from its source."""
    chances = rng.random(len(FAMILIES))
    return tuple(name for name, chance in zip(FAMILIES, chances, strict=True) if chance < CHANCE)


def geometry(image: Image.Image, amount: float, rng: np.random.Generator) -> Image.Image:
    """Mirror, turn within 10 degrees, and show a window of 65 to 120 % of each side, each its own.

    Height and width change apart: how far an image was squashed to the square goes with the room it
    was taken in, and with the disease of the children examined there.
    """
    if rng.random() < 0.5:
        image = ImageOps.mirror(image)
    angle = np.deg2rad(_signed(10 * amount, rng))
    across, down = 1 + amount * rng.uniform(-0.35, 0.20, 2)
    middle = SIDE / 2 + (1 - np.minimum([across, down], 1)) * SIDE / 2 * rng.uniform(-1, 1, 2)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) * [across, down]
    start = middle - turn @ (SIDE / 2, SIDE / 2)
    matrix = (*turn[0], start[0], *turn[1], start[1])
    return image.transform(
        (SIDE, SIDE), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR, fillcolor=0
    )


def local(image: Image.Image, amount: float, rng: np.random.Generator) -> Image.Image:
    """Even out contrast as display processing does, and erase corners or write markers there."""
    chance = rng.random(3)
    if chance[0] < 0.5:
        evened = ImageOps.equalize(image) if chance[1] < 0.5 else _local_contrast(image)
        image = Image.blend(image, evened, 0.8 * amount)
    if chance[2] < 0.4:
        return _erased_corners(image, amount, rng)
    return _marked(image, amount, rng) if chance[2] < 0.7 else image


def exposure(image: Image.Image, amount: float, rng: np.random.Generator) -> Image.Image:
    """Bend the grey scale by a power up to 2, stretch and move it, and light the image unevenly."""
    gamma = np.exp(_signed(amount * rng.uniform(0.3, 1.0), rng) * np.log(2))
    pixels = 255 * (np.asarray(image, np.float32) / 255) ** np.float32(gamma)
    mean = pixels.mean()
    pixels = (pixels - mean) * np.exp(_signed(0.4 * amount, rng)) + mean + _signed(25 * amount, rng)
    ramp = np.linspace(-0.5, 0.5, SIDE, dtype=np.float32)
    angle = rng.uniform(0, 2 * np.pi)
    plane = np.cos(angle) * ramp[None, :] + np.sin(angle) * ramp[:, None]
    return Image.fromarray(to_uint8(pixels + rng.uniform(0, 60) * amount * plane))


def sharpness(image: Image.Image, amount: float, rng: np.random.Generator) -> Image.Image:
    """Blur, or sharpen with an unsharp mask."""
    if rng.random() < 0.5:
        return image.filter(ImageFilter.GaussianBlur(0.3 + 1.7 * amount))
    return image.filter(ImageFilter.UnsharpMask(rng.uniform(1, 3), round(250 * amount), 0))


def storage(image: Image.Image, amount: float, rng: np.random.Generator) -> Image.Image:
    """Add quantum noise of up to 12 grey levels, store smaller, and compress as JPEG down to quality 30."""
    chance = rng.random(2)
    if chance[0] < 0.5:
        side = round(SIDE * (1 - 0.5 * amount * rng.uniform(0.5, 1.0)))
        image = image.resize((side, side), Image.Resampling.BILINEAR).resize(
            (SIDE, SIDE), Image.Resampling.BICUBIC
        )
    if chance[1] < 0.7:
        grain = rng.normal(0, 12 * amount * rng.uniform(0.3, 1.0), (SIDE, SIDE))
        image = Image.fromarray(to_uint8(np.asarray(image, np.float32) + grain))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=round(90 - 60 * amount))
    return Image.open(buffer).convert("L")


FAMILIES: dict[str, Alteration] = {
    "geometry": geometry,
    "local": local,
    "exposure": exposure,
    "sharpness": sharpness,
    "storage": storage,
}
"""In the order in which they happen to an image."""


def _signed(size: float, rng: np.random.Generator) -> float:
    return size if rng.random() < 0.5 else -size


def _local_contrast(image: Image.Image) -> Image.Image:
    """Bring every neighbourhood of about an eighth of the side to the same mean and spread."""
    pixels = np.asarray(image, np.float32)
    radius = SIDE / 16

    def around(values: np.ndarray) -> np.ndarray:
        blurred = Image.fromarray(to_uint8(values)).filter(ImageFilter.BoxBlur(radius))
        return smooth(np.asarray(blurred, np.float32))

    centred = pixels - around(pixels)
    spread = around(np.abs(centred) * 4) / 4
    return Image.fromarray(to_uint8(128 + 35 * centred / (spread + 4)))


def _erased_corners(image: Image.Image, amount: float, rng: np.random.Generator) -> Image.Image:
    """Blank the corners, where side markers and labels tell the hospital."""
    pixels = np.array(image)
    height, width = (int(side) for side in amount * rng.uniform(0.1, 0.3, 2) * SIDE + 1)
    level = int(rng.choice([0, round(float(pixels.mean()))]))
    for rows in (slice(None, height), slice(-height, None)):
        for columns in (slice(None, width), slice(-width, None)):
            if rng.random() < 0.6:
                pixels[rows, columns] = level
    return Image.fromarray(pixels)


def _marked(image: Image.Image, amount: float, rng: np.random.Generator) -> Image.Image:
    """Write a bright side marker near the upper or lower edge."""
    marked = image.copy()
    size = 8 + 16 * amount
    place = (rng.uniform(0, SIDE - size), rng.choice([0.02, 0.85]) * SIDE + rng.uniform(0, 0.05) * SIDE)
    ImageDraw.Draw(marked).text(place, str(rng.choice(list("RLDG"))), fill=255, font_size=size)
    return marked
