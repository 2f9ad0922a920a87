"""Some channels of some seconds, straight from the original file: what the scoring room pages through.

Standard library only: the web process serves it from a seekable stream and holds one page in memory.
The index is that of ``signals.json`` (see ``signals.py``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

# An hour of twenty channels at 512 Hz would be 74 MB: beyond this the pyramid is for looking.
LARGEST_BYTES = 32 * 1024 * 1024
NARROW = 2  # bytes of a sample of an EDF; a BDF has three
_SIGN = 0x80
_SLACK = 1e-6


@dataclass(frozen=True, slots=True)
class Window:
    """Samples of one channel without interruption.

    Parameters
    ----------
    number
        The channel's ``number`` in the index.
    rate
        Samples per second.
    onset_s
        Time of the first sample, in seconds from the start of the recording.
    data
        Little-endian integers as stored: int16 of an EDF, int32 of a BDF; ``gain`` and ``bias`` of the
        index make physical values of them.
    """

    number: int
    rate: float
    onset_s: float
    data: bytes


def read(
    stream: BinaryIO, index: Mapping[str, Any], channels: Sequence[int], start_s: float, seconds: float
) -> list[Window]:
    """Read a window of some channels.

    Parameters
    ----------
    stream
        The original file, seekable and opened for reading bytes.
    index
        The content of ``signals.json``.
    channels
        Numbers of channels, as in the index.
    start_s, seconds
        The window, in seconds from the start of the recording; cut to what was recorded.

    Returns
    -------
    list of Window
        For each channel in the order asked one window per stretch that was recorded: none in a gap.

    Raises
    ------
    ValueError
        When a channel is not in the index, a number is not finite, or the window holds more than
        :data:`LARGEST_BYTES`.
    """
    if not (math.isfinite(start_s) and math.isfinite(seconds)):
        raise ValueError("start and length of a window must be finite")
    known = {channel["number"]: channel for channel in index["channels"]}
    unknown = [number for number in channels if number not in known]
    if unknown:
        raise ValueError(f"channels {unknown} are not in the recording")
    asked = [known[number] for number in dict.fromkeys(channels)]
    if sum(channel["rate"] for channel in asked) * max(0.0, seconds) * 4 > LARGEST_BYTES:
        raise ValueError("the window holds more than is given out at once")
    spans = _spans(index, start_s, start_s + seconds)
    samples = {span: _samples(stream, index, asked, span) for span in spans}
    windows = [
        _cut(samples[span][channel["number"]], channel, span[0], start_s, start_s + seconds)
        for channel in asked
        for span in spans
    ]
    return [window for window in windows if window.data]


# (onset of the first record in seconds, first record, records)
_Span = tuple[float, int, int]


def _spans(index: Mapping[str, Any], start_s: float, end_s: float) -> list[_Span]:
    """Whole data records that a window touches, stretch by stretch."""
    length = index["record_seconds"]
    found = []
    for segment in index["segments"]:
        onset, last = segment["onset_s"], segment["records"]
        first = max(0, math.floor((start_s - onset) / length + _SLACK))
        end = min(last, math.ceil((end_s - onset) / length - _SLACK))
        if first < end:
            found.append((onset + first * length, segment["record"] + first, end - first))
    return found


def _samples(
    stream: BinaryIO, index: Mapping[str, Any], asked: Sequence[Mapping[str, Any]], span: _Span
) -> dict[int, bytes]:
    """Read record after record, of each only from the first to the last channel asked for."""
    _onset, record, records = span
    sizes = {channel["number"]: channel["samples"] * channel["width"] for channel in asked}
    begin = min((channel["offset"] for channel in asked), default=0)
    end = max((channel["offset"] + sizes[channel["number"]] for channel in asked), default=0)
    found = {channel["number"]: bytearray() for channel in asked}
    for number in range(record, record + records):
        stream.seek(index["header_bytes"] + number * index["record_bytes"] + begin)
        piece = stream.read(end - begin)
        for channel in asked:
            at = channel["offset"] - begin
            found[channel["number"]] += piece[at : at + sizes[channel["number"]]]
    return {number: bytes(samples) for number, samples in found.items()}


def _cut(samples: bytes, channel: Mapping[str, Any], onset: float, start_s: float, end_s: float) -> Window:
    """Take the samples from start to end out of those of whole records that begin at ``onset``."""
    rate, width = channel["rate"], channel["width"]
    first = max(0, math.ceil((start_s - onset) * rate - _SLACK))
    end = max(first, math.ceil((end_s - onset) * rate - _SLACK))
    raw = samples[first * width : end * width]
    return Window(channel["number"], rate, onset + first / rate, raw if width == NARROW else _widened(raw))


def _widened(raw: bytes) -> bytes:
    """Give samples of 24 bits a fourth byte that repeats their sign."""
    count = len(raw) // 3
    wide = bytearray(4 * count)
    for place in range(3):
        wide[place::4] = raw[place::3]
    wide[3::4] = bytes(0xFF if high & _SIGN else 0 for high in raw[2::3])
    return bytes(wide)
