"""Hostile DICOM files, made from a small whole X-ray."""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any

import numpy as np
import pydicom
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit, JPEGLSLossless, RLELossless

from tests.chest_phantom import phantom
from tests.dicom_builder import dx_from_jpeg
from tests.hostile.case import ARCHIVES, DOCUMENTS, FOREIGN, NO_NUMBERS, PROGRAMS, Case, Intake, Wrong, noise
from tests.hostile.film_lies import LIES, SYNTAXES
from tests.hostile.jpegs import whole_jpeg
from tests.hostile.pictures import HEIGHT, WIDTH, squeezed

MEBIBYTE = 1 << 20
PREAMBLE = 128
UNDEFINED = 0xFFFFFFFF
LONG_VRS = (b"OB", b"OW", b"OF", b"OD", b"OL", b"SQ", b"UC", b"UN", b"UR", b"UT", b"OV", b"SV", b"UV")


@cache
def whole() -> bytes:
    """Return an X-ray in explicit little endian, eight bits."""
    return written(_object())


def _object() -> Dataset:
    dataset = dx_from_jpeg(phantom(HEIGHT, WIDTH))
    for number, keyword in enumerate(("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")):
        setattr(dataset, keyword, f"1.2.826.0.1.3680043.8.498.{number + 1}")
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    return dataset


def written(dataset: Dataset) -> bytes:
    """Return a data set as a DICOM Part 10 file."""
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def saying(*, pixels: int | None = None, **said: Any) -> bytes:
    """Return an X-ray with attributes replaced, and only the first ``pixels`` bytes of its pixels."""
    dataset = _object()
    with pydicom.config.disable_value_validation(), warnings.catch_warnings(action="ignore"):
        for keyword, value in said.items():
            setattr(dataset, keyword, value)
        if pixels is not None:
            dataset.PixelData = dataset.PixelData[:pixels]
        return written(dataset)


def cases() -> Iterator[Case]:
    """Yield every hostile film."""
    case = partial(Case, Intake.DICOM)
    yield case(Wrong.EMPTY, "nothing at all", bytes)
    yield from _truncated(case)
    yield from _lengths(case)
    yield from _attributes(case)
    yield from _foreign(case)
    yield from _pixels(case)
    yield from _structures(case)
    for name, size in (("64 MiB and a byte", (64 << 20) + 1), ("2 GiB", 2 << 30)):
        yield case(Wrong.SPARSE, f"a film stretched to {name}", whole, sparse=size)
    yield case(Wrong.SPARSE, "a preamble and 63 MiB of nothing", partial(_cut, 132), sparse=63 << 20)
    yield case(Wrong.SPARSE, "2 GiB of nothing", bytes, sparse=2 << 30)


def _elements() -> Iterator[tuple[str, int, int, int]]:
    """Yield name, offset, offset of the value and its length of every element, meta elements included."""
    content, at = whole(), PREAMBLE + 4
    while at < len(content):
        group, element = struct.unpack_from("<HH", content, at)
        if content[at + 4 : at + 6] in LONG_VRS:
            value, length = at + 12, struct.unpack_from("<I", content, at + 8)[0]
        else:
            value, length = at + 8, struct.unpack_from("<H", content, at + 6)[0]
        name = pydicom.datadict.keyword_for_tag((group, element))
        yield name or f"{group:04x}{element:04x}", at, value, length
        at = value + length


def _truncated(case: Callable[..., Case]) -> Iterator[Case]:
    for cut in (1, 64, 127, 128, 129, 131, 132):
        yield case(Wrong.TRUNCATED, f"cut after {cut} bytes", partial(_cut, cut))
    for name, at, value, length in _elements():
        cuts = {
            "before": at,
            "in the tag of": at + 2,
            "in the kind of": at + 5,
            "in the length of": value - 1,
            "before the value of": value,
            "in the middle of": value + length // 2,
        }
        for where, cut in cuts.items():
            if cut > PREAMBLE + 4:
                yield case(Wrong.TRUNCATED, f"cut {where} {name}", partial(_cut, cut))
    for less in (1, 2, 100, 30_000):
        yield case(Wrong.TRUNCATED, f"cut {less} bytes before the end", partial(_cut, -less))


def _lengths(case: Callable[..., Case]) -> Iterator[Case]:
    for name, at, value, length in _elements():
        wide = value - at == 12
        form = "<I" if wide else "<H"
        for said in (0x7FFFFFFE, UNDEFINED, length + 70_000) if wide else (0xFFFF, 0xFFFE, 20_001):
            told = partial(_patched, value - (4 if wide else 2), struct.pack(form, said))
            yield case(Wrong.LYING, f"{name} says it has {said} bytes", told)


SKIPPABLE = ()


def _attributes(case: Callable[..., Case]) -> Iterator[Case]:
    for keyword, lies in LIES.items():
        for said in lies:
            more = {"RescaleIntercept": "0"} if keyword == "RescaleSlope" else {}
            yield case(Wrong.LYING, f"{keyword} says {said!r}", partial(saying, **{keyword: said}, **more))
    for keyword in ("RescaleSlope", "RescaleIntercept"):
        other = {"RescaleSlope": "1", "RescaleIntercept": "0"}
        for said in NO_NUMBERS:
            if said != "1_0" and said:
                make = partial(_raw_number, keyword, said, other)
                yield case(Wrong.NUMBER, f"{keyword} holds {said!a}", make)
    for keyword in (
        "Rows",
        "Columns",
        "BitsAllocated",
        "BitsStored",
        "SamplesPerPixel",
        "PhotometricInterpretation",
        "PixelData",
    ):
        yield case(Wrong.DAMAGED, f"{keyword} is missing", partial(_without, keyword))
    for keyword in ("Rows", "Columns", "BitsAllocated"):
        for kind, value in (
            ("DS", "NaN"),
            ("LO", "=1+1"),
            ("OB", b"\xff" * 8),
            ("FD", float("nan")),
            ("US", [1, 2]),
            ("SQ", []),
            ("LT", "1" * 300),
        ):
            make = partial(_of_kind, keyword, kind, value)
            yield case(Wrong.TYPE, f"{keyword} is a {kind} of {value!a:.20}", make)


def _foreign(case: Callable[..., Case]) -> Iterator[Case]:
    for name, magic in FOREIGN.items():
        yield case(Wrong.MAGIC, f"a {name} by another name", partial(bytes.__add__, magic, noise(name, 2000)))
    for name, magic in (PROGRAMS | ARCHIVES | DOCUMENTS).items():
        yield case(Wrong.EXECUTABLE, f"a {name} in its preamble", partial(_patched, 0, magic))
        yield case(Wrong.POLYGLOT, f"a {name} behind the pixels", partial(_with, magic + noise(name, 300)))
    for magic in (b"dicm", b"DICN", b"DIC\0", b"ICMD", b"\0\0\0\0"):
        yield case(Wrong.MAGIC, f"{magic!r} for its magic bytes", partial(_patched, PREAMBLE, magic))
    yield case(Wrong.MAGIC, "no preamble", lambda: whole()[PREAMBLE + 4 :])
    yield case(Wrong.MAGIC, "a data set without its header", lambda: whole()[_first_of_data() :])
    yield case(Wrong.POLYGLOT, "a picture behind the pixels", lambda: whole() + whole_jpeg())
    yield case(Wrong.POLYGLOT, "a second film behind the first", lambda: whole() + whole())
    for name, uid in SYNTAXES.items():
        yield case(Wrong.LYING, f"says its pixels are {name}", partial(_claiming, uid))


def _pixels(case: Callable[..., Case]) -> Iterator[Case]:
    for kept in (0, 2, 1000, HEIGHT * WIDTH - 2, HEIGHT * WIDTH // 2):
        yield case(Wrong.TRUNCATED, f"only {kept} bytes of its pixels", partial(saying, pixels=kept))
    jpeg = whole_jpeg()
    at = jpeg.index(b"\xff\xc0") + 5
    huge = jpeg[:at] + struct.pack(">HH", 65_000, 65_000) + jpeg[at + 4 :]
    progressive = whole_jpeg(progressive=True)
    last = progressive.rindex(b"\xff\xda")
    bodies = {
        "two zeros": b"\0\0",
        "noise": noise("pixels", 5000),
        "half a JPEG": jpeg[: len(jpeg) // 2],
        "zeros": bytes(5000),
        "a JPEG of 65,000 × 65,000": huge,
        "a program": b"MZ" + noise("mz", 3000),
        "a bare marker": b"\xff\xd8\xff\xd9",
        "a PNG": b"\x89PNG\r\n\x1a\n" + bytes(100),
        "a JPEG in 2,000 scans": progressive[:last] + progressive[last:-2] * 2000 + progressive[-2:],
    }
    for syntax in (JPEGBaseline8Bit, JPEG2000Lossless, JPEGLSLossless, RLELossless, "1.2.840.10008.1.2.4.70"):
        for name, body in bodies.items():
            make = partial(_encapsulated, syntax, (body,))
            yield case(Wrong.DAMAGED, f"{name} for pixels of {pydicom.uid.UID(syntax).name:.30}", make)
    yield case(
        Wrong.BOMB,
        "a hundred thousand fragments",
        partial(_encapsulated, JPEGBaseline8Bit, (b"\0\0",) * 100_000),
    )
    yield case(
        Wrong.LYING,
        "pixels of another size than its rows",
        partial(_encapsulated, JPEGBaseline8Bit, (jpeg,), Rows=100),
    )
    yield case(Wrong.LYING, "RLE of 15 segments at the end of the world", partial(_rle, 15, UNDEFINED))
    yield case(Wrong.LYING, "RLE of four billion segments", partial(_rle, UNDEFINED, 64))
    yield case(Wrong.BOMB, "RLE that repeats without end", partial(_rle, 1, 64, b"\x81\0" * 30_000_000))
    yield case(
        Wrong.BOMB,
        "JPEG 2000 of 65,535 × 65,535",
        partial(_encapsulated, JPEG2000Lossless, (_j2k(65_535, 65_535),)),
    )
    yield case(
        Wrong.BOMB,
        "JPEG 2000 of 2³² × 2³²",
        partial(_encapsulated, JPEG2000Lossless, (_j2k(2**32 - 1, 2**32 - 1),)),
    )
    yield case(Wrong.NUMBER, "floating point pixels of NaN", partial(_floating, np.nan))
    yield case(Wrong.NUMBER, "floating point pixels of infinity", partial(_floating, np.inf))
    yield case(Wrong.NUMBER, "floating point pixels beyond float32", partial(_floating, 1e300, double=True))


def _structures(case: Callable[..., Case]) -> Iterator[Case]:
    for size in (1, 64, 512):
        yield case(Wrong.BOMB, f"deflated, {size} MiB when opened", partial(_deflated, size))
    yield case(Wrong.BOMB, "deflated noise", partial(_deflated_as, noise("deflated", 3000)))
    for depth in (100, 1000, 20_000):
        yield case(Wrong.BOMB, f"sequences {depth} deep", partial(_nested, depth, False))
        yield case(Wrong.BOMB, f"sequences {depth} deep of undefined length", partial(_nested, depth, True))
    yield case(Wrong.BOMB, "half a million empty elements", partial(_crowded, 500_000))
    yield case(Wrong.BOMB, "a sequence of half a million items", partial(_items, 500_000))
    yield case(Wrong.LYING, "a table of contents", lambda: _class_in_meta("1.2.840.10008.1.3.10"))
    yield case(Wrong.DAMAGED, "noise for a data set", lambda: bytes(128) + b"DICM" + bytes(range(256)) * 8)
    for number in range(20):
        broken = noise(f"film {number}", 4000)
        yield case(Wrong.DAMAGED, f"noise {number} behind its header", partial(_headed, broken))
    yield case(Wrong.DAMAGED, "no elements at all", lambda: whole()[: _first_of_data()])
    yield case(Wrong.DAMAGED, "elements in reverse", _reversed)


def _cut(at: int) -> bytes:
    return whole()[:at]


def _with(tail: bytes) -> bytes:
    return whole() + tail


def _patched(at: int, by: bytes) -> bytes:
    content = whole()
    return content[:at] + by + content[at + len(by) :]


def _first_of_data() -> int:
    return next(at for name, at, _, _ in _elements() if not name.startswith(META))


META = ("FileMeta", "MediaStorage", "TransferSyntax", "Implementation")


def _headed(data: bytes) -> bytes:
    return whole()[: _first_of_data()] + data


def _reversed() -> bytes:
    content = whole()
    parts = [
        content[at : value + length] for name, at, value, length in _elements() if not name.startswith(META)
    ]
    return _headed(b"".join(reversed(parts)))


def _claiming(uid: str) -> bytes:
    """Return the film with another transfer syntax in its header and the same bytes behind it."""
    content = whole()
    place = next(found for found in _elements() if found[0] == "TransferSyntaxUID")
    _, at, value, length = place
    said = uid.encode() + b"\0" * (len(uid) % 2)
    grown = content[: at + 6] + struct.pack("<H", len(said)) + said + content[value + length :]
    _, _, first, _ = next(_elements())
    total = struct.unpack_from("<I", content, first)[0] + len(said) - length
    return grown[:first] + struct.pack("<I", total) + grown[first + 4 :]


def _class_in_meta(uid: str) -> bytes:
    dataset = _object()
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = uid
    return written(dataset)


def _raw_number(keyword: str, said: str, other: dict[str, str]) -> bytes:
    mark = "1234567890.12345"
    return saying(**other | {keyword: mark}).replace(mark.encode(), said.encode().ljust(len(mark)))


def _of_kind(keyword: str, kind: str, value: Any) -> bytes:
    dataset = _object()
    with pydicom.config.disable_value_validation(), warnings.catch_warnings(action="ignore"):
        dataset[keyword] = DataElement(pydicom.datadict.tag_for_keyword(keyword), kind, value)
        return written(dataset)


def _without(keyword: str) -> bytes:
    dataset = _object()
    del dataset[keyword]
    return written(dataset)


def _encapsulated(syntax: str, fragments: tuple[bytes, ...], **said: Any) -> bytes:
    dataset = _object()
    for keyword, value in said.items():
        setattr(dataset, keyword, value)
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.PixelData = encapsulate(list(fragments), has_bot=False)
    dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True
    return written(dataset)


def _rle(segments: int, offset: int, body: bytes = b"", **said: Any) -> bytes:
    header = struct.pack("<16I", segments, *[offset] * 15)
    return _encapsulated(RLELossless, (header + (body or noise("rle", 1000)),), **said)


def _j2k(width: int, height: int) -> bytes:
    """Return the beginning of a JPEG 2000 codestream of one tile of that size."""
    size = struct.pack(">HIIIIIIIIHBBB", 0, width, height, 0, 0, width, height, 0, 0, 1, 7, 1, 1)
    coding = b"\xff\x52\0\x0c\0\0\0\1\0\5\4\4\0\1"
    quantised = b"\xff\x5c\0\x13\x40" + b"\x40" * 16
    return b"\xff\x4f\xff\x51" + struct.pack(">H", len(size) + 2) + size + coding + quantised + b"\xff\xd9"


def _floating(value: float, *, double: bool = False) -> bytes:
    dataset = _object()
    del dataset.PixelData
    kind = np.float64 if double else np.float32
    pixels = np.full((HEIGHT, WIDTH), value, kind)
    pixels[::2] *= -1
    dataset.BitsAllocated = 64 if double else 32
    for keyword in ("BitsStored", "HighBit", "PixelRepresentation"):
        del dataset[keyword]
    if double:
        dataset.DoubleFloatPixelData = pixels.tobytes()
    else:
        dataset.FloatPixelData = pixels.tobytes()
    return written(dataset)


def _deflated(mebibytes: int) -> bytes:
    return _deflated_as(squeezed(MEBIBYTE, mebibytes)[2:-4])


def _deflated_as(packed: bytes) -> bytes:
    claimed = _claiming("1.2.840.10008.1.2.1.99")
    content = whole()
    grown = len(claimed) - len(content)
    return claimed[: _first_of_data() + grown] + packed


def _nested(depth: int, undefined: bool) -> bytes:
    if undefined:
        begin = b"\x08\0\x15\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff"
        end = b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"
        return _headed(begin * depth + end * depth)
    sequence, item = b"\x08\0\x15\x11SQ\0\0", b"\xfe\xff\0\xe0"
    lengths = range(20 * (depth - 1), -1, -20)
    return _headed(
        b"".join(sequence + struct.pack("<I", n + 8) + item + struct.pack("<I", n) for n in lengths)
    )


def _crowded(count: int) -> bytes:
    tags = (struct.pack("<HH", 0x0009 + 2 * (n >> 16), n & 0xFFFF) + b"LO\0\0" for n in range(count))
    return _headed(b"".join(tags))


def _items(count: int) -> bytes:
    items = b"\xfe\xff\0\xe0\0\0\0\0" * count
    return _headed(b"\x08\0\x15\x11SQ\0\0" + struct.pack("<I", len(items)) + items)
