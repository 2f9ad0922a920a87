"""The recording: 60 electrodes of the 10-10 system and four more channels, noise shaped as an EEG is."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
from scipy import signal as dsp

from bench.recordings import RECORD_SECONDS, Channel, write

FILE = "large.edf"
HOURS, RATE = 8.0, 512
# Left of the middle, the middle, right of it; each row from the front to the back.
_ROWS = ("FP", "AF", "F", "FC", "C", "CP", "P", "PO", "O")
ELECTRODES = tuple(f"{row}{place}" for row in _ROWS for place in ("z", 1, 2, 3, 4, 5, 6, 7))[:60]
CHANNELS = (*(f"{name}-M1" for name in ELECTRODES), "E1-M2", "E2-M2", "Chin", "ECG")
FREE_BYTES = 4 * 1024**3


def prepare(folder: Path) -> None:
    """Write it into ``folder``, which whoever asked for it deletes.

    Raises
    ------
    RuntimeError
        When there is too little room on the disk.
    """
    if shutil.disk_usage(folder).free < FREE_BYTES:
        raise RuntimeError(f"{folder}: {FREE_BYTES / 1024**3:.0f} GiB of free disk are needed")
    rng, n = np.random.default_rng(0), RATE * RECORD_SECONDS
    sections = dsp.butter(2, (0.5, 20), "bandpass", fs=RATE, output="sos")
    noise = dsp.sosfilt(sections, rng.standard_normal((len(CHANNELS), 3 * n)))
    noise *= 20 / noise.std()
    shifts = rng.integers(0, 2 * n, 10_000)

    def samples(number: int, record: int) -> np.ndarray:
        at = shifts[(record + 7 * number) % len(shifts)]
        return noise[number, at : at + n]

    channels = [Channel(label) for label in CHANNELS]
    write(folder / FILE, channels, rate=RATE, hours=HOURS, samples=samples)
