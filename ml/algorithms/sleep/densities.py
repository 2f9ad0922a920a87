"""Spindles and slow waves per minute of each stage in real EEG that people scored.

``python -m ml.algorithms.sleep.densities --data ../shared/data`` prints one JSON line per recording: the
figures of ``SCREENING.md``.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy import signal as dsp

from ml.algorithms.sleep import annotations, microstructure, reader
from ml.algorithms.sleep.contract import STAGES
from ml.algorithms.sleep.fast_filter import Filtered
from ml.algorithms.sleep.statistics import UNSCORED
from ml.training.data import DataMissing, require

UCDDB, WHOLE_NIGHT = "sleep/ucddb", "ucddb018"
RATE = 100
BAND = (0.4, 34.9)
FEWEST_MINUTES = 5


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the densities of every recording."""
    parser = argparse.ArgumentParser(prog="python -m ml.algorithms.sleep.densities", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of the data")
    chosen = parser.parse_args(arguments)
    try:
        for line in measure(chosen.data):
            sys.stdout.write(json.dumps(line) + "\n")
    except DataMissing as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def measure(data: Path) -> Iterator[dict[str, Any]]:
    """Yield for each recording of UCDDB, with the stages its expert scored, events per minute of each stage.

    Returns
    -------
    iterator of dict
        ``recording``, ``absolute`` (whether the size of its EEG was believed), and ``minutes``,
        ``spindles``, ``slow_waves`` by stage; stages with less than five minutes are left out.

    Raises
    ------
    ml.training.data.DataMissing
        When the recordings are not there.
    """
    (folder,) = require(data, UCDDB)
    night, hypnogram = require(
        data, f"{UCDDB}/{WHOLE_NIGHT}_night.edf", f"{UCDDB}/{WHOLE_NIGHT}_hypnogram.edf"
    )
    labels = annotations.read_hypnogram(hypnogram)
    yield _densities(night, [STAGES[label] if label >= 0 else UNSCORED for label in labels])
    for path in sorted(folder.glob("*_wake_n3_only.edf")):
        yield _densities(path, path.with_suffix(".txt").read_text("utf-8").split())


def _densities(path: Path, stages: list[str]) -> dict[str, Any]:
    found = microstructure.analyse(_eeg(path), RATE, stages)
    row = found.to_json()["per_epoch"]
    seconds = {stage: _over(row["seconds"], stages, stage) for stage in STAGES}
    minutes = {stage: s / 60 for stage, s in seconds.items() if s >= 60 * FEWEST_MINUTES}
    return {
        "recording": path.name.split("_")[0],
        "absolute": found.absolute,
        "minutes": {stage: round(m) for stage, m in minutes.items()},
    } | {
        kind: {s: round(_over(row[kind]["count"], stages, s) / m, 2) for s, m in minutes.items()}
        for kind in ("spindles", "slow_waves")
    }


def _over(values: Sequence[float], stages: Sequence[str], stage: str) -> float:
    return sum(value for value, own in zip(values, stages, strict=True) if own == stage)


def _eeg(path: Path) -> np.ndarray:
    """Read the one channel of a recording in µV, at 100 Hz and in the band of the search."""
    header, signals = reader.read_header(path)
    digital = reader.read_digital(path, header, signals, [0])[0]
    recorded = reader.physical(digital, signals[0])
    rate = round(reader.rate(header, signals[0]))
    return Filtered(dsp.resample_poly(recorded, RATE, rate), RATE).band(*BAND)


if __name__ == "__main__":
    raise SystemExit(main())
