"""A copy of a recording that names nobody: identity taken out of the header, all else byte for byte.

Unknown parts are written as EDF+ prescribes (Kemp & Olivan 2003, 2.1.3.3). Notes that people typed during
the night are annotations and may name somebody too. Standard library only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from ml.algorithms.sleep import edf_header, identity
from ml.algorithms.sleep.edf_header import MAIN_BYTES, Header, Signal

NOBODY = "X X X X"
NO_RECORDING = "Startdate X X X X"
# The EDF+ date of a recording whose date is not to be known.
NO_DATE = "01.01.85"
_CHUNK = 1024 * 1024
# Shorter words would blank parts of ordinary ones.
_SHORTEST_NAME = 3


def copy(source: BinaryIO, target: BinaryIO, *, hide_date: bool = False, names: Iterable[str] = ()) -> None:
    """Write an anonymised copy.

    Parameters
    ----------
    source
        The recording (EDF, EDF+, BDF), seekable, opened for reading bytes.
    target
        Where the copy goes; only written to.
    hide_date
        Whether the date of the recording becomes 1 January 1985 too; the time of day stays.
    names
        Words to cross out in annotations, in any letter case, with as many X: name, record number.

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
    target.write(rest)
    words = _pattern(names)
    if words is None or not any(signal.annotations for signal in signals):
        while chunk := source.read(_CHUNK):
            target.write(chunk)
        return
    for record in _records(source, header, signals):
        target.write(_crossed_out(record, header, signals, words))


def _blanked(head: bytes, header: Header, *, hide_date: bool) -> bytes:
    """The 256 bytes every file begins with, without patient, staff, equipment and, if asked, date."""
    recording = NO_RECORDING
    if identity.simulated(header):
        # That nobody was measured is no identity, and must not be lost.
        recording = f"{NO_RECORDING[:-1]}simulated"
    date = NO_DATE.encode() if hide_date else head[168:176]
    return head[:8] + NOBODY.encode().ljust(80) + recording.encode().ljust(80) + date + head[176:]


def _pattern(names: Iterable[str]) -> re.Pattern[bytes] | None:
    words = {word for name in names for word in re.split(r"[\s_,;-]+", name) if len(word) >= _SHORTEST_NAME}
    if not words:
        return None
    spellings = sorted({form for word in words for form in (word, word.upper(), word.lower(), word.title())})
    encoded = {form.encode(code, "ignore") for form in spellings for code in ("utf-8", "latin-1")}
    longest_first = sorted(encoded, key=lambda form: (-len(form), form))
    return re.compile(b"|".join(re.escape(form) for form in longest_first), re.IGNORECASE)


def _records(source: BinaryIO, header: Header, signals: tuple[Signal, ...]) -> Iterator[bytearray]:
    size = header.width * sum(signal.samples for signal in signals)
    while record := source.read(size):
        yield bytearray(record)


def _crossed_out(
    record: bytearray, header: Header, signals: tuple[Signal, ...], words: re.Pattern[bytes]
) -> bytearray:
    """One data record with the words replaced in its annotation channels, length for length."""
    at = 0
    for signal in signals:
        end = at + header.width * signal.samples
        if signal.annotations:
            record[at:end] = words.sub(lambda found: b"X" * len(found[0]), bytes(record[at:end]))
        at = end
    return record
