"""Annotations of EDF+ and BDF+ (time-stamped annotation lists), and the times of data records they keep.

After Kemp & Olivan 2003. Standard library only.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO

from ml.algorithms.sleep.edf_header import Header, Signal

# What a list begins with; a NUL byte ends each. One expression for the whole of a list would try every end
# of every text of a list that has none, and never come to an end of its own.
_BEGIN = re.compile(rb"([+-]\d+(?:\.\d*)?)(?:\x15(\d+(?:\.\d*)?))?\x14")
# More than a scorer writes in a night; a damaged file must not fill the memory.
_MOST_NOTES = 200_000


@dataclass(frozen=True, slots=True)
class Note:
    """One annotation: seconds from the start of the recording, seconds long, what it says."""

    onset: float
    duration: float
    text: str


def read(
    stream: BinaryIO, header: Header, signals: Sequence[Signal]
) -> tuple[list[float | None], list[Note]]:
    """Read every annotation and the time of every data record.

    Parameters
    ----------
    stream
        The whole file, seekable; only the annotation channels are read.

    Returns
    -------
    onsets, notes
        Seconds from the start of the file's clock at which each data record begins (``None`` where the
        record does not say), none at all without an annotation channel; and the annotations in the
        order of the file.
    """
    places, at = [], 0
    for signal in signals:
        if signal.annotations:
            places.append((at, header.width * signal.samples))
        at += header.width * signal.samples
    if not places:
        return [], []
    onsets: list[float | None] = []
    notes: list[Note] = []
    for record in range(header.n_records):
        for number, (offset, length) in enumerate(places):
            stream.seek(header.header_bytes + record * at + offset)
            lists = _lists(stream.read(length))
            if number == 0:
                onsets.append(_time(lists))
            notes += islice(_notes(lists), _MOST_NOTES - len(notes))
    return onsets, notes


def _lists(raw: bytes) -> list[tuple[bytes, bytes, bytes]]:
    """Return onset, duration and texts of each list of a record."""
    found = []
    for part in raw.split(b"\x00", _MOST_NOTES)[:-1]:
        begin = _BEGIN.search(part)
        if begin and part.endswith(b"\x14"):
            found.append((begin[1], begin[2] or b"", part[begin.end() :]))
    return found


def _time(lists: Sequence[tuple[bytes, bytes, bytes]]) -> float | None:
    """The first list of a record keeps its time: its first annotation is empty."""
    time = float(lists[0][0]) if lists and lists[0][2].startswith(b"\x14") else math.nan
    return time if math.isfinite(time) else None


def _notes(lists: Sequence[tuple[bytes, bytes, bytes]]) -> Iterator[Note]:
    for onset, duration, texts in lists:
        for text in texts.split(b"\x14", _MOST_NOTES):
            if text.strip():
                yield Note(float(onset), float(duration or 0), text.decode("utf-8", "replace").strip())
