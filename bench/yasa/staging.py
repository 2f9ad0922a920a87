"""Stages and statistics by YASA, of which only the three channels used are read."""

from __future__ import annotations

from pathlib import Path

import mne
import yasa

from bench.measuring import Samples, cpu_ms

FILE = "night.edf"
EEG, EOG, EMG = "EEG C4-M1", "EOG E1-M2", "EMG Chin"


def measure(folder: Path, repeats: int) -> Samples:
    """Return CPU milliseconds per night, after one that is not counted and compiles what YASA compiles."""
    return nights(folder / FILE, repeats, include=[EEG, EOG, EMG])


def nights(path: Path, repeats: int, *, include: list[str] | None) -> Samples:
    """Stage the same night again and again; all channels are read without ``include``."""

    def night() -> None:
        raw = mne.io.read_raw_edf(path, include=include, preload=True)
        staging = yasa.SleepStaging(raw, eeg_name=EEG, eog_name=EOG, emg_name=EMG)
        staging.predict().sleep_statistics()

    night()
    return {"night_cpu_ms": cpu_ms(night, repeats)}
