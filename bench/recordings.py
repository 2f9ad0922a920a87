"""Generated recordings for the measurements: plain EDF, written record by record, so size costs no memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

RECORD_SECONDS = 10
_DIGITAL = 32767
_MAIN = (
    ("0", 8), ("X X X X", 80), ("Startdate 05-JAN-2026 X X Vigie_simulated", 80), ("05.01.26", 8),
    ("22.45.00", 8),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel: its label, its unit and the value of the largest stored number."""

    label: str
    unit: str = "uV"
    limit: int = 500


def write(
    path: Path,
    channels: Sequence[Channel],
    *,
    rate: int,
    hours: float,
    samples: Callable[[int, int], np.ndarray],
) -> None:
    """Write an EDF file whose channels all have one rate.

    Parameters
    ----------
    samples
        From the number of a channel and of a record to its samples, shape (rate × 10,), in its unit.
    """
    records = round(hours * 3600 / RECORD_SECONDS)
    with path.open("wb") as stream:
        stream.write(_header(channels, rate * RECORD_SECONDS, records))
        for record in range(records):
            for number, channel in enumerate(channels):
                scaled = np.round(samples(number, record) * (_DIGITAL / channel.limit))
                stream.write(np.clip(scaled, -_DIGITAL, _DIGITAL).astype("<i2").tobytes())


def _header(channels: Sequence[Channel], samples: int, records: int) -> bytes:
    n = len(channels)
    main = (*_MAIN, (256 * (n + 1), 8), ("", 44), (records, 8), (RECORD_SECONDS, 8), (n, 4))
    of_signals = (
        ([c.label for c in channels], 16), ([""] * n, 80), ([c.unit for c in channels], 8),
        ([-c.limit for c in channels], 8), ([c.limit for c in channels], 8),
        ([-_DIGITAL] * n, 8), ([_DIGITAL] * n, 8), ([""] * n, 80), ([samples] * n, 8), ([""] * n, 32),
    )  # fmt: skip
    fields = [*main, *((value, width) for values, width in of_signals for value in values)]
    return b"".join(str(value).ljust(width).encode("ascii") for value, width in fields)
