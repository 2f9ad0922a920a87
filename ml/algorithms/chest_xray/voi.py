"""Values of interest: the windows and lookup tables that a DICOM header offers, and how each is applied."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from ml.contracts import Text

WHITE = 255.0
LINEAR, LINEAR_EXACT, SIGMOID = "LINEAR", "LINEAR_EXACT", "SIGMOID"
LONGEST_LABEL = 40

WINDOW = Text("Window {number}", "Fenêtre {number}")
TABLE = Text("Lookup table {number}", "Table de conversion {number}")


@dataclass(frozen=True, slots=True)
class Window:
    """A window in modality units and what the file calls it."""

    centre: float
    width: float
    label: Text


@dataclass(frozen=True, slots=True)
class Table:
    """A VOI lookup table.

    Parameters
    ----------
    first
        Modality value of the first entry; lower values get its level, higher ones than the last that of
        the last.
    levels
        Shape (entries,), float32 grey levels 0–255.
    """

    first: int
    levels: np.ndarray
    label: Text

    def apply(self, values: np.ndarray) -> np.ndarray:
        """Look the modality values up; float values (after a rescale) are rounded first."""
        whole = values if np.issubdtype(values.dtype, np.integer) else np.rint(values)
        return self.levels[np.clip(whole.astype(np.int64) - self.first, 0, len(self.levels) - 1)]


def function(dataset: Dataset) -> str:
    """Return the window function, ``LINEAR`` for none and for one that is not in the standard."""
    said = str(dataset.get("VOILUTFunction") or LINEAR).strip().upper()
    return said if said in (LINEAR_EXACT, SIGMOID) else LINEAR


def windows(dataset: Dataset) -> tuple[Window, ...]:
    """Return the windows of the header that can be used, in its order."""
    return tuple(window for window in _offered(dataset) if window)


def first_window(dataset: Dataset) -> Window | None:
    """Return the window by which the header wants the image shown; ``None`` for none or a useless one."""
    return next(_offered(dataset), None)


def is_window_useless(dataset: Dataset) -> bool:
    """Whether the header names a window to show the image by that cannot be used."""
    named = _several(dataset, "WindowCenter") or _several(dataset, "WindowWidth")
    return bool(named) and first_window(dataset) is None


def _offered(dataset: Dataset) -> Iterator[Window | None]:
    """Yield each window of the header, ``None`` for one that shows nothing or is no pair of numbers."""
    centres, widths = _several(dataset, "WindowCenter"), _several(dataset, "WindowWidth")
    names = [str(name) for name in _several(dataset, "WindowCenterWidthExplanation")]
    for number, pair in enumerate(zip(centres, widths, strict=False)):
        label = names[number] if number < len(names) else ""
        try:
            centre, width = (float(value) for value in pair)
        except (TypeError, ValueError):
            yield None
            continue
        finite = math.isfinite(centre) and math.isfinite(width)
        # A threshold (width 1) is of use only where the header wants the image shown so.
        wide = _is_allowed(width, function(dataset)) if not number else width > 1
        yield Window(centre, width, _label(label, WINDOW, number)) if finite and wide else None


def _is_allowed(width: float, function: str) -> bool:
    """Whether the standard allows a width: positive, and at least 1 for ``LINEAR``."""
    return width > 0 if function in (LINEAR_EXACT, SIGMOID) else width >= 1


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
    if not _is_allowed(width, function):
        raise ValueError(f"window width {width}: expected a positive number")
    if function == SIGMOID:
        steps = np.clip(-4.0 * (values - centre) / width, -60.0, 60.0)
        return WHITE / (1.0 + np.exp(steps))
    if function == LINEAR_EXACT:
        return WHITE * np.clip((values - centre) / width + 0.5, 0.0, 1.0)
    if width == 1:
        return np.where(values > centre - 0.5, WHITE, 0.0)
    return WHITE * np.clip((values - (centre - 0.5)) / (width - 1.0) + 0.5, 0.0, 1.0)


def spanning(low: float, high: float, function: str, label: Text) -> Window:
    """Return the window that shows ``low`` black and ``high`` white under a linear window function."""
    extra = 0 if function == LINEAR_EXACT else 1
    return Window((low + high + extra) / 2, high - low + extra, label)


def tables(dataset: Dataset) -> tuple[Table, ...]:
    """Return the lookup tables of the header.

    pydicom's own function indexes an 8-bit table with 8-bit numbers and wraps round on a longer one.

    Raises
    ------
    ValueError
        When a table is not as long as it says, or its levels are not of 8 to 16 bits.
    """
    return tuple(_table(item, number) for number, item in enumerate(dataset.get("VOILUTSequence") or ()))


def _table(item: Dataset, number: int) -> Table:
    entries, first, bits = (int(value) for value in item.LUTDescriptor)
    entries = entries or 2**16
    if not 8 <= bits <= 16:
        raise ValueError(f"{bits} bits per entry of a lookup table: expected 8 to 16")
    data = item.LUTData
    if isinstance(data, bytes):
        packed = len(data) in (entries, entries + entries % 2)
        data = np.frombuffer(data, "u1" if packed else "<u2")
    data = np.asarray(data, dtype=np.float32).reshape(-1)[:entries]
    if len(data) < entries:
        raise ValueError(f"a lookup table of {len(data)} entries says that it has {entries}")
    name = str(item.get("LUTExplanation") or "")
    return Table(first, data * np.float32(WHITE / (2**bits - 1)), _label(name, TABLE, number))


def _several(dataset: Dataset, keyword: str) -> list:
    """Return the values of an element, none when it is absent or empty."""
    value = dataset.get(keyword)
    listed = list(value) if isinstance(value, MultiValue) else [value]
    return [] if listed[:1] in ([], [None], [""]) else listed


def _label(said: str, otherwise: Text, number: int) -> Text:
    """Return what the file calls it in both languages, or its number."""
    name = "".join(sign for sign in said if sign.isprintable()).strip()[:LONGEST_LABEL]
    return Text(name, name) if name else otherwise.format(number=number + 1)
