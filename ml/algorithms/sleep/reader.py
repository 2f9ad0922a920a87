"""Samples of chosen signals, read in pieces; nothing else of the file is kept in memory."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from io import RawIOBase
from pathlib import Path

import numpy as np

from ml.algorithms.sleep import edf_header
from ml.algorithms.sleep.edf_header import Header, Signal
from ml.algorithms.sleep.segments import Segment
from ml.contracts import Refused, Text

_PIECE_BYTES = 16 * 1024**2
_PIECE_SECONDS = 600
# A million volts: a header that announces more is damaged, and its numbers would overflow in float32.
_LARGEST_MICROVOLTS = 1e12
_MICROVOLTS = {"nv": 1e-3, "uv": 1.0, "µv": 1.0, "μv": 1.0, "mv": 1e3, "v": 1e6}


@dataclass(frozen=True, slots=True)
class Piece:
    """Some data records that follow one another.

    Parameters
    ----------
    segment
        Number of the stretch they are of.
    onset_s
        When they begin, in seconds from the start of the recording.
    seconds
        How long they last.
    last
        Whether the stretch ends with them.
    digital
        Samples as stored by position of the signal: int16 of an EDF, int32 of a BDF.
    """

    segment: int
    onset_s: float
    seconds: float
    last: bool
    digital: dict[int, np.ndarray]


def read_header(path: Path) -> tuple[Header, tuple[Signal, ...]]:
    """Read and check the header of a recording.

    Raises
    ------
    Refused
        Everything ``edf_header`` finds wrong, and ``edf_size_mismatch``.
    """
    size = path.stat().st_size
    with path.open("rb") as stream:
        head = stream.read(edf_header.MAIN_BYTES)
        header = edf_header.parse_main(head)
        head += stream.read(header.header_bytes - edf_header.MAIN_BYTES)
    signals = edf_header.parse_signals(head, header)
    record_bytes = header.width * sum(s.samples for s in signals)
    problem = edf_header.size_problem(header.header_bytes + header.n_records * record_bytes, size)
    if found := [one for one in (problem, edf_header.record_problem(record_bytes)) if one]:
        raise Refused(*found)
    return header, signals


def pieces(
    path: Path,
    header: Header,
    signals: Sequence[Signal],
    segments: Sequence[Segment],
    wanted: Collection[int],
) -> Iterator[Piece]:
    """Read some signals piece by piece, stretch by stretch.

    Parameters
    ----------
    wanted
        Positions in ``signals``.

    Yields
    ------
    Piece
        Up to ten minutes and 16 MB of the file; whole seconds wherever the records allow it.
    """
    offsets = np.concatenate([[0], np.cumsum([header.width * s.samples for s in signals])])
    size = int(offsets[-1])
    at_once = _records_at_once(header, size)
    buffer = bytearray(at_once * size)
    with path.open("rb", buffering=0) as stream:
        for number, segment in enumerate(segments):
            stream.seek(header.header_bytes + segment.record * size)
            for start in range(0, segment.records, at_once):
                records = min(at_once, segment.records - start)
                view = memoryview(buffer)[: records * size]
                _fill(stream, view)
                raw = np.frombuffer(view, np.uint8).reshape(records, size)
                yield Piece(
                    segment=number,
                    onset_s=segment.onset_s + start * header.record_seconds,
                    seconds=records * header.record_seconds,
                    last=start + records == segment.records,
                    digital={i: _integers(raw[:, offsets[i] : offsets[i + 1]], header) for i in wanted},
                )


def read_digital(
    path: Path, header: Header, signals: Sequence[Signal], wanted: Collection[int]
) -> dict[int, np.ndarray]:
    """Read some signals whole, as they are stored, one record after the other.

    Returns
    -------
    dict of int to ndarray
        Shape (records × samples per record,), by position; for short recordings and single channels.
    """
    whole = (Segment(0.0, 0, header.n_records),)
    found: dict[int, list[np.ndarray]] = {i: [] for i in wanted}
    for piece in pieces(path, header, signals, whole, wanted):
        for i, samples in piece.digital.items():
            found[i].append(samples)
    return {i: np.concatenate(parts) for i, parts in found.items()}


def scale(signal: Signal) -> tuple[float, float]:
    """Return gain and bias: digital × gain + bias is in µV, or in the signal's own unit if no voltage.

    Raises
    ------
    Refused
        ``edf_header_damaged`` when the header gives no scale, or an impossible one.
    """
    span = signal.digital_max - signal.digital_min
    if span == 0 or signal.physical_max == signal.physical_min:
        raise Refused(edf_header.damaged(Text(
            f"the channel {signal.label} has no scale", f"la voie {signal.label} n’a pas d’échelle",
        )))  # fmt: skip
    unit = microvolts_per_unit(signal) or 1.0
    gain = (signal.physical_max - signal.physical_min) / span
    bias = signal.physical_min - signal.digital_min * gain
    furthest = max(32768, abs(signal.digital_min), abs(signal.digital_max))
    # "Not below" and not "above": an overflow has already made a NaN of it.
    if not (furthest * abs(gain) + abs(bias)) * unit <= _LARGEST_MICROVOLTS:
        raise Refused(edf_header.damaged(Text(
            f"the physical range of the channel {signal.label} is impossible",
            f"l’étendue physique de la voie {signal.label} est impossible",
        )))  # fmt: skip
    return gain * unit, bias * unit


def physical(digital: np.ndarray, signal: Signal) -> np.ndarray:
    """Scale stored integers to microvolts (to the signal's own unit when it is no voltage), float32.

    Raises
    ------
    Refused
        As :func:`scale`.
    """
    gain, bias = scale(signal)
    scaled = digital.astype(np.float32)
    scaled *= np.float32(gain)
    scaled += np.float32(bias)
    return scaled


def microvolts_per_unit(signal: Signal) -> float | None:
    """Return the size of the signal's unit in µV; ``None`` when it names no voltage."""
    return _MICROVOLTS.get(signal.unit.casefold())


def rate(header: Header, signal: Signal) -> float:
    """Return samples per second."""
    return signal.samples / header.record_seconds


def _records_at_once(header: Header, size: int) -> int:
    """As many records as fit, a whole number of seconds when they are short enough for that."""
    length = Fraction(header.record_seconds).limit_denominator(1000)
    fit = max(1, min(_PIECE_BYTES // max(1, size), int(_PIECE_SECONDS / header.record_seconds)))
    together = length.denominator
    return fit if fit < together else fit // together * together


def _fill(stream: RawIOBase, view: memoryview) -> None:
    """Read exactly as many bytes as the view holds; the size of the file was checked before."""
    at = 0
    while at < len(view):
        got = stream.readinto(view[at:])
        if not got:
            raise Refused(edf_header.damaged(Text(
                "the file ends before its last record", "le fichier s’arrête avant son dernier bloc",
            )))  # fmt: skip
        at += got


def _integers(raw: np.ndarray, header: Header) -> np.ndarray:
    """Bytes of one signal, shape (records, bytes), as integers of their own; 24 bits widen to 32."""
    if header.width == 2:
        return np.ascontiguousarray(raw).view("<i2").reshape(-1)
    wide = np.zeros((raw.size // 3, 4), np.uint8)
    wide[:, 1:] = raw.reshape(-1, 3)
    return wide.view("<i4").reshape(-1) >> 8
