"""Coded pictures without what stands beside the picture: comments, applications' data, bytes after the end.

Every segment of a JPEG is looked at, those between the scans of a progressive one too; RLE and the pixels of
PNG are read to their last pixel and cut there. ITU-T T.81 annex B, T.87 annex C, T.800 annex A; DICOM PS3.5
annex G; ISO/IEC 15948.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator

from PIL import Image

_START, _END, _SCAN = 0xD8, 0xD9, 0xDA
# Frames, tables, restart intervals, numbers of lines; F7 and F8 are those of JPEG-LS.
_KEPT = {*range(0xC0, 0xD0), _SCAN, 0xDB, 0xDC, 0xDD, 0xF7, 0xF8} - {0xC8}
_RESTARTS = range(0xD0, 0xD8)
_FIRST_MARKER = 0xC0
_JFIF, _JFIF_BYTES = b"JFIF\0", 12
_ADOBE, _ADOBE_BYTES = b"Adobe", 12
_J2K = b"\xff\x4f\xff\x51"
_SOT, _SOD, _EOC, _COM = 0x90, 0x93, 0xD9, 0x64
# Lengths of parts, which are others afterwards; a reader does without.
_J2K_LEFT_OUT = {_COM, 0x55, 0x57, 0x58}
_SOT_BYTES = 12
# Shorter than this no name is worth the looking.
_SPARE = 8
_RLE_HEADER, _RLE_MOST = 64, 15
_NO_OPERATION = 128
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
# Adam7: first column and row, steps of columns and rows of each pass.
_PASSES = (
    (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2),
)  # fmt: skip


class NotAStream(ValueError):
    """The bytes are no complete stream of this kind."""


def jpeg(content: bytes) -> bytes:
    """Return a JPEG or JPEG-LS stream with its tables and scans alone.

    Raises
    ------
    NotAStream
        When it does not begin or end as one.
    """
    if content[:2] != bytes((0xFF, _START)):
        raise NotAStream("no start of an image")
    parts = [content[:2], *_segments(content)]
    whole = b"".join(parts)
    if (pixels := _pixels(whole)) is None:
        return whole
    for at, part in enumerate(parts):
        # What follows the head of a scan is its data.
        if parts[at - 1][:2] == bytes((0xFF, _SCAN)):
            before, after = b"".join(parts[:at]), b"".join(parts[at + 1 :])
            parts[at] = _needed(before, part, after, pixels)
    return b"".join(parts)


def _needed(before: bytes, scan: bytes, after: bytes, pixels: bytes) -> bytes:
    """Return the data of a scan with zeros for the bytes at its end that no pixel needs.

    Decoders take zeros where a scan is too short, so the pixels stay as they are.
    """

    def zeroed(kept: int) -> bytes:
        return scan[:kept] + bytes(len(scan) - kept)

    def same(kept: int) -> bool:
        return _pixels(before + zeroed(kept) + after) == pixels

    least, most = 0, len(scan)
    if not same(max(0, most - _SPARE)):
        return scan
    most = max(0, most - _SPARE)
    while least < most:
        middle = (least + most) // 2
        least, most = (least, middle) if same(middle) else (middle + 1, most)
    return zeroed(most)


def _pixels(content: bytes) -> bytes | None:
    """Return the pixels of a JPEG, ``None`` for a kind that is not read here (12 bits, lossless)."""
    try:
        with Image.open(io.BytesIO(content)) as picture:
            return picture.tobytes()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return None


def _segments(content: bytes) -> Iterator[bytes]:
    at = 2
    while at + 2 <= len(content) and content[at] == 0xFF:
        marker = content[at + 1]
        if marker == 0xFF:  # fill bytes may stand before any marker
            at += 1
            continue
        if marker == _END:
            yield content[at : at + 2]
            return
        end = at + 2 + _length(content, at + 2)
        if marker in _KEPT:
            yield content[at:end]
        elif marker in (0xE0, 0xEE):
            yield _colours(content[at + 4 : end], marker)
        if marker == _SCAN:
            at, end = end, _end_of_scan(content, end)
            yield content[at:end]
        at = end
    raise NotAStream("no end of the image")


def _end_of_scan(content: bytes, at: int) -> int:
    """Return where the next marker begins that is none of a restart; nothing else follows an FF in a scan."""
    while (at := content.find(b"\xff", at)) >= 0 and at + 1 < len(content):
        marker = content[at + 1]
        if marker != 0xFF and marker >= _FIRST_MARKER and marker not in _RESTARTS:
            return at
        at += 1 if marker == 0xFF else 2
    raise NotAStream("a scan without an end")


def _colours(payload: bytes, marker: int) -> bytes:
    """Return what JFIF and Adobe say of how the colours are meant, without thumbnails and what is added."""
    if marker == 0xE0 and payload.startswith(_JFIF) and len(payload) >= _JFIF_BYTES:
        said = payload[:_JFIF_BYTES] + b"\0\0"
    elif marker == 0xEE and payload.startswith(_ADOBE) and len(payload) >= _ADOBE_BYTES:
        said = payload[:_ADOBE_BYTES]
    else:
        return b""
    return bytes((0xFF, marker)) + (len(said) + 2).to_bytes(2) + said


def jpeg_2000(content: bytes) -> bytes:
    """Return a JPEG 2000 codestream without comments, in its main header and in those of its tiles.

    Raises
    ------
    NotAStream
        When it is no codestream.
    """
    if content[:4] != _J2K:
        raise NotAStream("no codestream")
    made, at = _header(content, 2, _SOT)
    parts = [content[:2], made]
    while content[at + 1 : at + 2] == bytes((_SOT,)):
        length = int.from_bytes(content[at + 6 : at + 10])
        end = at + length if length else content.rfind(b"\xff\xd9")
        if not at + _SOT_BYTES < end <= len(content):
            raise NotAStream("a tile without an end")
        tile, data = _header(content, at + _SOT_BYTES, _SOD)
        body = tile + content[data:end]
        size = (len(body) + _SOT_BYTES if length else 0).to_bytes(4)
        parts += [content[at : at + 6], size, content[at + 10 : at + _SOT_BYTES], body]
        at = end
    if content[at : at + 2] != bytes((0xFF, _EOC)):
        raise NotAStream("no end of the codestream")
    return b"".join([*parts, content[at : at + 2]])


def _header(content: bytes, at: int, until: int) -> tuple[bytes, int]:
    parts = []
    while content[at : at + 1] == b"\xff" and content[at + 1 : at + 2] != bytes((until,)):
        end = at + 2 + _length(content, at + 2)
        if content[at + 1] not in _J2K_LEFT_OUT:
            parts.append(content[at:end])
        at = end
    if content[at : at + 2] != bytes((0xFF, until)):
        raise NotAStream("a header without an end")
    return b"".join(parts), at


def _length(content: bytes, at: int) -> int:
    length = int.from_bytes(content[at : at + 2])
    if length < 2 or at + length > len(content):
        raise NotAStream("a segment without an end")
    return length


def rle(content: bytes, segments: int, pixels: int) -> bytes:
    """Return an RLE frame with each segment cut after its last pixel, and its header written anew.

    Parameters
    ----------
    segments
        How many there have to be: bytes of a sample times samples of a pixel.
    pixels
        Rows times columns: the bytes of each segment once decoded.

    Raises
    ------
    NotAStream
        When it has other segments, or one is too short.
    """
    offsets = [int.from_bytes(content[at : at + 4], "little") for at in range(4, 4 + 4 * segments, 4)]
    ordered = offsets == sorted(set(offsets)) and min(offsets, default=0) >= _RLE_HEADER
    if int.from_bytes(content[:4], "little") != segments or not 0 < segments <= _RLE_MOST or not ordered:
        raise NotAStream("no header of these segments")
    ends = [*offsets[1:], len(content)]
    made = [_runs(content, at, end, pixels) for at, end in zip(offsets, ends, strict=True)]
    header, at = segments.to_bytes(4, "little"), _RLE_HEADER
    for one in made:
        header += at.to_bytes(4, "little")
        at += len(one)
    return b"".join([header.ljust(_RLE_HEADER, b"\0"), *made])


def _runs(content: bytes, at: int, end: int, left: int) -> bytes:
    """Return the runs of a segment that fill ``left`` bytes, filled up to an even length."""
    made = bytearray()
    while left:
        if at >= end:
            raise NotAStream("a segment without an end")
        head = content[at]
        if head == _NO_OPERATION:
            at += 1
            continue
        length = 257 - head if head > _NO_OPERATION else head + 1
        stored = 1 if head > _NO_OPERATION else length
        if at + 1 + stored > end:
            raise NotAStream("a run without an end")
        if length <= left:
            made += content[at : at + 1 + stored]
        elif head > _NO_OPERATION and left > 1:
            made += bytes((257 - left, content[at + 1]))
        else:
            made += bytes((left - 1,)) + content[at + 1 : at + 1 + left]
        left -= min(left, length)
        at += 1 + stored
    return bytes(made) + b"\0" * (len(made) % 2)


def png_pixels(header: bytes, data: bytes) -> bytes:
    """Return the compressed pixels of a PNG, compressed anew: nothing stands behind the last of them.

    Parameters
    ----------
    header, data
        What is in IHDR, and in all IDAT.

    Raises
    ------
    NotAStream
        When there are fewer pixels than the header says.
    """
    wide, high = int.from_bytes(header[:4]), int.from_bytes(header[4:8])
    bits = header[8] * _CHANNELS[header[9]]
    passes = _PASSES if header[12] else ((0, 0, 1, 1),)
    size = 0
    for left, top, across, down in passes:
        columns, rows = -(-(wide - left) // across), -(-(high - top) // down)
        size += rows * (1 + -(-columns * bits // 8)) if columns > 0 and rows > 0 else 0
    try:
        pixels = zlib.decompressobj().decompress(data, size)
    except zlib.error as error:
        raise NotAStream("pixels that cannot be read") from error
    if not size or len(pixels) < size:
        raise NotAStream("fewer pixels than announced")
    return zlib.compress(pixels)
