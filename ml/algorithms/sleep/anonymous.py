"""A copy of a recording that names nobody: identity taken out of the header, all else byte for byte.

Unknown parts are written as EDF+ prescribes (Kemp & Olivan 2003, 2.1.3.3). Notes that people typed during
the night are annotations and may name somebody too. Standard library only.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from ml.algorithms.sleep import anonymous_header, edf_header, identity
from ml.algorithms.sleep.edf_header import MAIN_BYTES, Header, Signal

NOBODY = "X X X X"
NO_RECORDING = "Startdate X X X X"
# The EDF+ date of a recording whose date is not to be known.
NO_DATE = "01.01.85"
_CHUNK = 1024 * 1024
_TIME = re.compile(rb"\d\d[.:]\d\d[.:]\d\d")
# What a time-stamped annotation list begins with: onset, duration; its texts follow, each ended by a byte 20.
_BEGIN = re.compile(rb"[+-]\d+(?:\.\d*)?(?:\x15\d+(?:\.\d*)?)?\x14")
_KNOWN = re.compile(
    rb"sleep stage [a-z0-9?]{1,3}|lights? (on|off)|(eeg |micro)?arousal|"
    rb"(central |obstructive |mixed )?apn(o?e)a|hypopn(o?e)a|desaturation|rera|(limb|leg) movement|plm|"
    rb"movement time|snor(e|ing)|artefact|artifact|"
    rb"recording (starts|ends)",
    re.IGNORECASE,
)
# Shorter words would blank parts of ordinary ones.
_SHORTEST_NAME = 3


def copy(
    source: BinaryIO,
    target: BinaryIO,
    *,
    hide_date: bool = False,
    names: Iterable[str] = (),
    strict: bool = False,
) -> None:
    """Write an anonymised copy; what stands behind the last data record is not of it.

    Parameters
    ----------
    source
        The recording (EDF, EDF+, BDF), seekable, opened for reading bytes.
    target
        Where the copy goes; only written to.
    hide_date
        Whether the date of the recording becomes 1 January 1985 too; the time of day stays.
    names
        Words to cross out in annotations and in what was typed about the signals, in any letter case, with as
        many X: name, record number.
    strict
        Whether everything goes that is not of the vocabulary of sleep recordings: annotations, labels, units,
        all of prefilters but the numbers, transducers, reserved fields: for research, where nobody looks
        through it.

    Raises
    ------
    ml.contracts.Refused
        When the source is no recording.
    """
    source.seek(0)
    head = source.read(MAIN_BYTES)
    header = edf_header.parse_main(head)
    rest = source.read(header.header_bytes - MAIN_BYTES)
    signals = edf_header.parse_signals(head + rest, header)
    target.write(_blanked(head, header, hide_date=hide_date))
    words = _pattern(names)
    if strict:
        rest = anonymous_header.plain(rest, len(signals))
    elif words is not None:
        rest = anonymous_header.without(rest, len(signals), words)
    target.write(rest)
    if not any(signal.annotations for signal in signals) or (words is None and not strict):
        left = header.n_records * _record_bytes(header, signals)
        while left and (chunk := source.read(min(left, _CHUNK))):
            target.write(chunk)
            left -= len(chunk)
        return
    for record in _records(source, header, signals):
        target.write(_crossed_out(record, header, signals, words, strict=strict))


def _blanked(head: bytes, header: Header, *, hide_date: bool) -> bytes:
    """The 256 bytes every file begins with, without patient, staff, equipment and, if asked, date."""
    recording = NO_RECORDING
    if identity.simulated(header):
        # That nobody was measured is no identity, and must not be lost.
        recording = f"{NO_RECORDING[:-1]}simulated"
    date = NO_DATE.encode() if hide_date else head[168:176]
    time = head[176:184] if _TIME.fullmatch(head[176:184]) else b"00.00.00"
    who = NOBODY.encode().ljust(80) + recording.encode().ljust(80)
    return head[:8] + who + date + time + head[184:192] + anonymous_header.kind(head[192:236]) + head[236:]


def _pattern(names: Iterable[str]) -> re.Pattern[bytes] | None:
    words = {word for name in names for word in re.split(r"[\s_,;-]+", name) if len(word) >= _SHORTEST_NAME}
    if not words:
        return None
    words |= {_unaccented(word) for word in words}
    spellings = sorted({form for word in words for form in (word, word.upper(), word.lower(), word.title())})
    encoded = {form.encode(code, "ignore") for form in spellings for code in ("utf-8", "latin-1")}
    longest_first = sorted(encoded, key=lambda form: (-len(form), form))
    return re.compile(b"|".join(re.escape(form) for form in longest_first), re.IGNORECASE)


def _unaccented(word: str) -> str:
    """Return a word as recorders that know no accents spell it."""
    return "".join(
        letter for letter in unicodedata.normalize("NFKD", word) if not unicodedata.combining(letter)
    )


def _records(source: BinaryIO, header: Header, signals: tuple[Signal, ...]) -> Iterator[bytearray]:
    size = _record_bytes(header, signals)
    for _number in range(header.n_records):
        if not (record := source.read(size)):
            return
        yield bytearray(record)


def _record_bytes(header: Header, signals: tuple[Signal, ...]) -> int:
    return header.width * sum(signal.samples for signal in signals)


def _crossed_out(
    record: bytearray,
    header: Header,
    signals: tuple[Signal, ...],
    words: re.Pattern[bytes] | None,
    *,
    strict: bool,
) -> bytearray:
    """One data record with the words replaced in its annotation channels, length for length."""
    at = 0
    for signal in signals:
        end = at + header.width * signal.samples
        if signal.annotations:
            notes = bytes(record[at:end])
            if words is not None:
                notes = words.sub(lambda found: b"X" * len(found[0]), notes)
            record[at:end] = _of_scoring(notes) if strict else notes
        at = end
    return record


def _of_scoring(notes: bytes) -> bytes:
    """Annotation lists with every text but those of scoring crossed out, and what is no list emptied."""
    return b"\x00".join(map(_list_of_scoring, notes.split(b"\x00")))


def _list_of_scoring(one: bytes) -> bytes:
    begin = _BEGIN.match(one)
    if begin is None:
        return bytes(len(one))
    texts = one[begin.end() :].split(b"\x14")
    known = [text if _KNOWN.fullmatch(text.strip()) else b"X" * len(text) for text in texts]
    return begin[0] + b"\x14".join(known)
