"""The parts of a JPEG or PNG file, walked through before any decoder sees it.

Decoders stop at the end of the image and pass over what is odd before it. A file that goes on behind its
image is two files in one; an image in a thousand scans keeps a decoder busy for hours. Standard library only.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass

from ml.algorithms.chest_xray.contract import JPEG_MAGIC, PNG_MAGIC, too_many_pixels
from ml.algorithms.chest_xray.refusals import refusal
from ml.contracts import Problem

MOST_SCANS = 64
"""Scans of a progressive JPEG: encoders write about ten, the finest script conceivable fewer than this."""
PADDING = b"\x00\xff \t\r\n"
"""What devices fill the last block of a file with."""
PIECE = 1 << 20
_INDEXED = 3
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
# Of an interlaced PNG: first column and row of each pass, and their steps.
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
# In the coded data of a JPEG: a marker that is no restart, no stuffed byte or bit and no fill byte.
_MARKER = re.compile(rb"\xff+([\x80-\xcf\xd8-\xfe])")
_START, _END, _SCAN = 0xD8, 0xD9, 0xDA
# 0xF7 is the frame of JPEG-LS.
_FRAMES = frozenset({*range(0xC0, 0xD0), 0xF7}) - {0xC4, 0xC8, 0xCC}
_J2K_MAGIC = b"\xff\x4f\xff\x51"


def problems(content: bytes) -> list[Problem]:
    """Return what is wrong with the parts of a file; nothing when they are an image and nothing more.

    Parameters
    ----------
    content
        The whole file; of any other format than JPEG or PNG nothing is said.
    """
    known = ((PNG_MAGIC, _png_problem), (JPEG_MAGIC, _jpeg_problem))
    found = [judge(content) for magic, judge in known if content.startswith(magic)]
    return [problem for problem in found if problem]


@dataclass
class _Png:
    """What a PNG is made of.

    Parameters
    ----------
    kinds
        Of its chunks, in order.
    packed
        The pieces of its coded data.
    frames
        Images it says it has; an animation has several.
    rest
        What stands behind its end.
    """

    kinds: list[bytes]
    header: bytes
    packed: list[bytes]
    frames: int
    rest: bytes


def frame_sides(content: bytes) -> tuple[int, int] | None:
    """Return width and height that a JPEG, JPEG-LS or JPEG 2000 says it has; ``None`` for anything else."""
    if content.startswith(_J2K_MAGIC):
        right, bottom, left, top = (int.from_bytes(content[at : at + 4], "big") for at in (8, 12, 16, 20))
        return right - left, bottom - top
    at = 2
    while content.startswith(JPEG_MAGIC) and (found := _MARKER.match(content, at)):
        at = found.end()
        if found[1][0] in _FRAMES:
            return int.from_bytes(content[at + 5 : at + 7], "big"), int.from_bytes(
                content[at + 3 : at + 5], "big"
            )
        at += int.from_bytes(content[at : at + 2], "big")
    return None


def _png_problem(content: bytes) -> Problem | None:
    png = _png(content)
    if png is None or (expected := _inflated_bytes(png.header)) is None or _misarranged(png):
        return refusal("image_damaged")
    if large := too_many_pixels(*_sides(png.header)):
        return large
    if png.frames != 1:
        return refusal("multi_frame")
    return refusal("image_not_alone") if png.rest.strip(PADDING) else _packed_problem(png.packed, expected)


def _png(content: bytes) -> _Png | None:
    """Walk through a PNG, every checksum compared; ``None`` for one that is not whole."""
    found, at = _Png([], b"", [], 1, b""), len(PNG_MAGIC)
    while not found.kinds or found.kinds[-1] != b"IEND":
        length, kind = int.from_bytes(content[at : at + 4], "big"), content[at + 4 : at + 8]
        end = at + 12 + length
        if end > len(content) or not kind.isalpha():
            return None
        inside = content[at + 8 : end - 4]
        if zlib.crc32(inside, zlib.crc32(kind)) != int.from_bytes(content[end - 4 : end], "big"):
            return None
        found.header = found.header or inside
        if kind == b"IDAT":
            found.packed.append(inside)
        if kind == b"acTL":
            found.frames = int.from_bytes(inside[:4], "big")
        found.kinds.append(kind)
        at = end
    found.rest = content[at:]
    return found


def _misarranged(png: _Png) -> bool:
    """Whether a chunk is missing, there twice or where it may not be."""
    kinds = png.kinds
    pieces = kinds.count(b"IDAT")
    if kinds[0] != b"IHDR" or kinds.count(b"IHDR") != 1 or not pieces:
        return True
    first = kinds.index(b"IDAT")
    indexed = png.header[9] == _INDEXED
    return kinds[first : first + pieces] != [b"IDAT"] * pieces or (indexed and b"PLTE" not in kinds[:first])


def _sides(header: bytes) -> tuple[int, int]:
    return int.from_bytes(header[:4], "big"), int.from_bytes(header[4:8], "big")


def _inflated_bytes(header: bytes) -> int | None:
    """Return how many bytes the coded data of a PNG unpacks to; ``None`` for a header that cannot be."""
    if len(header) != 13 or 0 in (sides := _sides(header)):
        return None
    width, height = sides
    depth, colour, compression, filtering, interlace = header[8:]
    if depth not in _DEPTHS.get(colour, ()) or compression or filtering or interlace > 1:
        return None
    bits = depth * _CHANNELS[colour]
    passes = _PASSES if interlace else ((0, 0, 1, 1),)
    sizes = [(-(-(width - x) // dx), -(-(height - y) // dy)) for x, y, dx, dy in passes]
    return sum(rows * (1 + (columns * bits + 7) // 8) for columns, rows in sizes if columns > 0 and rows > 0)


def _packed_problem(packed: list[bytes], expected: int) -> Problem | None:
    """Unpack the coded data of a PNG, no more of it than the image has, and keep nothing."""
    unpacking, unpacked = zlib.decompressobj(), 0
    try:
        for piece in packed:
            left = piece
            while left and unpacked <= expected:
                if unpacking.eof:
                    return refusal("image_not_alone")
                unpacked += len(unpacking.decompress(left, PIECE))
                left = unpacking.unconsumed_tail or unpacking.unused_data
    except zlib.error:
        return refusal("image_damaged")
    if unpacked > expected:
        return refusal("image_not_alone")
    return None if unpacked == expected else refusal("image_damaged")


def _jpeg_problem(content: bytes) -> Problem | None:
    at, frames, scans, coded = 2, 0, 0, False
    while True:
        found = _MARKER.search(content, at)
        # Anything may stand before a marker in coded data alone.
        if found is None or (not coded and found.start() != at):
            return refusal("image_damaged")
        marker, at = found[1][0], found.end()
        if marker == _END:
            break
        frames += marker in _FRAMES
        coded = marker == _SCAN
        scans += coded
        length = int.from_bytes(content[at : at + 2], "big")
        if marker == _START or length < 2 or at + length > len(content) or frames > 1:
            return refusal("image_damaged")
        if scans > MOST_SCANS:
            return refusal("too_many_scans", most=MOST_SCANS)
        at += length
    if not frames or not scans:
        return refusal("image_damaged")
    return refusal("image_not_alone") if content[at:].strip(PADDING) else None
