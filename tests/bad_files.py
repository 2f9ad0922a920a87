"""Files that are damaged, lie about themselves or want to be something else; nobody is in any of them."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

import numpy as np
from PIL import Image

from tests.chest_phantom import phantom
from tests.dicom_builder import dx_from_jpeg
from tests.sleep_files import edf_bytes

PNG_MAGIC = b"\x89PNG\r\n\x1a\n"


def chunk(kind: bytes, content: bytes) -> bytes:
    """One PNG chunk with its checksum."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, *, said: tuple[int, int] | None = None, extra: bytes = b"") -> bytes:
    """Return a valid black PNG, one bit per pixel; ``said`` is the size its header claims instead."""
    header = struct.pack(">IIBBBBB", *(said or (width, height)), 1, 0, 0, 0, 0)
    packed = zlib.compressobj(9)
    row = bytes(1 + (width + 7) // 8)
    rows = b"".join(packed.compress(row) for _ in range(height)) + packed.flush()
    return PNG_MAGIC + chunk(b"IHDR", header) + extra + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def text_bomb(inflated: int = 256 * 2**20) -> bytes:
    """Return a small picture whose comment inflates to ``inflated`` bytes."""
    packed = zlib.compressobj(9)
    zeros = bytes(2**20)
    comment = b"".join(packed.compress(zeros) for _ in range(inflated // 2**20)) + packed.flush()
    return png(300, 300, extra=chunk(b"zTXt", b"Comment\0\0" + comment))


def jpeg() -> bytes:
    """Return a whole JPEG of the phantom."""
    buffer = io.BytesIO()
    Image.fromarray(phantom()).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def jpeg_saying(width: int, height: int) -> bytes:
    """Return a JPEG whose frame header claims another size."""
    whole = jpeg()
    at = whole.index(b"\xff\xc0") + 5
    return whole[:at] + struct.pack(">HH", height, width) + whole[at + 4 :]


def dicom(*, pixels: int | None = None, **said: object) -> bytes:
    """Return a DICOM X-ray with attributes replaced, and only the first ``pixels`` bytes of its pixels."""
    dataset = dx_from_jpeg(phantom())
    for keyword, value in said.items():
        setattr(dataset, keyword, value)
    if pixels is not None:
        dataset.PixelData = dataset.PixelData[:pixels]
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def infinite_film() -> bytes:
    """Return an X-ray whose rescaling leaves nothing finite."""
    return dicom(RescaleSlope="1e308", RescaleIntercept="1e308")


def night(**said: object) -> bytes:
    """Return two minutes of EDF with fields of the main header replaced."""
    return edf_bytes(seconds=120, **said)


def fast_recording(rate: int = 300_000) -> bytes:
    """Return 30 s sampled as no amplifier does; only the resampler would notice."""
    return edf_bytes(
        samples=np.zeros((30, 1, rate), "<i2") + np.arange(30, dtype="<i2")[:, None, None], rate=rate
    )


def many_channels_lying() -> bytes:
    """Return 30 signals, more than the web process sees, of which one claims half its samples."""
    whole = edf_bytes([f"EEG C{n}-A2" for n in range(30)], seconds=60)
    at = 256 + 216 * 30
    return whole[:at] + b"50".ljust(8) + whole[at + 8 :]


def pickled_night() -> bytes:
    """Return an ``.npz`` whose array is a pickle, which would run code where pickles are opened."""
    buffer = io.BytesIO()
    np.savez(buffer, features=np.array([{"not": "numbers"}], dtype=object))
    return buffer.getvalue()


def zip_bomb(inflated: int = 64 * 2**20) -> bytes:
    """Return an ``.npz`` whose header announces far more numbers than any night has."""
    shape = (2**40,)
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    array = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + bytes(inflated)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("features.npy", array)
    return buffer.getvalue()


def spoilt_zip() -> bytes:
    """Return an ``.npz`` whose compressed stream is broken in the middle."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, features=np.random.default_rng(0).random((90, 3, 10), np.float32))
    whole = buffer.getvalue()
    return whole[:300] + bytes(200) + whole[500:]


def locked_zip() -> bytes:
    """Return an ``.npz`` that says it is encrypted."""
    whole = bytearray(pickled_night())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        whole[whole.index(mark) + offset] |= 1
    return bytes(whole)
