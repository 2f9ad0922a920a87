"""EDF files written byte by byte, because a library would refuse to write the broken ones."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np


def edf_bytes(
    labels=("EEG C3-A2",),
    *,
    seconds=600,
    rate=100,
    samples=None,
    unit="uV",
    physical=(-500, 500),
    patient="X X X X",
    recording="Startdate 01-JAN-2026 X X X",
    reserved="EDF+C",
    **main,
) -> bytes:
    """An EDF file with one-second records; ``main`` overrides fields of the main header as text.

    ``samples`` is int16 of shape (seconds, signals, rate); noise when not given.
    """
    n = len(labels)
    if samples is None:
        samples = np.random.default_rng(0).normal(0, 2000, (seconds, n, rate)).astype("<i2")
    fields = {
        "version": "0", "patient": patient, "recording": recording, "date": "01.01.26", "time": "22.00.00",
        "header_bytes": 256 * (n + 1), "reserved": reserved, "n_records": len(samples),
        "record_seconds": 1, "n_signals": n,
    } | main  # fmt: skip
    widths = (8, 80, 80, 8, 8, 8, 44, 8, 8, 4)
    head = "".join(str(v).ljust(w)[:w] for v, w in zip(fields.values(), widths, strict=True))
    columns = (
        (labels, 16), ([""] * n, 80), ([unit] * n, 8), ([physical[0]] * n, 8), ([physical[1]] * n, 8),
        ([-32768] * n, 8), ([32767] * n, 8), ([""] * n, 80), ([rate] * n, 8), ([""] * n, 32),
    )  # fmt: skip
    head += "".join(str(v).ljust(w)[:w] for values, w in columns for v in values)
    return head.encode("latin-1") + samples.tobytes()


def write_edf(path: Path, *args, **kwargs) -> Path:
    path.write_bytes(edf_bytes(*args, **kwargs))
    return path


@dataclass
class Channel:
    """A channel of :func:`recording`; ``samples`` are digital, noise when not given."""

    label: str
    rate: int = 100  # samples per record
    unit: str = "uV"
    physical: tuple = (-500, 500)
    digital: tuple | None = None
    samples: np.ndarray | None = None


def recording(
    channels,
    *,
    records=600,
    record_seconds=1,
    onsets=None,
    notes=(),
    bdf=False,
    interrupted=False,
    **main,
) -> bytes:
    """An EDF+ or BDF+ file of channels with rates of their own and annotations.

    ``onsets`` are the times that data records keep, ``notes`` pairs of time and text.
    """
    width, most = (3, 2**23) if bdf else (2, 2**15)
    kind = "BDF" if bdf else "EDF"
    columns, parts = [], []
    for number, channel in enumerate(channels):
        digital = channel.digital or (-most, most - 1)
        samples = channel.samples
        if samples is None:
            noise = np.random.default_rng(number).normal(0, most / 16, records * channel.rate)
            samples = noise.astype(np.int32)
        columns.append((channel.label, channel.unit, *channel.physical, *digital, channel.rate))
        wide = np.asarray(samples, "<i4").reshape(records, channel.rate, 1).view("u1")
        parts.append(np.ascontiguousarray(wide[:, :, :width]).reshape(records, -1))
    if onsets is not False:
        times = [i * record_seconds for i in range(records)] if onsets is None else onsets
        lists = [_tals(time, notes, i, record_seconds) for i, time in enumerate(times)]
        size = -(-max(map(len, lists)) // width) * width
        columns.append((f"{kind} Annotations", "", -1, 1, -most, most - 1, size // width))
        kept = b"".join(one.ljust(size, b"\x00") for one in lists)
        parts.append(np.frombuffer(kept, "u1").reshape(records, size))
    fields = {
        "patient": "X X X X", "recording": "Startdate 01-JAN-2026 X X X", "date": "01.01.26",
        "time": "22.00.00", "header_bytes": 256 * (len(columns) + 1),
        "reserved": f"{kind}+{'D' if interrupted else 'C'}", "n_records": records,
        "record_seconds": record_seconds, "n_signals": len(columns),
    } | main  # fmt: skip
    head = "".join(
        str(v).ljust(w)[:w] for v, w in zip(fields.values(), (80, 80, 8, 8, 8, 44, 8, 8, 4), strict=True)
    )
    label, unit, low, high, lowest, highest, rate = zip(*columns, strict=True)
    blank = [""] * len(columns)
    table = (
        (label, 16), (blank, 80), (unit, 8), (low, 8), (high, 8), (lowest, 8), (highest, 8), (blank, 80),
        (rate, 8), (blank, 32),
    )  # fmt: skip
    head += "".join(str(v).ljust(w)[:w] for values, w in table for v in values)
    first = b"\xffBIOSEMI" if bdf else b"0       "
    return first + head.encode("latin-1") + np.concatenate(parts, axis=1).tobytes()


def _tals(time, notes, record, record_seconds) -> bytes:
    own = [(at, text) for at, text in notes if record == int(at / record_seconds)]
    written = "" if time is None else f"+{time:g}\x14\x14\x00"
    written += "".join(f"+{at:g}\x14{text}\x14\x00" for at, text in own)
    return written.encode()
