"""Hostile PNG files, made from a small whole picture, and what is wrong with any picture."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from functools import cache, partial
from itertools import product

from tests.chest_phantom import phantom
from tests.hostile.case import DOCUMENTS, FOREIGN, PROGRAMS, Case, Intake, Wrong, noise

HEIGHT, WIDTH = 240, 280
PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
MEBIBYTE = 1 << 20
LARGE = (12_001, 20_000, 65_535, 2**31 - 1, 2**31, 2**32 - 1)
COLOURS, DEPTHS = range(8), (0, 1, 2, 3, 4, 8, 16, 32, 255)
LEGAL = {
    (0, 1),
    (0, 2),
    (0, 4),
    (0, 8),
    (0, 16),
    (2, 8),
    (2, 16),
    (3, 1),
    (3, 2),
    (3, 4),
    (3, 8),
    (4, 8),
    (4, 16),
    (6, 8),
    (6, 16),
}


def chunk(kind: bytes, content: bytes) -> bytes:
    """Return one PNG chunk with its checksum."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def ihdr(width: int, height: int, depth: int = 8, colour: int = 0, *rest: int) -> bytes:
    """Return the header chunk of a PNG."""
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, *(rest or (0, 0, 0))))


def png(width: int, height: int, *, said: tuple[int, int] | None = None, extra: bytes = b"") -> bytes:
    """Return a valid black PNG, one bit per pixel; ``said`` is the size its header claims instead."""
    rows = squeezed(1 + (width + 7) // 8, height)
    head = ihdr(*(said or (width, height)), 1)
    return PNG_MAGIC + head + extra + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def squeezed(size: int, times: int = 1) -> bytes:
    """Return ``size`` zeros ``times`` times, as small as they get."""
    packed, zeros = zlib.compressobj(9), bytes(size)
    return b"".join(packed.compress(zeros) for _ in range(times)) + packed.flush()


def text_bomb(inflated: int = 256 * MEBIBYTE) -> bytes:
    """Return a small picture whose comment inflates to ``inflated`` bytes."""
    return png(300, 300, extra=chunk(b"zTXt", b"Comment\0\0" + squeezed(MEBIBYTE, inflated // MEBIBYTE)))


@cache
def whole_png() -> bytes:
    """Return a grey PNG of the phantom in three pieces."""
    rows = b"".join(b"\0" + row.tobytes() for row in phantom(HEIGHT, WIDTH))
    packed = zlib.compress(rows, 9)
    third = len(packed) // 3
    pieces = (packed[:third], packed[third : 2 * third], packed[2 * third :])
    return (
        PNG_MAGIC
        + ihdr(WIDTH, HEIGHT)
        + b"".join(chunk(b"IDAT", one) for one in pieces)
        + chunk(b"IEND", b"")
    )


def cases() -> Iterator[Case]:
    """Yield every hostile PNG."""
    case = partial(Case, Intake.PNG)
    yield from of_any_picture(whole_png, case)
    yield from _pngs(case)


def of_any_picture(whole: Callable[[], bytes], case: Callable[..., Case]) -> Iterator[Case]:
    """Yield what can be wrong with a picture of any format, made from a whole one."""
    yield case(Wrong.EMPTY, "nothing at all", bytes)
    yield from _foreign(whole, case)
    for name, size in (("64 MiB and a byte", (64 << 20) + 1), ("2 GiB", 2 << 30)):
        yield case(Wrong.SPARSE, f"a picture stretched to {name}", whole, sparse=size)
    yield case(Wrong.SPARSE, "2 GiB of nothing", bytes, sparse=2 << 30)
    yield case(
        Wrong.SPARSE, "magic bytes and 63 MiB of nothing", partial(shortened, whole, 8), sparse=63 << 20
    )


def _foreign(whole: Callable[[], bytes], case: Callable[..., Case]) -> Iterator[Case]:
    for name, magic in FOREIGN.items():
        yield case(Wrong.MAGIC, f"a {name} by another name", partial(bytes.__add__, magic, noise(name, 2000)))
        yield case(Wrong.MAGIC, f"a picture behind the magic of a {name}", partial(_laid_over, whole, magic))
    for name, magic in (PROGRAMS | DOCUMENTS).items():
        tail = magic + noise(name, 300)
        yield case(Wrong.POLYGLOT, f"a {name} behind the picture", partial(_with, whole, tail))
        yield case(
            Wrong.POLYGLOT, f"a {name}, padded, behind the picture", partial(_with, whole, bytes(4096) + tail)
        )
        yield case(Wrong.EXECUTABLE, f"a {name} before the picture", partial(_before, whole, tail))
    for name, archive in (("ZIP", b"PK\x03\x04"), ("RAR", b"Rar!\x1a\x07\0"), ("7z", b"7z\xbc\xaf\x27\x1c")):
        hidden = partial(_with, whole, archive + noise(name, 500))
        yield case(Wrong.POLYGLOT, f"a {name} archive behind the picture", hidden)
    yield case(Wrong.POLYGLOT, "a second picture behind the first", partial(_doubled, whole))
    for size in (1, 7, 4096, MEBIBYTE):
        yield case(Wrong.POLYGLOT, f"{size} bytes behind the picture", partial(_with, whole, b"x" * size))


def _pngs(case: Callable[..., Case]) -> Iterator[Case]:
    content = whole_png()
    for number, (at, kind, length) in enumerate(_chunks(content)):
        name = f"chunk {number} ({kind})"
        cuts = {
            "before": at,
            "in the length of": at + 2,
            "after the length of": at + 4,
            "in the kind of": at + 6,
            "before the content of": at + 8,
            "in the middle of": at + 8 + length // 2,
            "before the checksum of": at + 8 + length,
            "in the checksum of": at + 10 + length,
        }
        for where, cut in cuts.items():
            if where != "in the middle of" or length:
                yield case(Wrong.TRUNCATED, f"cut {where} {name}", partial(shortened, whole_png, cut))
        for said in {0, 1, length - 1, length + 1, 2**31 - 1, 2**31, 2**32 - 1} - {length, -1}:
            told = partial(patched, whole_png, at, said.to_bytes(4, "big"))
            yield case(Wrong.LYING, f"{name} says it has {said} bytes", told)
        wrong_sum = partial(patched, whole_png, at + 8 + length, b"\0\1\2\3")
        yield case(Wrong.DAMAGED, f"{name} has a wrong checksum", wrong_sum)
        for other in (b"IDAT", b"IHDR", b"IEND", b"XXXX", b"\0\0\0\0", b"PLTE"):
            if other.decode("latin-1") != kind:
                renamed = partial(_renamed, at, length, other)
                yield case(Wrong.DAMAGED, f"{name} is called {other!r}", renamed)
    yield from _png_headers(case)
    yield from _png_rows(case)
    yield from _png_bombs(case)


def _png_headers(case: Callable[..., Case]) -> Iterator[Case]:
    for side in LARGE:
        yield case(Wrong.HUGE, f"says it is {side} wide", partial(png, 300, 300, said=(side, 300)))
        yield case(Wrong.HUGE, f"says it is {side} high", partial(png, 300, 300, said=(300, side)))
        yield case(Wrong.HUGE, f"says it is {side} each way", partial(png, 300, 300, said=(side, side)))
    for width, height in (
        (0, 300),
        (300, 0),
        (0, 0),
        (299, 300),
        (300, 299),
        (301, 301),
        (4000, 4000),
        (7000, 5000),
    ):
        if (width + 7) // 8 != 38 or height != 300:
            yield case(
                Wrong.LYING, f"says it is {width} × {height}", partial(png, 300, 300, said=(width, height))
            )
    for colour, depth in product(COLOURS, DEPTHS):
        if (colour, depth) != (0, 8):
            kind = "no legal" if (colour, depth) not in LEGAL else "another"
            made = partial(_headed, WIDTH, HEIGHT, depth, colour, 0, 0, 0)
            yield case(Wrong.LYING, f"{kind} kind: colour {colour}, {depth} bits", made)
    for place, name in enumerate(("compression", "filter", "interlace")):
        for said in (1, 2, 255):
            rest = [0, 0, 0]
            rest[place] = said
            made = partial(_headed, WIDTH, HEIGHT, 8, 0, *rest)
            yield case(Wrong.LYING, f"{name} method {said}", made)


def _png_rows(case: Callable[..., Case]) -> Iterator[Case]:
    size = HEIGHT * (WIDTH + 1)
    for rows in (0, 1, HEIGHT // 2, HEIGHT - 1):
        made = partial(_of_rows, zlib.compress(bytes(rows * (WIDTH + 1))))
        yield case(Wrong.TRUNCATED, f"only {rows} of its rows", made)
    yield case(
        Wrong.TRUNCATED, "a byte less than its rows", partial(_of_rows, zlib.compress(bytes(size - 1)))
    )
    for name, packed in (
        ("noise", noise("rows", 5000)),
        ("nothing", b""),
        ("a bare zlib header", b"x\x9c"),
        ("unpacked zeros", bytes(size)),
        ("zlib cut short", zlib.compress(noise("cut", size))[:-9]),
        ("raw deflate", zlib.compress(bytes(size))[2:-4]),
        ("gzip", b"\x1f\x8b\x08\0" + bytes(50)),
        ("a preset dictionary", b"x\xbb\0\0\0\0" + bytes(20)),
        ("a window larger than allowed", b"\x88\x1c" + zlib.compress(bytes(size))[2:]),
    ):
        yield case(Wrong.DAMAGED, f"{name} for its coded data", partial(_of_rows, packed))
    for filter_ in (5, 99, 255):
        packed = zlib.compress((bytes([filter_]) + bytes(WIDTH)) * HEIGHT)
        yield case(Wrong.DAMAGED, f"rows of filter {filter_}", partial(_of_rows, packed))


def _png_bombs(case: Callable[..., Case]) -> Iterator[Case]:
    yield case(Wrong.BOMB, "30,000 × 30,000 black pixels", partial(png, 30_000, 30_000))
    yield case(Wrong.BOMB, "12,000 × 12,000 black pixels", partial(png, 12_000, 12_000))
    yield case(Wrong.BOMB, "a comment of 256 MiB", text_bomb)
    for kind, head in ((b"zTXt", b"Comment\0\0"), (b"iTXt", b"Comment\0\1\0\0\0"), (b"iCCP", b"profile\0\0")):
        extra = partial(_bomb_chunk, kind, head, 64)
        yield case(Wrong.BOMB, f"a {kind.decode()} chunk of 64 MiB", extra)
    yield case(Wrong.BOMB, "a thousand comments of half a MiB", _many_comments)
    yield case(Wrong.BOMB, "coded data of a GiB for 240 rows", partial(_bomb_rows, 1024))
    yield case(
        Wrong.BOMB,
        "a byte more than its rows",
        partial(_of_rows, zlib.compress(bytes(HEIGHT * (WIDTH + 1) + 1))),
    )
    twice = zlib.compress(bytes(HEIGHT * (WIDTH + 1))) + zlib.compress(b"MZ" + bytes(999))
    yield case(Wrong.POLYGLOT, "a second stream behind its coded data", partial(_of_rows, twice))
    yield case(Wrong.BOMB, "an animation of 4,294,967,295 frames", partial(_animated, 2**32 - 1))
    yield case(Wrong.LYING, "an animation of two frames and one there", partial(_animated, 2))


def shortened(whole: Callable[[], bytes], at: int) -> bytes:
    return whole()[:at]


def _with(whole: Callable[[], bytes], tail: bytes) -> bytes:
    return whole() + tail


def _before(whole: Callable[[], bytes], head: bytes) -> bytes:
    return head + whole()


def _doubled(whole: Callable[[], bytes]) -> bytes:
    return whole() + whole()


def _laid_over(whole: Callable[[], bytes], magic: bytes) -> bytes:
    return magic + whole()[len(magic) :]


def patched(whole: Callable[[], bytes], at: int, by: bytes) -> bytes:
    content = whole()
    return content[:at] + by + content[at + len(by) :]


def _chunks(content: bytes) -> Iterator[tuple[int, str, int]]:
    at = len(PNG_MAGIC)
    while at < len(content):
        length = int.from_bytes(content[at : at + 4], "big")
        yield at, content[at + 4 : at + 8].decode(), length
        at += 12 + length


def _renamed(at: int, length: int, kind: bytes) -> bytes:
    content = whole_png()
    return content[:at] + chunk(kind, content[at + 8 : at + 8 + length]) + content[at + 12 + length :]


def _headed(*fields: int) -> bytes:
    return PNG_MAGIC + ihdr(*fields) + whole_png()[33:]


def _of_rows(packed: bytes) -> bytes:
    return PNG_MAGIC + ihdr(WIDTH, HEIGHT) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def _bomb_rows(mebibytes: int) -> bytes:
    return _of_rows(squeezed(MEBIBYTE, mebibytes))


def _bomb_chunk(kind: bytes, head: bytes, mebibytes: int) -> bytes:
    return png(300, 300, extra=chunk(kind, head + squeezed(MEBIBYTE, mebibytes)))


def _many_comments() -> bytes:
    return png(300, 300, extra=chunk(b"zTXt", b"Comment\0\0" + squeezed(MEBIBYTE // 2)) * 1000)


def _animated(frames: int) -> bytes:
    control = chunk(b"acTL", struct.pack(">II", frames, 0))
    frame = chunk(b"fcTL", struct.pack(">IIIIIHHBB", 0, 300, 300, 0, 0, 1, 1, 0, 0))
    return png(300, 300, extra=control + frame)
