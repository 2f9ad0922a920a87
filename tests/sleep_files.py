"""EDF files written byte by byte, because a library would refuse to write the broken ones."""

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
