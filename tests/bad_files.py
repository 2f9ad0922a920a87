"""Files that are damaged, lie about themselves or want to be something else; nobody is in any of them."""

from __future__ import annotations

import io
import struct
import zipfile

import numpy as np

from tests.hostile import films
from tests.sleep_files import edf_bytes


def infinite_film() -> bytes:
    """Return an X-ray whose rescaling leaves nothing finite."""
    return films.saying(RescaleSlope="1e308", RescaleIntercept="1e308")


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
