"""Hostile JPEG files, made from a small whole picture."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Iterator
from functools import cache, partial
from itertools import product

from PIL import Image

from tests.chest_phantom import phantom
from tests.hostile.case import Case, Intake, Wrong, noise
from tests.hostile.pictures import HEIGHT, WIDTH, of_any_picture, patched, shortened

JPEG_LARGE = (12_001, 20_000, 40_000, 65_000, 65_535)


@cache
def whole_jpeg(**options: int) -> bytes:
    """Return a JPEG of the phantom."""
    buffer = io.BytesIO()
    Image.fromarray(phantom(HEIGHT, WIDTH)).save(buffer, "JPEG", quality=90, **options)
    return buffer.getvalue()


def jpeg_saying(width: int, height: int) -> bytes:
    """Return a JPEG whose frame header claims another size."""
    content = whole_jpeg()
    at = content.index(b"\xff\xc0") + 5
    return content[:at] + struct.pack(">HH", height, width) + content[at + 4 :]


def cases() -> Iterator[Case]:
    """Yield every hostile JPEG."""
    case = partial(Case, Intake.JPEG)
    yield from of_any_picture(whole_jpeg, case)
    yield from _jpegs(case)


def _jpegs(case: Callable[..., Case]) -> Iterator[Case]:
    content = whole_jpeg()
    for number, (at, marker, length) in enumerate(_segments(content)):
        name = f"segment {number} ({marker:X})"
        cuts = {"before": at, "in the marker of": at + 1}
        if marker != 0xD9:
            cuts["after the marker of"] = at + 2
        if length:
            cuts |= {
                "in the length of": at + 3,
                "after the length of": at + 4,
                "in the middle of": at + 2 + length // 2,
                "at the end of": at + 1 + length,
            }
            for said in (0, 1, 2, 3, length - 1, length + 1, 65_535):
                if said != length:
                    told = partial(patched, whole_jpeg, at + 2, said.to_bytes(2, "big"))
                    if not _may_lie(marker, said, length):
                        yield case(Wrong.LYING, f"{name} says it has {said} bytes", told)
        for where, cut in cuts.items():
            yield case(Wrong.TRUNCATED, f"cut {where} {name}", partial(shortened, whole_jpeg, cut))
    for share in range(1, 20):
        at = content.index(b"\xff\xda") + 14
        cut = at + (len(content) - at - 2) * share // 20
        yield case(
            Wrong.TRUNCATED, f"cut after {share} twentieths of its scan", partial(shortened, whole_jpeg, cut)
        )
    yield case(Wrong.TRUNCATED, "its end marker missing", partial(shortened, whole_jpeg, -2))
    yield case(Wrong.TRUNCATED, "half of its end marker missing", partial(shortened, whole_jpeg, -1))
    yield from _jpeg_frames(case)
    yield from _jpeg_bombs(case)


def _jpeg_frames(case: Callable[..., Case]) -> Iterator[Case]:
    at = whole_jpeg().index(b"\xff\xc0")
    for width, height in product((*JPEG_LARGE, WIDTH), (*JPEG_LARGE, HEIGHT)):
        if (width, height) != (WIDTH, HEIGHT):
            yield case(Wrong.HUGE, f"says it is {width} × {height}", partial(jpeg_saying, width, height))
    for width, height in ((0, HEIGHT), (WIDTH, 0), (0, 0)):
        yield case(Wrong.LYING, f"says it is {width} × {height}", partial(jpeg_saying, width, height))
    for bits in (0, 1, 2, 7, 9, 10, 11, 12, 16, 255):
        yield case(Wrong.LYING, f"says {bits} bits", partial(patched, whole_jpeg, at + 4, bytes([bits])))
    for parts in (0, 2, 3, 4, 5, 255):
        yield case(
            Wrong.LYING, f"says {parts} channels", partial(patched, whole_jpeg, at + 9, bytes([parts]))
        )
    for marker in (0xC1, 0xC3, 0xC5, 0xC6, 0xC7, 0xC8, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF, 0xF7, 0x00):
        renamed = partial(patched, whole_jpeg, at + 1, bytes([marker]))
        if marker != 0xC1:
            yield case(Wrong.LYING, f"its frame is marked {marker:X}", renamed)
    for sampling in (0x00, 0x01, 0x10, 0x51, 0xFF):
        made = partial(patched, whole_jpeg, at + 11, bytes([sampling]))
        yield case(Wrong.LYING, f"sampled {sampling:02X}", made)
    for table in (1, 2, 3, 4, 255):
        made = partial(patched, whole_jpeg, at + 12, bytes([table]))
        yield case(Wrong.LYING, f"quantised by table {table}, which is not there", made)


def _jpeg_bombs(case: Callable[..., Case]) -> Iterator[Case]:
    for scans in (65, 500, 2000):
        yield case(Wrong.BOMB, f"an image in {scans} scans", partial(_of_scans, scans))
    yield case(Wrong.DAMAGED, "no scan at all", _without(0xDA))
    yield case(Wrong.DAMAGED, "no frame", _without(0xC0))
    yield case(Wrong.DAMAGED, "no Huffman tables and no frame", _without(0xC4, 0xC0))
    yield case(Wrong.DAMAGED, "no quantisation tables", _without(0xDB))
    yield case(Wrong.DAMAGED, "its frame twice", _frame_twice)
    yield case(Wrong.DAMAGED, "begins twice", _begins_twice)
    yield case(Wrong.BOMB, "a thousand frames", partial(_frame_twice, 1000))
    yield case(Wrong.LYING, "progressive, by its marker alone", partial(_marked_progressive))
    for name, body in (
        ("noise", noise("jpeg", 4000)),
        ("markers", b"\xff\xd9" * 50),
        ("fill", b"\xff" * 4000),
    ):
        yield case(Wrong.DAMAGED, f"magic bytes and {name}", partial(bytes.__add__, b"\xff\xd8\xff", body))


def _segments(content: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield offset, marker and length (0 for none) of every segment up to the coded data, and the end."""
    yield 0, 0xD8, 0
    at = 2
    while True:
        marker, length = content[at + 1], int.from_bytes(content[at + 2 : at + 4], "big")
        yield at, marker, length
        if marker == 0xDA:
            yield len(content) - 2, 0xD9, 0
            return
        at += 2 + length


def _may_lie(marker: int, said: int, length: int) -> bool:
    """Whether a segment of that kind may say so and still be read: a comment, the tail of a header."""
    return marker == 0xE0 and said < length


def _without(*markers: int) -> Callable[[], bytes]:
    return partial(_dropped, markers)


def _dropped(markers: tuple[int, ...]) -> bytes:
    content, kept, at = whole_jpeg(), b"", 0
    for start, marker, length in _segments(content):
        if marker in markers:
            kept += content[at:start]
            at = start + 2 + length
    return kept + content[at:]


def _frame_twice(times: int = 2) -> bytes:
    content = whole_jpeg()
    at = content.index(b"\xff\xc0")
    return content[:at] + content[at : at + 13] * times + content[at + 13 :]


def _begins_twice() -> bytes:
    return whole_jpeg()[:2] + whole_jpeg()


def _marked_progressive() -> bytes:
    content = whole_jpeg()
    return content.replace(b"\xff\xc0", b"\xff\xc2", 1)


def _of_scans(count: int) -> bytes:
    """Return a progressive JPEG whose last scan is there ``count`` times over."""
    content = whole_jpeg(progressive=True)
    last = content.rindex(b"\xff\xda")
    return content[:last] + content[last:-2] * count + content[-2:]
