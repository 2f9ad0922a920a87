"""The grey scale of a DICOM image as a workstation would show it, between 0 and 255.

After the modality transformation come, in the standard's order (PS3.3 C.11.2 and C.7.6.3.1.2): the
VOI LUT or, where there is none, the window; then the inversion of MONOCHROME1. Inverting before the
window would cut off the wrong end.
"""

from __future__ import annotations

import numpy as np
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.pixels import apply_voi

from ml.algorithms.chest_xray.picture import full_range

WHITE = 255.0


def to_display(stored: np.ndarray, values: np.ndarray, dataset: Dataset) -> np.ndarray:
    """Map the modality values of an image to grey levels.

    Parameters
    ----------
    stored
        Shape (rows, columns), values as stored.
    values
        Same shape, after rescale slope and intercept or modality LUT.
    dataset
        The image's attributes.

    Returns
    -------
    ndarray of float32, shape (rows, columns)
        0–255, white is bright.
    """
    if dataset.get("VOILUTSequence"):
        grey = _lookup(values, dataset)
    elif _first(dataset, "WindowWidth") is not None and _first(dataset, "WindowCenter") is not None:
        grey = window(
            values,
            centre=_first(dataset, "WindowCenter"),
            width=_first(dataset, "WindowWidth"),
            function=str(dataset.get("VOILUTFunction") or "LINEAR").upper(),
        )
    elif dataset.BitsStored <= 8 and values is stored and not dataset.get("PixelRepresentation"):
        grey = stored.astype(np.float32) * (WHITE / (2**dataset.BitsStored - 1))
    else:
        grey = _without_window(values, stored, dataset)
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        grey = WHITE - grey
    return grey.astype(np.float32)


def window(values: np.ndarray, *, centre: float, width: float, function: str) -> np.ndarray:
    """Apply a window as PS3.3 C.11.2.1.2 and C.11.2.1.3 define it.

    Parameters
    ----------
    centre, width
        In modality units.
    function
        ``"LINEAR"``, ``"LINEAR_EXACT"`` or ``"SIGMOID"``; anything else counts as linear.

    Raises
    ------
    ValueError
        When the width is not positive (below 1 for ``LINEAR``).
    """
    values = values.astype(np.float32)
    if width <= 0 or (width < 1 and function not in ("LINEAR_EXACT", "SIGMOID")):
        raise ValueError(f"window width {width}: expected a positive number")
    if function == "SIGMOID":
        steps = np.clip(-4.0 * (values - centre) / width, -60.0, 60.0)
        return WHITE / (1.0 + np.exp(steps))
    if function == "LINEAR_EXACT":
        return WHITE * np.clip((values - centre) / width + 0.5, 0.0, 1.0)
    if width == 1:
        return np.where(values > centre - 0.5, WHITE, 0.0)
    return WHITE * np.clip((values - (centre - 0.5)) / (width - 1.0) + 0.5, 0.0, 1.0)


def _first(dataset: Dataset, keyword: str) -> float | None:
    """Return the first of possibly several window values."""
    value = dataset.get(keyword)
    if isinstance(value, MultiValue):
        value = value[0] if len(value) else None
    return None if value is None or value == "" else float(value)


def _lookup(values: np.ndarray, dataset: Dataset) -> np.ndarray:
    bits = int(dataset.VOILUTSequence[0].LUTDescriptor[2])
    # A modality LUT or a rescale gives floats where the VOI LUT is indexed by whole numbers.
    whole = values if np.issubdtype(values.dtype, np.integer) else np.rint(values).astype(np.int32)
    return apply_voi(whole, dataset).astype(np.float32) * (WHITE / (2**bits - 1))


def _without_window(values: np.ndarray, stored: np.ndarray, dataset: Dataset) -> np.ndarray:
    """Stretch to the values that occur, padding left out of the range."""
    padding = dataset.get("PixelPaddingValue")
    inside = values[stored != padding] if padding is not None else values
    if not inside.size:
        return np.zeros(values.shape, np.float32)
    return full_range(np.clip(values, inside.min(), inside.max()))
