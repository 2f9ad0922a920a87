"""Runs in YASA's own environment: signals from standard input, stages as one JSON line on standard output."""

import io
import json
import sys
from importlib import import_module, metadata

NAMES = {"WAKE": "W", "REM": "R"}


def main() -> None:
    """Stage every part by itself, from one EEG derivation in µV."""
    np, mne, yasa = (import_module(name) for name in ("numpy", "mne", "yasa"))
    with np.load(io.BytesIO(sys.stdin.buffer.read()), allow_pickle=False) as sent:
        rate = float(sent["rate"])
        parts = [sent[name] for name in sorted(sent.files) if name.startswith("part_")]
    info = mne.create_info(["EEG"], rate, "eeg")
    staged = []
    for part in parts:
        raw = mne.io.RawArray(part[None].astype(float) * 1e-6, info, verbose=False)
        found = yasa.SleepStaging(raw, eeg_name="EEG").predict().hypno
        staged.append([NAMES.get(str(stage), str(stage)) for stage in found])
    sys.stdout.write("\n" + json.dumps({"version": metadata.version("yasa"), "stages": staged}) + "\n")


if __name__ == "__main__":
    main()
