"""Samples of chosen EDF signals, read in pieces; nothing else of the file is kept in memory."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np

from ml.algorithms.sleep import edf_header
from ml.algorithms.sleep.edf_header import Header, Signal
from ml.contracts import Refused, Text

_PIECE_BYTES = 8 * 1024**2
# A million volts: a header that announces more is damaged, and its numbers would overflow in float32.
_LARGEST_MICROVOLTS = 1e12
_MICROVOLTS = {"nv": 1e-3, "uv": 1.0, "µv": 1.0, "μv": 1.0, "mv": 1e3, "v": 1e6}


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
    expected = header.header_bytes + 2 * header.n_records * sum(s.samples for s in signals)
    problem = edf_header.size_problem(expected, size)
    if problem:
        raise Refused(problem)
    return header, signals


def read_digital(
    path: Path, header: Header, signals: tuple[Signal, ...], wanted: Collection[int]
) -> dict[int, np.ndarray]:
    """Read some signals as they are stored.

    Parameters
    ----------
    wanted
        Positions in ``signals``.

    Returns
    -------
    dict of int to ndarray
        int16, shape (records × samples per record,), by position.
    """
    offsets = np.concatenate([[0], np.cumsum([s.samples for s in signals])])
    per_record = int(offsets[-1])
    found = {i: np.empty((header.n_records, signals[i].samples), "<i2") for i in wanted}
    at_once = max(1, _PIECE_BYTES // (2 * per_record))
    with path.open("rb") as stream:
        stream.seek(header.header_bytes)
        for start in range(0, header.n_records, at_once):
            records = min(at_once, header.n_records - start)
            piece = np.frombuffer(stream.read(records * per_record * 2), "<i2").reshape(records, per_record)
            for i, samples in found.items():
                samples[start : start + records] = piece[:, offsets[i] : offsets[i + 1]]
    return {i: samples.reshape(-1) for i, samples in found.items()}


def physical(digital: np.ndarray, signal: Signal) -> np.ndarray:
    """Scale stored integers to microvolts (to the signal's own unit when it is no voltage), float32.

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
    offset = signal.physical_min - signal.digital_min * gain
    # "Not below" and not "above": an overflow has already made a NaN of it.
    if not (32768 * abs(gain) + abs(offset)) * unit <= _LARGEST_MICROVOLTS:
        raise Refused(edf_header.damaged(Text(
            f"the physical range of the channel {signal.label} is impossible",
            f"l’étendue physique de la voie {signal.label} est impossible",
        )))  # fmt: skip
    scaled = digital.astype(np.float32)
    scaled *= np.float32(gain * unit)
    scaled += np.float32(offset * unit)
    return scaled


def microvolts_per_unit(signal: Signal) -> float | None:
    """Return the size of the signal's unit in µV; ``None`` when it names no voltage."""
    return _MICROVOLTS.get(signal.unit.casefold())


def rate(header: Header, signal: Signal) -> float:
    """Return samples per second."""
    return signal.samples / header.record_seconds
