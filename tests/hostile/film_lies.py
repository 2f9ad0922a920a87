"""What a hostile DICOM header says of its image, and how its pixels claim to be written."""

from __future__ import annotations

from typing import Any

LIES: dict[str, tuple[Any, ...]] = {
    "Rows": (0, 1, 239, 241, 4000, 12_001, 40_000, 65_535),
    "Columns": (0, 1, 281, 4000, 12_001, 40_000, 65_535),
    "BitsAllocated": (0, 1, 7, 9, 12, 16, 24, 32, 64, 128, 65_535),
    "BitsStored": (0, 1, 4, 7, 9, 16, 255),
    "HighBit": (0, 6, 8, 15, 255),
    "SamplesPerPixel": (0, 2, 3, 4, 255, 65_535),
    "PixelRepresentation": (2, 255, 65_535),
    "NumberOfFrames": ("2", "67200", "2147483647", "99999999999"),
    "PhotometricInterpretation": ("", "RGB", "YBR_FULL", "PALETTE COLOR", "MONOCHROME3", "=1+1", "X" * 16),
    "RescaleSlope": ("0", "1e308", "-1e308", "1e39"),
    "Modality": ("", "CT", "MR", "US", "OT", "SEG", "=1+1", "../x", "XX" * 8),
    "SOPClassUID": (
        "",
        "1.2",
        "1.2.840.10008.5.1.4.1.1.7",
        "1.2.840.10008.5.1.4.1.1.2",
        "1.2.840.10008.1.3.10",
        "1.2.840.10008.5.1.4.1.1.66.4",
        "9" * 64,
        "../../etc/passwd",
    ),
    "ViewPosition": ("LL", "RL", "LLO"),
    "PatientAge": ("018Y", "045Y", "999Y", "999M"),
    "PresentationIntentType": ("FOR PROCESSING",),
}
SYNTAXES = {
    "deflated": "1.2.840.10008.1.2.1.99",
    "deflated JPIP": "1.2.840.10008.1.2.4.95",
    "JPIP": "1.2.840.10008.1.2.4.94",
    "deflated image frames": "1.2.840.10008.1.2.8.1",
    "MPEG2": "1.2.840.10008.1.2.4.100",
    "MPEG4": "1.2.840.10008.1.2.4.102",
    "HEVC": "1.2.840.10008.1.2.4.107",
    "JPEG XL": "1.2.840.10008.1.2.4.110",
    "HTJ2K": "1.2.840.10008.1.2.4.201",
    "JPEG baseline": "1.2.840.10008.1.2.4.50",
    "JPEG lossless": "1.2.840.10008.1.2.4.70",
    "JPEG-LS": "1.2.840.10008.1.2.4.80",
    "JPEG 2000": "1.2.840.10008.1.2.4.90",
    "RLE": "1.2.840.10008.1.2.5",
    "big endian": "1.2.840.10008.1.2.2",
    "SMPTE": "1.2.840.10008.1.2.7.1",
    "an unknown one": "1.2.3.4.5",
    "no UID": "deflated",
    "a path": "../../x",
    "64 nines": "9" * 64,
}
