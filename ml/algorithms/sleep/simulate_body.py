"""Heart, breath, oxygen and legs of a simulated night: pauses of breathing at known times, and their cost.

Invented and plain: each pause takes the flow away, leaves the belts moving (obstructive) and lowers the
saturation some seconds later. What a screening finds on it says that the pieces fit together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ml.algorithms.sleep.contract import EPOCH_SECONDS

BREATHING_RATE = 25
HEART_RATE = LEG_RATE = 100
_BREATHS_PER_SECOND = 0.24
_PAUSES_PER_HOUR = (0, 10, 12, 2, 16)  # by stage W, N1, N2, N3, R
# A finger sensor shows blood that left the lungs some time ago.
_CIRCULATION_SECONDS = 18
_USUAL_SATURATION = 96.0


@dataclass(frozen=True, slots=True)
class Pause:
    """One pause (``share`` of the flow that is left about 0) or reduction of breathing, in seconds."""

    start: float
    seconds: float
    share: float
    drop: float


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel ready to be written."""

    label: str
    unit: str
    rate: int
    samples: np.ndarray
    lowest: float
    highest: float


def channels(stages: np.ndarray, rng: np.random.Generator) -> Iterator[Channel]:
    """Yield ECG, flow, belts, SpO2 and legs of a night with this hypnogram (0..4 per 30 s epoch)."""
    seconds = len(stages) * EPOCH_SECONDS
    events = pauses(stages, rng)
    yield Channel("ECG", "uV", HEART_RATE, _heart(seconds, rng), -2000, 2000)
    yield from _breath(seconds, events, rng)
    yield Channel("SpO2", "%", 1, saturation(seconds, events, rng), 0, 100)
    for label in ("Leg Left", "Leg Right"):
        yield Channel(label, "uV", LEG_RATE, _leg(stages, rng), -500, 500)


def pauses(stages: np.ndarray, rng: np.random.Generator) -> list[Pause]:
    """Invent pauses and reductions of breathing in sleep, at least 40 s from one to the next."""
    found: list[Pause] = []
    for epoch, stage in enumerate(stages):
        if rng.random() >= _PAUSES_PER_HOUR[stage] * EPOCH_SECONDS / 3600:
            continue
        start = (epoch + rng.random()) * EPOCH_SECONDS
        whole = rng.random() < 0.5
        pause = Pause(
            start=start,
            seconds=rng.uniform(12, 32),
            share=0.03 if whole else 0.45,
            drop=rng.uniform(4, 9) if whole else rng.uniform(2, 6),
        )
        room = len(stages) * EPOCH_SECONDS - (pause.start + pause.seconds)
        if room > 90 and (not found or start - (found[-1].start + found[-1].seconds) > 40):
            found.append(pause)
    return found


def saturation(seconds: int, events: Sequence[Pause], rng: np.random.Generator) -> np.ndarray:
    """Oxygen saturation once a second, in whole percent as a pulse oximeter writes it."""
    times = np.arange(seconds)
    knots = np.arange(0, seconds + 600, 600)
    value = _USUAL_SATURATION + np.interp(times, knots, 0.4 * rng.standard_normal(len(knots)))
    for event in events:
        begin = event.start + _CIRCULATION_SECONDS * 0.6
        nadir = event.start + event.seconds + _CIRCULATION_SECONDS * 0.6
        value -= np.interp(times, [begin, nadir, nadir + 15], [0, event.drop, 0])
    return np.round(value.clip(60, 100))


def _breath(seconds: int, events: Sequence[Pause], rng: np.random.Generator) -> Iterator[Channel]:
    n = seconds * BREATHING_RATE
    times = np.arange(n) / BREATHING_RATE
    knots = np.arange(0, seconds + 20, 20)
    pace = np.interp(times, knots, _BREATHS_PER_SECOND * (1 + 0.06 * rng.standard_normal(len(knots))))
    depth = np.interp(times, knots, 1 + 0.08 * rng.standard_normal(len(knots)))
    phase = 2 * np.pi * np.cumsum(pace) / BREATHING_RATE
    flow, effort = depth.copy(), depth.copy()
    for event in events:
        inside = slice(int(event.start * BREATHING_RATE), int((event.start + event.seconds) * BREATHING_RATE))
        flow[inside] *= event.share
        effort[inside] *= 0.7
        after = slice(inside.stop, inside.stop + 12 * BREATHING_RATE)
        flow[after] *= 1.4
    noise = 0.02 * rng.standard_normal(n)
    yield Channel("Nasal Pressure", "cmH2O", BREATHING_RATE, 2 * flow * np.sin(phase) + noise, -10, 10)
    for label, shift, size in (("Thorax", 0.15, 60), ("Abdomen", 0.3, 80)):
        belt = size * effort * np.sin(phase - shift) + size * 0.02 * rng.standard_normal(n)
        yield Channel(label, "uV", BREATHING_RATE, belt, -500, 500)


def _heart(seconds: int, rng: np.random.Generator) -> np.ndarray:
    """A QRS complex and a T wave per beat, about sixty beats a minute."""
    n = seconds * HEART_RATE
    beats = np.cumsum(rng.normal(1.0, 0.04, int(seconds * 1.1)))
    wave = np.zeros(60)
    wave[10:17] = (-80, 250, 1000, 300, -180, -60, 0)
    wave[28:48] = 180 * np.hanning(20)
    impulses = np.zeros(n)
    places = (beats[beats < seconds - 1] * HEART_RATE).astype(int)
    impulses[places] = 1
    return np.convolve(impulses, wave)[:n] + 12 * rng.standard_normal(n)


def _leg(stages: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Quiet muscle with a few jerks a minute in some of light sleep."""
    n = len(stages) * EPOCH_SECONDS * LEG_RATE
    leg = 2 * rng.standard_normal(n)
    for epoch in np.flatnonzero((stages == 2) & (rng.random(len(stages)) < 0.1)):
        start = int((epoch + rng.random() * 0.9) * EPOCH_SECONDS * LEG_RATE)
        length = int(rng.uniform(0.5, 2) * LEG_RATE)
        burst = 40 * rng.standard_normal(length) * np.hanning(length)
        leg[start : start + length] += burst[: max(0, n - start)]
    return leg
