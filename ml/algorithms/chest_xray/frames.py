"""The coded pixels of a DICOM image held against what its header says of them, before they are decoded."""

from __future__ import annotations

from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames
from pydicom.uid import UID, RLELossless

from ml.algorithms.chest_xray import container
from ml.algorithms.chest_xray.contract import JPEG_MAGIC
from ml.algorithms.chest_xray.refusals import refusal
from ml.contracts import Problem

_RLE_HEADER = 64


def problems(dataset: Dataset, rows: int, columns: int) -> list[Problem]:
    """Return what is wrong with the pixels of one grey frame, as far as can be said without decoding.

    Parameters
    ----------
    rows, columns
        What the header says the image has.
    """
    if "PixelData" not in dataset:
        return []
    pixels = dataset.PixelData
    if not isinstance(pixels, bytes) or not pixels:
        return [refusal("pixels_unreadable")]
    bits = dataset.get("BitsAllocated")
    try:
        syntax = UID(dataset.file_meta.TransferSyntaxUID)
        encoded = syntax.is_encapsulated
    except (AttributeError, ValueError):
        # Not a transfer syntax that says where its pixels are: for the decoder to refuse.
        return []
    if encoded:
        return _encoded_problems(pixels, syntax, rows, columns, bits)
    size = rows * columns * bits // 8 if isinstance(bits, int) else len(pixels)
    # A last byte or block may be filled up; pixels that no row shows are an image cut by its header.
    return [refusal("pixels_left_over")] if pixels[size:].strip(b"\0") else []


def _encoded_problems(pixels: bytes, syntax: UID, rows: int, columns: int, bits: object) -> list[Problem]:
    try:
        frame = b"".join(generate_frames(pixels, number_of_frames=1))
    except (ValueError, EOFError, IndexError):
        return [refusal("pixels_unreadable")]
    sides = container.frame_sides(frame)
    if sides is not None and sides != (columns, rows):
        return [refusal("pixels_unreadable")]
    if syntax == RLELossless and len(frame) > _longest_rle(rows, columns, bits):
        return [refusal("pixels_left_over")]
    if not frame.startswith(JPEG_MAGIC):
        return []
    found = container.problems(frame)
    return [refusal("pixels_unreadable") if problem.code == "image_damaged" else problem for problem in found]


def _longest_rle(rows: int, columns: int, bits: object) -> int:
    """Return the most bytes an encoder takes for a frame (PS3.5 annex G): at worst two for each one."""
    segments = bits // 8 if isinstance(bits, int) else 1
    return _RLE_HEADER + 2 * segments * rows * (columns + 1)
