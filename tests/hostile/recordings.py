"""Hostile EDF and BDF recordings, made from a small whole one."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from functools import cache, partial

import numpy as np

from tests.hostile.case import DOCUMENTS, FOREIGN, NO_NUMBERS, PROGRAMS, Case, Intake, Wrong, noise
from tests.sleep_files import Channel, recording

SECONDS = 60
LABELS = ("EEG C3-A2", "EOG L")
MAIN = (
    ("version", 8),
    ("patient", 80),
    ("recording", 80),
    ("start date", 8),
    ("start time", 8),
    ("header bytes", 8),
    ("reserved", 44),
    ("records", 8),
    ("record seconds", 8),
    ("signals", 4),
)
PER_SIGNAL = (
    ("label", 16),
    ("transducer", 80),
    ("unit", 8),
    ("physical minimum", 8),
    ("physical maximum", 8),
    ("digital minimum", 8),
    ("digital maximum", 8),
    ("prefilter", 80),
    ("samples", 8),
    ("reserved", 32),
)
LIES: dict[str, tuple[str, ...]] = {
    "header bytes": ("0", "1", "255", "256", "512", "767", "769", "1024", "-768", "99999999", "-1", "7.68e2"),
    "records": ("0", "-1", "-2", "-60", "1", "59", "61", "120", "99999999", "6e1", "60.0", "60,0"),
    "record seconds": ("-1", "-0.001", "1e-300", "1e-9", "1e300", "99999999", "9e99", "1e308", "0"),
    "signals": ("0", "-1", "-2", "1", "3", "4", "1024", "1025", "9999", "2.0", "2e0", "02 2"),
}
"""Numbers that can be read and are not true."""
SIGNAL_LIES: dict[str, tuple[str, ...]] = {
    "samples": ("0", "-1", "-100", "1", "99", "101", "200", "99999999", "1e2", "100.0"),
    "digital minimum": ("1e3", "1.5"),
    "digital maximum": ("1e3", "1.5"),
    "physical minimum": ("500", "-1e300", "-1e308", "1e999", "-9e99"),
    "physical maximum": ("-500", "1e300", "1e308", "-1e999", "9e99"),
}
NUMBERS = ("physical minimum", "physical maximum", "digital minimum", "digital maximum", "samples")
# A comma is a decimal point to recorders, and "1e"... stay wrong; a real number may have an exponent.
REAL = ("record seconds", "physical minimum", "physical maximum")
GIBIBYTE = 1 << 30


@cache
def whole(intake: Intake) -> bytes:
    """Return a minute of two channels, with nothing wrong but its length."""
    channels = [Channel(label) for label in LABELS]
    return recording(channels, records=SECONDS, bdf=intake is Intake.BDF, onsets=False)


def header(intake: Intake, *, signals: int = 1, **said: object) -> bytes:
    """Return the header of a recording of so many EEG channels alone, fields replaced.

    Parameters
    ----------
    said
        Fields of :data:`MAIN` and :data:`PER_SIGNAL`, blanks as underscores.
    """
    first = b"\xffBIOSEMI" if intake is Intake.BDF else b"0       "
    most = 2**23 if intake is Intake.BDF else 2**15
    main = {
        "patient": "X X X X",
        "recording": "Startdate 01-JAN-2026 X X X",
        "start_date": "01.01.26",
        "start_time": "22.00.00",
        "header_bytes": 256 * (signals + 1),
        "reserved": "",
        "records": SECONDS,
        "record_seconds": 1,
        "signals": signals,
    }
    per_signal = {
        "label": "EEG C3-A2",
        "transducer": "",
        "unit": "uV",
        "physical_minimum": -500,
        "physical_maximum": 500,
        "digital_minimum": -most,
        "digital_maximum": most - 1,
        "prefilter": "",
        "samples": 100,
        "reserved_": "",
    }
    main |= {name: value for name, value in said.items() if name in main}
    per_signal |= {name: value for name, value in said.items() if name in per_signal}
    fields = [(main[name.replace(" ", "_")], width) for name, width in MAIN[1:]]
    for (_, width), value in zip(PER_SIGNAL, per_signal.values(), strict=True):
        values = value if isinstance(value, list) else [value] * signals
        fields += [(one, width) for one in values]
    return first + b"".join(str(value).encode()[:width].ljust(width) for value, width in fields)


def places(signals: int = len(LABELS)) -> Iterator[tuple[str, int, int]]:
    """Yield name, offset and width of every field of a header, in their order."""
    at = 0
    for name, width in MAIN:
        yield name, at, width
        at += width
    for name, width in PER_SIGNAL:
        for number in range(signals):
            yield f"{name} of signal {number + 1}", at, width
            at += width


def cases(intake: Intake) -> Iterator[Case]:
    """Yield every hostile recording of one format."""
    case = partial(Case, intake)
    yield from _truncated(intake, case)
    yield from _lying(intake, case)
    yield from _numbers(intake, case)
    yield from _foreign(intake, case)
    yield from _huge(intake, case)
    yield from _texts(intake, case)
    yield from _interrupted(intake, case)


def _truncated(intake: Intake, case: Callable[..., Case]) -> Iterator[Case]:
    yield case(Wrong.EMPTY, "nothing at all", bytes)
    last = len(whole(intake))
    cuts = {f"before {name}": at for name, at, _ in places()}
    cuts |= {f"in the middle of {name}": at + width // 2 for name, at, width in places()}
    cuts |= {"before the first sample": 768, "in the first sample": 769, "one byte short": last - 1}
    cuts |= {f"after {share} of the samples": 768 + int((last - 768) * share) for share in (0.25, 0.5, 0.9)}
    cuts |= {f"{count} bytes before the end": last - count for count in (2, 3, 7, 200, 399)}
    for name, at in cuts.items():
        if at:
            yield case(Wrong.TRUNCATED, f"cut {name}", partial(_cut, intake, at))


def _lying(intake: Intake, case: Callable[..., Case]) -> Iterator[Case]:
    for name, at, width in places():
        field, _, _of = name.partition(" of signal")
        for said in {**LIES, **SIGNAL_LIES}.get(field, ()):
            yield case(Wrong.LYING, f"{name} says {said}", partial(_saying, intake, at, width, said))
    for name, at, width in places():
        if name.startswith(("digital minimum", "digital maximum")):
            said = whole(intake)[at + (8 if "minimum" in name else -8) * len(LABELS) :][:8].decode()
            make = partial(_saying, intake, at, width, said)
            yield case(Wrong.LYING, f"{name} is that of the other end", make)
    for one in (b"\0", b"\x01", b"\xff", b"0", b"\0\0" * 50):
        grown = partial(_grown, intake, one)
        yield case(Wrong.LYING, f"{len(one)} bytes of {one[:1]!r} after the last record", grown)
    yield case(Wrong.LYING, "its header twice", partial(_grown, intake, whole(intake)[:768]))


def _numbers(intake: Intake, case: Callable[..., Case]) -> Iterator[Case]:
    for name, at, width in places():
        field, _, _of = name.partition(" of signal")
        if field in LIES or field in NUMBERS:
            for said in NO_NUMBERS:
                if len(said.encode()) <= width:
                    make = partial(_saying, intake, at, width, said)
                    yield case(Wrong.NUMBER, f"{name} holds {said!a}", make)


def _foreign(intake: Intake, case: Callable[..., Case]) -> Iterator[Case]:
    for name, magic in FOREIGN.items():
        yield case(Wrong.MAGIC, f"a {name} by another name", partial(_led, b"", magic, noise(name, 2000)))
        yield case(
            Wrong.MAGIC, f"a recording behind the magic of a {name}", partial(_overwritten, intake, magic)
        )
    for name, magic in (PROGRAMS | DOCUMENTS).items():
        yield case(Wrong.POLYGLOT, f"a {name} behind the last record", partial(_grown, intake, magic))
    yield case(Wrong.POLYGLOT, "a ZIP archive behind the last record", partial(_zipped, intake))
    yield case(
        Wrong.EXECUTABLE, "a program before the recording", partial(_led, b"MZ", bytes(510), whole(intake))
    )
    other = Intake.EDF if intake is Intake.BDF else Intake.BDF
    yield case(Wrong.LYING, f"the samples of the other format, {other}", partial(_mixed, intake, other))


def _huge(intake: Intake, case: Callable[..., Case]) -> Iterator[Case]:
    width = 3 if intake is Intake.BDF else 2
    kind = "BDF" if intake is Intake.BDF else "EDF"
    yield case(Wrong.HUGE, "1024 channels nobody knows", partial(_crowd, intake, "Temp", 1024))
    yield case(Wrong.HUGE, "1024 channels without a name", partial(_crowd, intake, "", 1024))
    yield case(Wrong.HUGE, "1025 channels", partial(_crowd, intake, "EEG C3", 1025))
    yield case(Wrong.HUGE, "9999 channels", partial(_crowd, intake, "EEG C3", 9999))
    yield case(Wrong.HUGE, "sampled 300,000 times a second", partial(_fast, intake, 300_000))
    yield case(Wrong.HUGE, "sampled 20,001 times a second", partial(_fast, intake, 20_001))
    yield case(Wrong.HUGE, "sampled once a second", partial(_fast, intake, 1))
    yield case(
        Wrong.HUGE, "a night of 73 hours", partial(_silent, intake, records=73 * 60, seconds=60, samples=60)
    )
    sparse = partial(case, Wrong.SPARSE)
    yield sparse("2 GiB of nothing", bytes, sparse=2 * GIBIBYTE)
    yield sparse("a minute stretched to 2 GiB", partial(_cut, intake, None), sparse=2 * GIBIBYTE)
    yield sparse("one byte above 2 GiB", partial(_cut, intake, None), sparse=2 * GIBIBYTE + 1)
    one = partial(header, intake, records=1, record_seconds=40_000, samples=50_000_000)
    yield sparse("one record of hours", one, sparse=512 + 50_000_000 * width)
    fast = (99_999_999 // width) * width
    tiny = partial(header, intake, records=fast, record_seconds="0.0004", samples=1)
    yield sparse("a hundred million records", tiny, sparse=512 + fast * width)
    crumbs = partial(
        header,
        intake,
        signals=2,
        label=["EEG C3-A2", f"{kind} Annotations"],
        records=99_999_999,
        record_seconds="0.0025",
        samples=1,
        reserved=f"{kind}+C",
    )
    yield sparse("a hundred million annotated records", crumbs, sparse=768 + 99_999_999 * 2 * width)
    flat = partial(header, intake, records=7200, samples=4000)
    yield sparse("two flat hours", flat, sparse=512 + 7200 * 4000 * width)
    wide = partial(header, intake, signals=1024, label="Temp", records=600, samples=100)
    yield sparse("a thousand unknown channels", wide, sparse=256 * 1025 + 600 * 100 * width * 1024)


def _texts(intake: Intake, case: Callable[..., Case]) -> Iterator[Case]:
    """No channel can be staged that is called like this; the refusal must not stumble over the name."""
    names = (
        "<script>",
        "../../etc/passwd",
        "'; DROP TABLE",
        "\u202eGEE",
        "\u2066Q3\u2069",
        "é" * 8,
        "=1+1",
        "%s%n%x",
        "{0}",
        "\x00\x01\x02",
        "\x1b[31mred",
        "Q3\nQ4",
        "\ufeff",
        "\u200b",
        "🫁🫁",
    )
    for name in names:
        named = partial(header, intake, label=name)
        yield case(Wrong.TEXT, f"its only channel is called {name!a}", partial(_filled, intake, named))
    for raw in (b"\xff" * 16, b"\xc3\x28" * 8, b"\xed\xa0\x80" * 5, bytes(16), b"\x80" * 16):
        yield case(
            Wrong.TEXT, f"its only channel is called {raw[:4].hex()}…", partial(_labelled, intake, raw)
        )


def _interrupted(intake: Intake, case: Callable[..., Case]) -> Iterator[Case]:
    make = partial(partial, _annotated, intake)
    times = [float(second) for second in range(SECONDS)]
    yield case(Wrong.LYING, "interrupted, and no record says when", make([None] * SECONDS))
    yield case(
        Wrong.LYING, "interrupted, one record does not say when", make([*times[:30], None, *times[31:]])
    )
    yield case(Wrong.LYING, "interrupted, its records run backwards", make(times[::-1]))
    yield case(Wrong.LYING, "interrupted, all its records at once", make([0.0] * SECONDS))
    yield case(Wrong.LYING, "interrupted for a year", make([*times[:59], 3e7]))
    yield case(Wrong.LYING, "interrupted after each second", make([30.0 * time for time in times]))
    yield case(Wrong.NUMBER, "a record at a time of 400 digits", make([*times[:59], None], "+" + "9" * 400))
    yield case(Wrong.BOMB, "a hundred thousand half annotations", make([None] * SECONDS, "+1\x14" * 100_000))
    yield case(
        Wrong.BOMB, "an annotation without an end", make([None] * SECONDS, "+1\x14" + "x\x14" * 300_000)
    )
    yield case(Wrong.BOMB, "a number without an end", make([None] * SECONDS, "+" + "1" * 500_000))


def _cut(intake: Intake, at: int | None) -> bytes:
    return whole(intake)[:at]


def _saying(intake: Intake, at: int, width: int, said: str) -> bytes:
    content = whole(intake)
    return content[:at] + said.encode().ljust(width) + content[at + width :]


def _grown(intake: Intake, more: bytes) -> bytes:
    return whole(intake) + more


def _led(*parts: bytes) -> bytes:
    return b"".join(parts)


def _overwritten(intake: Intake, magic: bytes) -> bytes:
    return magic + whole(intake)[len(magic) :]


def _zipped(intake: Intake) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(zipfile.ZipInfo("run.exe"), b"MZ" + bytes(2000))
    return whole(intake) + packed.getvalue()


def _mixed(intake: Intake, other: Intake) -> bytes:
    return whole(intake)[:768] + whole(other)[768:]


def _crowd(intake: Intake, label: str, signals: int) -> bytes:
    width = 3 if intake is Intake.BDF else 2
    return header(intake, signals=signals, label=label, samples=1) + bytes(SECONDS * signals * width)


def _fast(intake: Intake, rate: int) -> bytes:
    width = 3 if intake is Intake.BDF else 2
    steps = np.arange(30, dtype="<i4").repeat(rate).view("u1").reshape(-1, 4)[:, :width]
    return header(intake, records=30, samples=rate) + steps.tobytes()


def _silent(intake: Intake, *, records: int, seconds: int, samples: int) -> bytes:
    width = 3 if intake is Intake.BDF else 2
    told = header(intake, records=records, record_seconds=seconds, samples=samples)
    return told + bytes(records * samples * width)


def _filled(intake: Intake, make: Callable[[], bytes]) -> bytes:
    width = 3 if intake is Intake.BDF else 2
    return make() + noise("filled", SECONDS * 100 * width)


def _labelled(intake: Intake, raw: bytes) -> bytes:
    content = _filled(intake, partial(header, intake))
    return content[:256] + raw.ljust(16) + content[272:]


def _annotated(intake: Intake, onsets: list[float | None], more: str = "") -> bytes:
    """Return an interrupted recording; ``more`` stands at the end of its last record's annotations."""
    notes = ()
    channels = [Channel(LABELS[0])]
    if not more:
        return recording(
            channels,
            records=len(onsets),
            onsets=onsets,
            notes=notes,
            interrupted=True,
            bdf=intake is Intake.BDF,
        )
    width = 3 if intake is Intake.BDF else 2
    size = -(-(len(more) + 40) // width)
    kind = "BDF" if intake is Intake.BDF else "EDF"
    told = header(
        intake,
        signals=2,
        label=[LABELS[0], f"{kind} Annotations"],
        samples=[100, size],
        records=len(onsets),
        reserved=f"{kind}+D",
    )
    records = []
    for number, onset in enumerate(onsets):
        list_ = f"+{onset:g}\x14\x14\0" if onset is not None else ""
        if number == len(onsets) - 1:
            list_ += more
        end = b"x" if more and number == len(onsets) - 1 else b"\0"
        records.append(noise(str(number), 100 * width) + list_.encode().ljust(size * width, end))
    return told + b"".join(records)
