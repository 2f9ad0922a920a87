"""Recordings for the test bench: a whole simulated night, and an hour of noise."""

from __future__ import annotations

from pathlib import Path

from ml.algorithms.sleep import noise, simulate
from ml.contracts import Source
from ml.invented import Invented

NIGHT_HOURS, NOISE_HOURS = 7.5, 1.0


def night(folder: Path, seed: int) -> Invented:
    """Simulate a whole night; it is made of the stages of its hypnogram."""
    path = folder / "night.edf"
    stages = simulate.write_night(path, hours=NIGHT_HOURS, seed=seed)
    return Invented(Source(path=path), {"stages": stages, "hours": NIGHT_HOURS})


def random_signal(folder: Path, seed: int) -> Invented:
    """Write an hour of noise on every channel."""
    path = folder / "noise.edf"
    noise.write_noise(path, hours=NOISE_HOURS, seed=seed)
    return Invented(Source(path=path), {"hours": NOISE_HOURS, "microvolts": noise.MICROVOLTS})


MAKERS = {"simulated_night": night, "random_signal": random_signal}
