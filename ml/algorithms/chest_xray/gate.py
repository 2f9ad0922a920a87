"""Whether an image may be scored at all, judged by its pixels and by the network's own features."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from ml.algorithms.chest_xray.network import Activations
from ml.algorithms.chest_xray.refusals import refusal
from ml.algorithms.chest_xray.view import smooth, to_uint8
from ml.contracts import Problem

MIN_SIDE = 200
MAX_ASPECT = 2.5
BLANK_SPREAD = 4.0
"""Standard deviation in grey levels below which an image shows nothing."""
BLACK, WHITE = 1, 254
STROKE, STROKE_HEIGHT = 5, 30
"""Widest stroke in pixels, and how far it stands out in grey levels."""
LINE = (8, 30)
"""Rows and columns of a short line of writing."""
LUNG_ROWS, LUNG_COLUMNS = slice(40, 175), (slice(30, 104), slice(120, 194))
"""Where the lungs of a frontal image lie in the square."""

HEADS = {
    "not_chest": "not_chest_xray",
    "inverted": "inverted",
    "rotated": "rotated",
    "adult": "adult_appearance",
}
"""Heads of the network and the reason each gives."""
TOLD_APART = ("not_chest", "inverted", "rotated")


def pixel_view(stored: np.ndarray) -> np.ndarray:
    """Return the square whose pixels are judged, smoothed once: thin strokes still show in it."""
    return to_uint8(smooth(stored.astype(np.float32)))


def judge(
    grey: np.ndarray,
    stored: np.ndarray,
    activations: Activations,
    limits: Mapping[str, Any],
    *,
    age_known: bool,
) -> list[Problem]:
    """Gather the reasons against scoring an image.

    Parameters
    ----------
    grey
        Shape (height, width), displayed grey levels 0–255.
    stored
        Shape (224, 224), of :func:`ml.algorithms.chest_xray.view.square`.
    limits
        ``gate.json`` of the package.
    age_known
        Whether the file gave an age: then the appearance does not overrule it.
    """
    found = list(by_pixels(grey, stored, limits))
    if any(problem.code == "blank" for problem in found):
        return found
    return found + list(by_features(activations, limits, age_known=age_known))


def by_pixels(grey: np.ndarray, stored: np.ndarray, limits: Mapping[str, Any]) -> Iterator[Problem]:
    """Reasons that need no network: size, shape, emptiness, clipping, writing over the lungs."""
    view = pixel_view(stored)
    shortest, longest = min(grey.shape), max(grey.shape)
    if shortest < MIN_SIDE:
        yield refusal("too_small", side=MIN_SIDE)
    if longest > MAX_ASPECT * shortest:
        yield refusal("shape")
    if view.std() < BLANK_SPREAD:
        yield refusal("blank")
    elif max(clipped_shares(view)) > limits["max_clipped"]:
        yield refusal("clipped")
    if writing(stored) > limits["max_writing"]:
        yield refusal("burnt_over")


def clipped_shares(view: np.ndarray) -> tuple[float, float]:
    """Return the share of pure black pixels in the middle of an image, and of pure white ones.

    Only the middle half of each side counts: outside the body, black is what an X-ray should be.
    """
    side = len(view) // 4
    middle = view[side:-side, side:-side]
    return float((middle <= BLACK).mean()), float((middle >= WHITE).mean())


def by_features(activations: Activations, limits: Mapping[str, Any], *, age_known: bool) -> Iterator[Problem]:
    """Reasons by appearance. An image of something else gets that reason alone."""
    heads = limits["heads"]
    above = [name for name in HEADS if activations.gate[name] > heads[name]["threshold"]]
    if "not_chest" in above or activations.distance > limits["max_distance"]:
        # A turned or inverted chest is far from the training images too: name what can be mended,
        # unless the image resembles something else more.
        margins = {name: activations.gate[name] - heads[name]["threshold"] for name in TOLD_APART}
        likeliest = max(margins, key=margins.__getitem__)
        yield refusal(HEADS[likeliest if margins[likeliest] > 0 else "not_chest"])
        return
    for name in above:
        if not (name == "adult" and age_known):
            yield refusal(HEADS[name])


def writing(stored: np.ndarray) -> float:
    """Return how densely thin bright strokes fill the fullest line's worth of the lung fields.

    A stroke is what a grey opening takes away (white top-hat, Serra 1982); letters put many into the room
    of a short line, ribs, vessels, tubes and electrode wires do not. Markers outside the lung fields do
    not count.

    Returns
    -------
    float
        Largest share of stroke pixels in any window of 8 rows by 30 columns.
    """
    opened = _along_both(np.maximum, _along_both(np.minimum, stored))
    strokes = stored.astype(np.int16) - opened >= STROKE_HEIGHT
    (down, across), size = LINE, LINE[0] * LINE[1]
    found = 0.0
    for columns in LUNG_COLUMNS:
        sums = np.pad(strokes[LUNG_ROWS, columns].cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
        rows = sums[down:] - sums[:-down]
        found = max(found, float((rows[:, across:] - rows[:, :-across]).max()) / size)
    return found


def _along_both(extreme: np.ufunc, image: np.ndarray) -> np.ndarray:
    """Return the least or greatest of the neighbourhood as wide as a stroke, edges repeated."""
    reach = STROKE // 2
    padded = np.pad(image, reach, mode="edge")
    rows = extreme.reduce([padded[k : k + len(image)] for k in range(STROKE)])
    return extreme.reduce([rows[:, k : k + image.shape[1]] for k in range(STROKE)])


def has_burnt_in_text(stored: np.ndarray, limits: Mapping[str, Any]) -> bool:
    """Whether the middle of the image holds more thin, near-white strokes than training images do."""
    return stroke_share(pixel_view(stored)) > limits["max_strokes"]


def stroke_share(view: np.ndarray) -> float:
    """Return the share of pixels in the middle that are near white and stand out from both sides."""
    levels = view.astype(np.int16)
    reach, side = 4, len(view) // 5
    sides = [np.roll(levels, shift, axis) for axis in (0, 1) for shift in (-reach, reach)]
    darker = np.minimum(np.maximum(sides[0], sides[1]), np.maximum(sides[2], sides[3]))
    strokes = (levels >= 220) & (levels - darker >= 70)
    return float(strokes[side:-side, side:-side].mean())


def as_json(reasons: Iterable[Problem]) -> dict[str, Any]:
    """Return the gate's verdict in the form in which it is stored and answered."""
    listed = [problem.as_json() for problem in reasons]
    return {"accepted": not listed, "reasons": listed}
