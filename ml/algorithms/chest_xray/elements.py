"""The elements of a DICOM file, counted and measured before a parser sees them.

A parser keeps an object per element, stops in silence where a file ends too early, and takes whatever stands
behind the pixels for one element more. Standard library only.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from ml.algorithms.chest_xray.contract import DICOM_MAGIC, DICOM_PREAMBLE

MOST_ELEMENTS = 20_000
"""Elements and items of sequences together; a radiograph has a few hundred."""
DEEPEST = 32
"""Sequences within sequences."""
UNDEFINED = 0xFFFFFFFF
PIXELS = ((0x7FE0, 0x0008), (0x7FE0, 0x0009), (0x7FE0, 0x0010))
PADDING = (0xFFFC, 0xFFFC)
BEHIND = frozenset({*range(0x7FE0, 0x7FF0), 0xFFFA, 0xFFFC})
"""Groups that may stand behind the pixels: private ones of detectors, signatures, padding."""
_ITEM, _ITEM_END, _SEQUENCE_END = (0xFFFE, 0xE000), (0xFFFE, 0xE00D), (0xFFFE, 0xE0DD)
_LONG = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"})
_ITEM_BYTES = b"\xfe\xff\x00\xe0", b"\xff\xfe\xe0\x00"
_SYNTAX = (0x0002, 0x0010)
_BIG_ENDIAN = "1.2.840.10008.1.2.2"


@dataclass(slots=True)
class Walked:
    """What a walk through a file found.

    Parameters
    ----------
    elements
        How many, not counted beyond :data:`MOST_ELEMENTS`.
    crowded
        Whether there are more, or sequences too deep in one another.
    cut
        Whether the last element says it is longer than the file.
    pixels
        Whether pixels stand at the top level.
    foreign
        Whether something stands behind them that no DICOM file has there.
    """

    elements: int = 0
    crowded: bool = False
    cut: bool = False
    pixels: bool = False
    foreign: bool = False


@dataclass(slots=True)
class _Walk:
    content: bytes
    at: int
    order: str = "<"
    explicit: bool = True
    # Where each sequence and item that is open ends; None where a delimiter will say.
    open: list[int | None] = field(default_factory=list)
    fragments: bool = False


def walk(content: bytes) -> Walked:
    """Walk through a whole Part 10 file that is not deflated; never raises."""
    found, walking = Walked(), _Walk(content, DICOM_PREAMBLE + len(DICOM_MAGIC))
    _meta(walking)
    for tag, value, length in _headers(walking):
        found.elements += 1
        if found.elements > MOST_ELEMENTS or len(walking.open) > 2 * DEEPEST:
            found.crowded = True
            return found
        if length != UNDEFINED and value + length > len(content):
            found.cut = True
            found.pixels |= tag in PIXELS and not walking.open
            return found
        if walking.open or tag in (_ITEM, _ITEM_END, _SEQUENCE_END):
            continue
        if found.pixels:
            idle = tag != PADDING or not content[value : value + length].strip(b"\0")
            found.foreign |= tag[0] not in BEHIND or not idle
        found.pixels |= tag in PIXELS
    found.cut = walking.fragments
    return found


def top_level(content: bytes, tag: tuple[int, int]) -> bytes:
    """Return the value of an element outside of any sequence, empty when there is none; never raises."""
    walking = _Walk(content, DICOM_PREAMBLE + len(DICOM_MAGIC))
    _meta(walking)
    for number, (found, value, length) in enumerate(_headers(walking)):
        if number >= MOST_ELEMENTS or len(walking.open) > 2 * DEEPEST:
            break
        if found == tag and not walking.open and length != UNDEFINED:
            return content[value : value + length]
    return b""


def syntax_of(content: bytes) -> str:
    """Return the transfer syntax that a file names, empty when its header cannot be read through."""
    walking = _Walk(content, DICOM_PREAMBLE + len(DICOM_MAGIC))
    syntax = _meta(walking)
    return syntax if walking.at <= len(content) else ""


def _meta(walking: _Walk) -> str:
    """Pass the file header, and learn from it and from the first element behind it how to read on."""
    syntax = b""
    while walking.content[walking.at : walking.at + 2] == b"\x02\x00":
        header = _header(walking)
        if header is None:
            return ""
        tag, value, length = header
        if tag == _SYNTAX:
            syntax = walking.content[value : value + length]
        walking.at = value + length
    named = syntax.strip(b"\0 ").decode("latin-1")
    walking.order = ">" if named == _BIG_ENDIAN else "<"
    # Some writers say one and do the other; parsers go by what is there.
    kind = walking.content[walking.at + 4 : walking.at + 6]
    walking.explicit = kind.isalpha() and kind.isupper()
    return named


def _headers(walking: _Walk) -> Iterator[tuple[tuple[int, int], int, int]]:
    """Yield tag, offset of the value and its length of each element, those in sequences too.

    Before each is yielded, ``walking.open`` says which sequences it stands in.
    """
    while True:
        while walking.open and walking.open[-1] is not None and walking.at >= walking.open[-1]:
            walking.open.pop()
        header = _header(walking)
        if header is None:
            return
        yield header
        _enter_or_pass(walking, *header)


def _enter_or_pass(walking: _Walk, tag: tuple[int, int], value: int, length: int) -> None:
    content = walking.content
    kind = content[walking.at + 4 : walking.at + 6] if walking.explicit else b"SQ"
    walking.at = value
    if tag in (_ITEM_END, _SEQUENCE_END):
        walking.fragments &= tag == _ITEM_END
        if walking.open:
            walking.open.pop()
    elif length == UNDEFINED:
        walking.open.append(None)
        walking.fragments = tag in PIXELS
    elif tag == _ITEM:
        if walking.fragments:
            walking.at = value + length
        else:
            walking.open.append(value + length)
    elif kind in (b"SQ", b"UN") and length and content[value : value + 4] in _ITEM_BYTES:
        walking.open.append(value + length)
    else:
        walking.at = value + length


def _header(walking: _Walk) -> tuple[tuple[int, int], int, int] | None:
    """Read the header of the element at hand; ``None`` where no whole one is left."""
    content, at = walking.content, walking.at
    if at + 8 > len(content):
        return None
    tag = struct.unpack_from(f"{walking.order}HH", content, at)
    if not walking.explicit or tag[0] == _ITEM[0]:
        return tag, at + 8, struct.unpack_from(f"{walking.order}I", content, at + 4)[0]
    if content[at + 4 : at + 6] not in _LONG:
        return tag, at + 8, struct.unpack_from(f"{walking.order}H", content, at + 6)[0]
    if at + 12 > len(content):
        return None
    return tag, at + 12, struct.unpack_from(f"{walking.order}I", content, at + 8)[0]
