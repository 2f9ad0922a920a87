"""JPEG lossless (process 14, selection value 1) as PACS compress with it; no library at hand writes it."""

from __future__ import annotations

import numpy as np

CODE_BITS = 5
"""Length of every Huffman code: 17 categories of differences fit, none of all ones."""
CATEGORIES = 17
LONGEST = CODE_BITS + 15


def encode(stored: np.ndarray, bits: int) -> bytes:
    """Write a grey image as a JPEG lossless stream (ITU-T T.81, annex H), predicted from the left.

    Parameters
    ----------
    stored
        Shape (rows, columns), unsigned.
    bits
        Bits stored per pixel, 2 to 16.
    """
    codes, lengths = _symbols(_differences(stored.astype(np.int64), bits))
    shifts = np.arange(LONGEST)
    written = shifts < lengths[:, None]
    bit_rows = (codes[:, None] >> np.maximum(lengths[:, None] - 1 - shifts, 0)) & 1
    stream = bit_rows[written].astype(np.uint8)
    filled = np.concatenate([stream, np.ones(-len(stream) % 8, np.uint8)])
    entropy = np.packbits(filled).tobytes().replace(b"\xff", b"\xff\x00")
    rows, columns = stored.shape
    frame = _segment(
        0xC3, bytes([bits]) + rows.to_bytes(2, "big") + columns.to_bytes(2, "big") + b"\1\1\x11\0"
    )
    counts = bytes([0] * (CODE_BITS - 1) + [CATEGORIES] + [0] * (16 - CODE_BITS))
    table = _segment(0xC4, b"\0" + counts + bytes(range(CATEGORIES)))
    scan = _segment(0xDA, b"\1\1\0\1\0\0")
    return b"\xff\xd8" + frame + table + scan + entropy + b"\xff\xd9"


def _segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + (len(content) + 2).to_bytes(2, "big") + content


def _differences(values: np.ndarray, bits: int) -> np.ndarray:
    """Subtract the pixel on the left, at the edge that above; from the very first, half the range."""
    predicted = np.empty_like(values)
    predicted[:, 1:] = values[:, :-1]
    predicted[1:, 0] = values[:-1, 0]
    predicted[0, 0] = 1 << (bits - 1)
    # Differences are taken modulo 2^16; none of ours reaches the category of 32,768 itself.
    return ((values - predicted + 0x8000) & 0xFFFF).ravel() - 0x8000


def _symbols(differences: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the Huffman code of each category followed by the extra bits, and their joint length."""
    category = np.frexp(np.abs(differences).astype(float))[1]
    extra = np.where(differences < 0, differences + (1 << category) - 1, differences)
    return (category << category) | extra, category + CODE_BITS
