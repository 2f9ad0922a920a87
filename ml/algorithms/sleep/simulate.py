"""A simulated night for trying the product without a patient: plausible, and marked simulated.

Band-limited noise whose strength follows an invented hypnogram, with spindles, slow waves, blinks and
eye movements; heart, breath, oxygen and legs (``simulate_body.py``); lights off and on as annotations.
Figures on it say that the pieces fit together, nothing of patients.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from datetime import date, time
from pathlib import Path

import edfio
import numpy as np
from scipy import signal as dsp

from ml.algorithms.sleep import simulate_body
from ml.algorithms.sleep.contract import EPOCH_SECONDS, STAGES
from ml.contracts import Identity

RATE = 100
EQUIPMENT = "simulated"
_W, _N1, _N2, _N3, _R = range(5)
# Standard deviation in µV of each component of the frontal EEG by stage W, N1, N2, N3, R.
_COMPONENTS = {
    (0.4, 1.8): (4, 6, 13, 42, 6),
    (1.8, 4.0): (4, 6, 10, 20, 6),
    (4.0, 8.0): (4, 8, 8, 9, 8),
    (8.0, 12.0): (6, 4, 3.5, 3, 3.5),
    (12.0, 16.0): (2.2, 1.8, 2.2, 1.8, 1.6),
    (16.0, 32.0): (4.5, 2.4, 1.7, 1.2, 2.2),
}
# How the posterior derivation differs: more alpha, weaker slow waves.
_POSTERIOR = {(8.0, 12.0): (3.5, 1.5, 1.2, 1, 1.2), (0.4, 1.8): (0.8, 0.7, 0.7, 0.7, 0.7)}
_CHIN = (18, 10, 7, 6, 2)
_ANONYMOUS = Identity()
_DARK_AFTER, _LIT_BEFORE = 300, 120  # seconds


def write_night(
    path: Path, *, hours: float = 7.5, seed: int = 0, identity: Identity | None = None
) -> list[str]:
    """Write a simulated night as EDF+, the word "simulated" in its recording field.

    Parameters
    ----------
    path
        File to write.
    hours
        Length; at least one epoch.
    seed
        The same seed gives the same night.
    identity
        Whom the header names; nobody when not given.

    Returns
    -------
    list of str
        The hypnogram the night was made from, one stage per 30 s epoch.

    Raises
    ------
    ValueError
        When the night would be shorter than one epoch.
    """
    epochs = int(hours * 3600 / EPOCH_SECONDS)
    if epochs < 1:
        raise ValueError(f"expected at least {EPOCH_SECONDS} s, got {hours} h")
    rng = np.random.default_rng(seed)
    stages = hypnogram(epochs, rng)
    voltages = (
        simulate_body.Channel(label, "uV", RATE, samples, -limit, limit)
        for label, samples, limit in _channels(stages, rng)
    )
    body = simulate_body.channels(stages, np.random.default_rng([seed, 1]))
    edfio.Edf(
        [_written(channel) for channel in (*voltages, *body)],
        patient=_patient(identity or _ANONYMOUS),
        recording=edfio.Recording(startdate=date(2026, 1, 5), equipment_code=EQUIPMENT),
        starttime=time(22, 45),
        data_record_duration=1.0,
        annotations=_lights(epochs),
    ).write(path)
    return [STAGES[i] for i in stages]


def _written(channel: simulate_body.Channel) -> edfio.EdfSignal:
    return edfio.EdfSignal(
        np.clip(channel.samples, channel.lowest, channel.highest),
        channel.rate,
        label=channel.label,
        physical_dimension=channel.unit,
        physical_range=(channel.lowest, channel.highest),
        prefiltering=EQUIPMENT,
    )


def _lights(epochs: int) -> list[edfio.EdfAnnotation]:
    """Lights off after five minutes and on two before the end; none in a night too short for both."""
    end = epochs * EPOCH_SECONDS
    if end < 3 * (_DARK_AFTER + _LIT_BEFORE):
        return []
    return [
        edfio.EdfAnnotation(_DARK_AFTER, None, "Lights off"),
        edfio.EdfAnnotation(end - _LIT_BEFORE, None, "Lights on"),
    ]


def hypnogram(epochs: int, rng: np.random.Generator) -> np.ndarray:
    """Invent a hypnogram: cycles of about 90 min, deep sleep early, REM sleep late, brief awakenings.

    Returns
    -------
    ndarray of int, shape (epochs,)
        0..4 for W, N1, N2, N3, R.
    """
    bouts = [np.full(length, stage) for stage, length in _bouts(epochs, rng)]
    night = np.concatenate(bouts)[:epochs]
    # A person wakes up in the end, when there was time for it.
    if epochs > 120:
        night[-int(rng.integers(10, 20)) :] = _W
    return night


def _bouts(epochs: int, rng: np.random.Generator) -> Iterator[tuple[int, int]]:
    """Yield (stage, epochs) until the night is full."""
    filled, cycle = 0, 0
    plan = [(_W, int(rng.integers(20, 40)))]
    while filled < epochs:
        deep, dreaming = max(0, 62 - 22 * cycle), min(16 + 14 * cycle, 60)
        plan += [(_N1, 7), (_N2, 36), (_N3, deep), (_N2, 26), (_R, dreaming)]
        if rng.random() < 0.6:
            plan.append((_W, int(rng.integers(2, 9))))
        for stage, length in plan:
            varied = round(length * rng.uniform(0.8, 1.2))
            filled += varied
            yield stage, varied
        plan, cycle = [], cycle + 1


def _channels(stages: np.ndarray, rng: np.random.Generator) -> Iterator[tuple[str, np.ndarray, float]]:
    """Yield label, samples in µV and limit of each channel."""
    n = len(stages) * EPOCH_SECONDS * RATE
    spindles = _spindles(stages, rng)
    found = {}
    left, right = _eyes(stages, rng)
    for label, factors, blink, spindle in (
        ("EEG F4-M1", {}, 0.35, 1.0),
        ("EEG O2-M1", _POSTERIOR, 0.05, 0.4),
    ):
        eeg = spindle * spindles + blink * (left + right) / 2
        for band, levels in _COMPONENTS.items():
            strength = np.array(levels) * np.array(factors.get(band, np.ones(5)))
            eeg += _noise(n, band, rng) * _envelope(stages, strength, rng)
        found[label] = eeg
        yield label, eeg, 500.0
    # Between the two on the head, so between them in what it sees.
    front, back = found.values()
    yield "EEG C4-M1", 0.65 * front + 0.35 * back, 500.0
    shared = _noise(n, (0.4, 4.0), rng) * _envelope(stages, np.array([3, 3, 6, 18, 3.0]), rng)
    for label, eye in (("EOG E1-M2", left), ("EOG E2-M2", right)):
        yield label, eye + shared + 3 * _noise(n, (0.5, 30.0), rng), 600.0
    yield "EMG Chin", _noise(n, (10.0, 45.0), rng) * _envelope(stages, np.array(_CHIN, float), rng), 300.0


def _noise(n: int, band: tuple[float, float], rng: np.random.Generator) -> np.ndarray:
    """Gaussian noise of one band with standard deviation 1."""
    sections = dsp.butter(2, band, "bandpass", fs=RATE, output="sos")
    noise = dsp.sosfilt(sections, rng.standard_normal(n + 10 * RATE))[10 * RATE :]
    return noise / noise.std()


def _envelope(stages: np.ndarray, levels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Strength per sample: that of the stage, wandering a little, smooth across epochs."""
    wander = np.exp(0.12 * rng.standard_normal(len(stages)))
    centres = (np.arange(len(stages)) + 0.5) * EPOCH_SECONDS
    return np.interp(np.arange(len(stages) * EPOCH_SECONDS * RATE) / RATE, centres, levels[stages] * wander)


def _events(
    stages: np.ndarray, per_minute: tuple[float, ...], rng: np.random.Generator
) -> Iterator[tuple[int, int]]:
    """Yield (first sample, stage) of events that come at a rate per minute that depends on the stage."""
    for i, stage in enumerate(stages):
        for _ in range(rng.poisson(per_minute[stage] * EPOCH_SECONDS / 60)):
            yield int((i + rng.random()) * EPOCH_SECONDS * RATE), int(stage)


def _spindles(stages: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    out = np.zeros(len(stages) * EPOCH_SECONDS * RATE)
    for start, _ in _events(stages, (0, 0.3, 5, 2, 0), rng):
        length = int(rng.uniform(0.6, 1.4) * RATE)
        wave = np.hanning(length) * np.sin(2 * np.pi * rng.uniform(12.5, 14.5) * np.arange(length) / RATE)
        _add(out, start, rng.uniform(18, 32) * wave)
    return out


def _eyes(stages: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Blinks move both eyes' channels alike, saccades and slow rolling move them apart."""
    n = len(stages) * EPOCH_SECONDS * RATE
    left, right = np.zeros(n), np.zeros(n)
    for start, _ in _events(stages, (10, 1, 0, 0, 0), rng):
        blink = rng.uniform(50, 110) * np.hanning(int(0.35 * RATE))
        _add(left, start, blink)
        _add(right, start, blink * 0.9)
    for start, stage in _events(stages, (5, 1, 0, 0, 9), rng):
        length = int(rng.uniform(0.3, 0.8) * RATE)
        step = rng.choice((-1, 1)) * rng.uniform(50, 120) * dsp.windows.tukey(length, 0.3)
        _add(left, start, step)
        _add(right, start, -step if stage == _R else -step * 0.9)
    rolling = _noise(n, (0.2, 0.6), rng) * _envelope(stages, np.array([6, 28, 3, 2, 5.0]), rng)
    return left + rolling, right - rolling


def _add(out: np.ndarray, start: int, wave: np.ndarray) -> None:
    end = min(start + len(wave), len(out))
    out[start:end] += wave[: end - start]


def _patient(identity: Identity) -> edfio.Patient:
    name = " ".join(part for part in (identity.family_name, identity.given_name) if part)
    return edfio.Patient(
        code=_ascii(identity.record_number) or "X",
        sex=identity.sex.upper()[:1] if identity.sex.upper()[:1] in ("F", "M") else "X",
        birthdate=identity.birth_date,
        name=_ascii(name) or "X",
    )


def _ascii(text: str) -> str:
    """Fold accents and join with underscores, because EDF headers are ASCII without spaces inside."""
    folded = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return "_".join(folded.split())
