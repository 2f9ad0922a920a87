"""The night that all sides read: eight hours, twenty channels at 256 Hz, of which three are staged from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy import signal as dsp

from bench.recordings import RECORD_SECONDS, Channel, write
from ml.algorithms.sleep import reader
from ml.algorithms.sleep.simulate import write_night

FILE = "night.edf"
HOURS = 8.0
RATE = 256
# Label, which channel of the simulated night it is made of, how much noise of its own it gets in µV.
CHANNELS = (
    ("EEG F4-M1", "EEG F4-M1", 1), ("EEG C4-M1", "EEG F4-M1", 3), ("EEG O2-M1", "EEG O2-M1", 1),
    ("EEG F3-M2", "EEG F4-M1", 3), ("EEG C3-M2", "EEG F4-M1", 4), ("EEG O1-M2", "EEG O2-M1", 3),
    ("EOG E1-M2", "EOG E1-M2", 1), ("EOG E2-M2", "EOG E2-M2", 1), ("EMG Chin", "EMG Chin", 1),
    ("ECG", "EMG Chin", 50), ("Flow", "EOG E1-M2", 20), ("Nasal Pressure", "EOG E1-M2", 20),
    ("Thorax", "EOG E2-M2", 20), ("Abdomen", "EOG E2-M2", 20), ("Leg Left", "EMG Chin", 20),
    ("Leg Right", "EMG Chin", 20), ("Snore", "EMG Chin", 30), ("Position", "EMG Chin", 0),
    ("Light", "EMG Chin", 0), ("Pulse", "EMG Chin", 5),
)  # fmt: skip


def prepare(folder: Path) -> None:
    """Write it into ``folder``."""
    simulated = folder / "simulated.edf"
    write_night(simulated, hours=HOURS, seed=0)
    header, signals = reader.read_header(simulated)
    places = {signal.label: i for i, signal in enumerate(signals)}
    wanted = {name: places[name] for name in dict.fromkeys(source for _, source, _ in CHANNELS)}
    digital = reader.read_digital(simulated, header, signals, wanted.values())
    made = {
        name: dsp.resample_poly(reader.physical(digital[i], signals[i]), RATE, 100)
        for name, i in wanted.items()
    }
    rng, per_record = np.random.default_rng(0), RATE * RECORD_SECONDS

    def samples(number: int, record: int) -> np.ndarray:
        _, source, noise = CHANNELS[number]
        part = made[source][record * per_record : (record + 1) * per_record]
        return part + noise * rng.standard_normal(per_record)

    write(
        folder / FILE, [Channel(label) for label, _, _ in CHANNELS], rate=RATE, hours=HOURS, samples=samples
    )
    simulated.unlink()
