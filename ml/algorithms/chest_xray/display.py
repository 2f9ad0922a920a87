"""The grey scale of a DICOM image as a workstation would show it, between 0 and 255.

After the modality transformation come, in the standard's order (PS3.3 C.11.2 and C.7.6.3.1.2): the
VOI LUT or, where there is none, the window; then the inversion of MONOCHROME1. Inverting before the
window would cut off the wrong end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from pydicom.dataset import Dataset
from pydicom.pixels import apply_modality_lut

from ml.algorithms.chest_xray import voi
from ml.algorithms.chest_xray.voi import WHITE

STRIP_PIXELS = 1 << 20
"""Pixels worked on at a time: a rescale makes eight bytes of each, which a large detector cannot afford."""

Scale = Callable[[np.ndarray], np.ndarray]


def to_display(stored: np.ndarray, dataset: Dataset) -> np.ndarray:
    """Map the stored values of an image to grey levels.

    Parameters
    ----------
    stored
        Shape (rows, columns), values as stored.
    dataset
        The image's attributes.

    Returns
    -------
    ndarray of float32, shape (rows, columns)
        0–255, white is bright.
    """
    scale = _scale(stored, dataset)
    grey = np.empty(stored.shape, np.float32)
    for rows in strips(stored.shape):
        grey[rows] = scale(apply_modality_lut(stored[rows], dataset))
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        np.subtract(WHITE, grey, out=grey)
    return grey


def strips(shape: tuple[int, int]) -> Iterator[slice]:
    """Yield slices of rows that together are the image, each of about :data:`STRIP_PIXELS`."""
    step = max(1, STRIP_PIXELS // max(1, shape[1]))
    for start in range(0, shape[0], step):
        yield slice(start, start + step)


def eight_bit(stored: np.ndarray, dataset: Dataset) -> bool:
    """Whether the stored values are grey levels as they are."""
    transformed = bool(dataset.get("ModalityLUTSequence")) or is_rescaled(dataset)
    whole = np.issubdtype(stored.dtype, np.integer)
    return whole and dataset.BitsStored <= 8 and not transformed and not dataset.get("PixelRepresentation")


def is_rescaled(dataset: Dataset) -> bool:
    """Whether slope and intercept lead from the stored values to the modality's; a table goes before."""
    return not dataset.get("ModalityLUTSequence") and (
        "RescaleSlope" in dataset and "RescaleIntercept" in dataset
    )


def inside_range(stored: np.ndarray, dataset: Dataset) -> tuple[float, float] | None:
    """Return the smallest and largest modality value, padding left out; ``None`` when all is padding."""
    ends = []
    for rows in strips(stored.shape):
        part = stored[rows]
        values = apply_modality_lut(part, dataset)[~padded(part, dataset)]
        if values.size:
            ends += [float(values.min()), float(values.max())]
    return (min(ends), max(ends)) if ends else None


def padded(stored: np.ndarray, dataset: Dataset) -> np.ndarray:
    """Return where stored values are padding, by PixelPaddingValue and PixelPaddingRangeLimit."""
    value = dataset.get("PixelPaddingValue")
    if not isinstance(value, int):
        return np.zeros(stored.shape, bool)
    limit = dataset.get("PixelPaddingRangeLimit")
    low, high = sorted((value, limit if isinstance(limit, int) else value))
    return (stored >= low) & (stored <= high)


def _scale(stored: np.ndarray, dataset: Dataset) -> Scale:
    """Return how modality values become grey levels."""
    if tables := voi.tables(dataset):
        return tables[0].apply
    if first := voi.first_window(dataset):
        function = voi.function(dataset)
        return lambda values: voi.window(values, centre=first.centre, width=first.width, function=function)
    if eight_bit(stored, dataset):
        return lambda values: values.astype(np.float32) * (WHITE / (2**dataset.BitsStored - 1))
    ends = inside_range(stored, dataset)
    if ends is None:
        return lambda values: np.zeros(values.shape, np.float32)
    low, high = ends
    return lambda values: (np.clip(values, low, high) - low) * (WHITE / max(high - low, 1e-6))
