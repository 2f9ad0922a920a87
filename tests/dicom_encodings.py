"""One DICOM image in every pixel encoding a PACS may hold it in."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    JPEG2000,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from tests import jpeg_lossless
from tests.dicom_builder import DX_FOR_PRESENTATION

JPEG_QUALITY = 95
NEAR = 2
"""Stored values by which near-lossless JPEG-LS may be off."""
RATIO = 8
"""How many times smaller lossy JPEG 2000 makes the pixels."""

LOSSLESS = {
    "explicit": ExplicitVRLittleEndian,
    "implicit": ImplicitVRLittleEndian,
    "big endian": ExplicitVRBigEndian,
    "JPEG lossless": JPEGLosslessSV1,
    "JPEG-LS": JPEGLSLossless,
    "JPEG 2000": JPEG2000Lossless,
    "RLE": RLELossless,
}
LOSSY = {
    "JPEG baseline": JPEGBaseline8Bit,
    "JPEG-LS near-lossless": JPEGLSNearLossless,
    "JPEG 2000 lossy": JPEG2000,
}
SYNTAXES = LOSSLESS | LOSSY


def stored_as(image: Dataset, *, bits: int, photometric: str) -> Dataset:
    """Return a DX object showing the grey levels of an 8-bit MONOCHROME2 image, differently stored.

    Parameters
    ----------
    image
        Uncompressed, 8 bits, MONOCHROME2, without a window. What it says of its patient is dropped.
    bits
        8, 12 or 16 bits stored; above 8 a window over the full range is written.
    photometric
        ``MONOCHROME1`` stores the image inverted.
    """
    top = 2**bits - 1
    values = np.rint(image.pixel_array.astype(float) * top / 255).astype(np.uint8 if bits == 8 else np.uint16)
    if photometric == "MONOCHROME1":
        values = top - values
    made = Dataset()
    made.file_meta = image.file_meta.copy()
    for keyword in ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "Rows", "Columns"):
        setattr(made, keyword, getattr(image, keyword))
    made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = DX_FOR_PRESENTATION
    made.Modality, made.BodyPartExamined, made.PatientAge = "DX", "CHEST", "004Y"
    made.SamplesPerPixel, made.PhotometricInterpretation, made.PixelRepresentation = 1, photometric, 0
    made.BitsAllocated, made.BitsStored, made.HighBit = 8 * values.itemsize, bits, bits - 1
    if bits > 8:
        made.WindowCenter, made.WindowWidth = (top + 1) / 2, top + 1
    made.PixelData = values.tobytes()
    made["PixelData"].VR = "OB" if bits == 8 else "OW"
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return made


def written(image: Dataset, syntax: str, path: Path) -> Path:
    """Write an uncompressed little endian image in a transfer syntax as a DICOM Part 10 file.

    Raises
    ------
    ValueError
        For JPEG baseline of more than 8 bits, which it cannot hold.
    """
    values = image.pixel_array
    image.file_meta.TransferSyntaxUID = syntax
    if syntax == ExplicitVRBigEndian:
        image.PixelData = values.astype(values.dtype.newbyteorder(">")).tobytes()
    elif syntax == JPEGLosslessSV1:
        _encapsulate(image, jpeg_lossless.encode(values, image.BitsStored))
    elif syntax == JPEGBaseline8Bit:
        if image.BitsStored > 8:
            raise ValueError(f"JPEG baseline holds 8 bits, got {image.BitsStored}")
        buffer = io.BytesIO()
        Image.fromarray(values).save(buffer, "JPEG", quality=JPEG_QUALITY)
        _encapsulate(image, buffer.getvalue())
    elif syntax not in (ExplicitVRLittleEndian, ImplicitVRLittleEndian):
        image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        options = {JPEGLSNearLossless: {"jls_error": NEAR}, JPEG2000: {"j2k_cr": [RATIO]}}.get(syntax, {})
        image.compress(syntax, generate_instance_uid=False, **options)
    image.save_as(
        path,
        implicit_vr=syntax == ImplicitVRLittleEndian,
        little_endian=syntax != ExplicitVRBigEndian,
        enforce_file_format=True,
    )
    return path


def _encapsulate(image: Dataset, frame: bytes) -> None:
    image.PixelData = encapsulate([frame])
    image["PixelData"].VR, image["PixelData"].is_undefined_length = "OB", True
