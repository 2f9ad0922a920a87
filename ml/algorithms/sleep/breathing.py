"""Pauses and reductions of the air flow, and the oxygen they cost. Screening, never a diagnosis.

Follows the AASM manual's rule 1A as far as flow and oximeter allow (Berry 2012, 2020): apnoea, the flow's
excursion falls by at least 90 % for at least 10 s; hypopnoea, by at least 30 % for at least 10 s with a fall
of saturation of at least 3 points. Arousals, the other way to a hypopnoea, are not looked for, so fewer are
found than a person would score. ``SCREENING.md`` has the sources and what was chosen here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import ndimage
from scipy import signal as dsp

from ml.algorithms.sleep.burden import burdens
from ml.algorithms.sleep.contract import EPOCH_SECONDS
from ml.algorithms.sleep.oxygen import Oxygen, runs
from ml.algorithms.sleep.screening import Gate, Words, gate_of
from ml.algorithms.sleep.traces import Trace
from ml.contracts import Text

RATE = 8
"""Samples per second at which the flow is read: breathing needs no more."""
BAND = (0.05, 1.5)
SHORTEST_SECONDS = 10
LONGEST_SECONDS = 120
"""A longer silence is a sensor that fell off until somebody has looked at it."""
BASELINE_SECONDS = 120
APNOEA, HYPOPNOEA = 0.10, 0.70
"""Share of the flow before it that is left."""
BREATH_SECONDS = 6
RECOVERY_SECONDS = 60
"""Within so long after a reduction's end the saturation reaches its lowest."""
COUNTED = ("apnoea", "hypopnoea")
EFFORT_LEFT = 0.25
BREATHING = (0.1, 0.6)
RHYTHMIC = 0.5
_WORDS = Words(
    Text("The flow signal", "Le signal de débit"),
    Text("check the cannula or the thermistor.", "vérifiez la canule ou la thermistance."),
)
_NO_OXYGEN = Text(
    "Without a usable oximeter no hypopnoea can be told: pauses only.",
    "Sans oxymétrie exploitable, aucune hypopnée ne peut être reconnue : pauses seulement.",
)


@dataclass(frozen=True, slots=True)
class FlowEvent:
    """One pause or reduction of the flow.

    Parameters
    ----------
    start_s, end_s
        Seconds from the start of the recording.
    kind
        ``"apnoea"``, ``"hypopnoea"`` (with its fall of saturation) or ``"reduction"`` (without).
    effort
        For a pause: ``"with"`` or ``"without"`` effort of chest or belly, ``""`` where no belt tells.
    drop
        Points of saturation lost with it, ``None`` where no fall belongs to it.
    burden
        Its hypoxic burden in % · min, ``None`` without a usable oximeter.
    """

    start_s: float
    end_s: float
    kind: str
    effort: str = ""
    drop: float | None = None
    burden: float | None = None


@dataclass(frozen=True, slots=True)
class Breathing:
    """The night's flow events.

    Parameters
    ----------
    label
        The flow channel.
    events
        In order; empty when the signal is not usable.
    gate
        Whether there is enough breathing to be seen in the signal, with the reasons.
    seconds
        Shape (epochs,): seconds of each epoch with a usable signal.
    oxygen
        Whether the oximeter could be used beside it.
    """

    label: str
    events: tuple[FlowEvent, ...]
    gate: Gate
    seconds: np.ndarray
    oxygen: bool

    def to_json(self) -> dict[str, Any]:
        """Return the stored form: ``label``, ``gate``, ``oxygen``, ``events``, ``per_epoch.seconds``.

        Figures per hour of sleep come from ``indices.breathing``.
        """
        return {
            "label": self.label,
            "gate": self.gate.to_json(),
            "oxygen": self.oxygen,
            "events": [_event(event) for event in self.events],
            "per_epoch": {"seconds": self.seconds.tolist()},
        }


def analyse(flow: Trace, effort: Sequence[Trace] = (), oxygen: Oxygen | None = None) -> Breathing:
    """Find pauses and reductions of the flow.

    Parameters
    ----------
    flow
        Nasal pressure or thermistor, any unit; gaps NaN; at least 4 samples per second.
    effort
        Belts around chest and belly.
    oxygen
        From ``oxygen.analyse`` of the same recording.

    Raises
    ------
    ValueError
        When a trace is not one-dimensional or its rate is below 4 per second.
    """
    filtered = _filtered(flow)
    breathing = _breathing(filtered)
    saturated = oxygen is not None and oxygen.gate.usable
    gate = gate_of(breathing, _WORDS, () if saturated else (_NO_OXYGEN,))
    seconds = _per_epoch(breathing)
    if not gate.usable:
        return Breathing(flow.label, (), gate, seconds, saturated)
    events = list(_reductions(filtered, breathing))
    belts = [_filtered(belt) for belt in effort]
    events = [replace(e, effort=_effort(e, belts)) if e.kind == "apnoea" else e for e in events]
    if saturated:
        events = _with_burden(_with_falls(events, oxygen), oxygen.samples)
    return Breathing(flow.label, tuple(events), gate, seconds, saturated)


def _filtered(trace: Trace) -> np.ndarray:
    """Return the breathing band at ``RATE``, shape (seconds · RATE,), NaN where there is no signal."""
    samples = np.asarray(trace.samples, float)
    if samples.ndim != 1:
        raise ValueError(f"expected samples of shape (n,), got {samples.shape}")
    if not trace.rate >= RATE / 2:
        raise ValueError(f"expected at least {RATE / 2:g} samples per second, got {trace.rate}")
    seconds = int(len(samples) / trace.rate)
    bins = np.minimum((np.arange(len(samples)) * (RATE / trace.rate)).astype(int), seconds * RATE)
    there = np.isfinite(samples)
    count = np.bincount(bins[there], minlength=seconds * RATE + 1)[:-1]
    total = np.bincount(bins[there], samples[there], minlength=seconds * RATE + 1)[:-1]
    known = count > 0
    if not known.any():
        return np.full(seconds * RATE, np.nan)
    if trace.rate < RATE:
        known = ndimage.binary_closing(known, np.ones(int(RATE / trace.rate) + 2)) | known
    mean = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    at = np.arange(len(mean))
    filled = np.interp(at, at[count > 0], mean[count > 0])
    out = np.full(len(mean), np.nan)
    sections = dsp.butter(2, BAND, "bandpass", fs=RATE, output="sos")
    for first, last in runs(known):
        if last - first > 3 * SHORTEST_SECONDS * RATE:
            out[first:last] = dsp.sosfiltfilt(sections, filled[first:last])
    return out


def _excursion(filtered: np.ndarray, seconds: int) -> np.ndarray:
    """Return highest minus lowest over a window of so many seconds around each sample; NaN near gaps."""
    size = seconds * RATE + 1
    high = ndimage.maximum_filter1d(np.where(np.isfinite(filtered), filtered, np.inf), size, mode="nearest")
    low = ndimage.minimum_filter1d(np.where(np.isfinite(filtered), filtered, -np.inf), size, mode="nearest")
    with np.errstate(invalid="ignore"):
        span = high - low
    return np.where(np.isfinite(span), span, np.nan)


def _breathing(filtered: np.ndarray) -> np.ndarray:
    """Say for each second whether a breathing rhythm is there: not flat for long, not noise, not a gap.

    Judged over stretches of two minutes: the share of the power between 0.1 and 0.6 Hz, and an excursion
    that is not lost against the night's.
    """
    seconds = len(filtered) // RATE
    usable = np.zeros(seconds, bool)
    length = BASELINE_SECONDS * RATE
    rows = [filtered[at : at + length] for at in range(0, len(filtered), length)]
    spans = [np.ptp(row) if np.isfinite(row).all() else 0.0 for row in rows]
    typical = np.median([span for span in spans if span > 0]) if any(spans) else 0.0
    for k, row in enumerate(rows):
        known = np.isfinite(row)
        if known.sum() < length / 4 or not typical:
            continue
        values = row[known]
        if np.ptp(values) >= 0.05 * typical and _rhythmic(values):
            first = k * BASELINE_SECONDS
            usable[first : first + BASELINE_SECONDS] = known[: len(known) // RATE * RATE : RATE]
    return usable


def _rhythmic(values: np.ndarray) -> bool:
    power = np.abs(np.fft.rfft(values * np.hanning(len(values)))) ** 2
    frequency = np.fft.rfftfreq(len(values), 1 / RATE)
    inside = (frequency >= BREATHING[0]) & (frequency <= BREATHING[1])
    whole = power[frequency > 0].sum()
    return bool(whole > 0 and power[inside].sum() / whole >= RHYTHMIC)


def _reductions(filtered: np.ndarray, breathing: np.ndarray) -> Iterator[FlowEvent]:
    """Yield pauses and reductions: stretches of ten seconds and more whose whole excursion is small."""
    window = _excursion(filtered, SHORTEST_SECONDS)
    before = _baseline(filtered)
    # The flow before the window that is judged, not in it.
    reach = SHORTEST_SECONDS // 2 * RATE
    before = np.concatenate([np.full(reach, np.nan), before[:-reach]])
    with np.errstate(invalid="ignore"):
        share = window / before
        quiet, less = share <= APNOEA, share <= HYPOPNOEA
    half = np.ones(SHORTEST_SECONDS * RATE + 1, bool)
    pauses = ndimage.binary_dilation(quiet, half)
    for first, last in runs(ndimage.binary_dilation(less, half)):
        inside = runs(pauses[first:last])
        found = [(first + a, first + b, "apnoea") for a, b in inside] or [(first, last, "reduction")]
        for start, end, kind in found:
            length = (end - start) / RATE
            middle = min((start + end) // 2 // RATE, len(breathing) - 1)
            if SHORTEST_SECONDS <= length <= LONGEST_SECONDS and breathing[middle]:
                yield FlowEvent(start / RATE, end / RATE, kind)


def _baseline(filtered: np.ndarray) -> np.ndarray:
    """Return the excursion of a breath in the last two minutes of breathing before each sample.

    The upper quartile: with stable breathing the size of its breaths, with many events that of the breaths
    between them, as the manual's "three largest breaths" is. Silence is skipped, or a long pause would end
    for want of anything to compare it with.
    """
    breath = _excursion(filtered, BREATH_SECONDS)[::RATE]
    known = np.isfinite(breath)
    if not known.any():
        return np.full(len(filtered), np.nan)
    breathing = known & (np.where(known, breath, 0) > APNOEA * np.median(breath[known]))
    size = BASELINE_SECONDS
    upper = ndimage.percentile_filter(breath[breathing], 75, size=size, origin=size // 2 - 1, mode="nearest")
    latest = np.cumsum(breathing) - 1
    held = np.where(latest >= 0, upper[np.maximum(latest, 0)], np.nan)
    return np.repeat(held, RATE)[: len(filtered)]


def _with_falls(events: Sequence[FlowEvent], oxygen: Oxygen) -> list[FlowEvent]:
    """Give each fall of saturation to the last event before it; a reduction with one is a hypopnoea."""
    drops: dict[int, float] = {}
    for fall in oxygen.events:
        own = [
            i for i, e in enumerate(events)
            if e.start_s <= fall.nadir_s <= e.end_s + RECOVERY_SECONDS and fall.end_s > e.start_s
        ]  # fmt: skip
        if own:
            drops[own[-1]] = max(fall.drop, drops.get(own[-1], 0))
    return [
        replace(e, drop=round(drops[i], 1), kind="hypopnoea" if e.kind == "reduction" else e.kind)
        if i in drops else e
        for i, e in enumerate(events)
    ]  # fmt: skip


def _with_burden(events: Sequence[FlowEvent], samples: np.ndarray) -> list[FlowEvent]:
    counted = [i for i, e in enumerate(events) if e.kind in COUNTED]
    found = dict(zip(counted, burdens([events[i].end_s for i in counted], samples), strict=True))
    return [replace(e, burden=found.get(i)) for i, e in enumerate(events)]


def _effort(event: FlowEvent, belts: Sequence[np.ndarray]) -> str:
    """Say whether chest or belly went on moving during a pause, against the two minutes before it."""
    told = []
    for belt in belts:
        start, end = int(event.start_s * RATE), int(event.end_s * RATE)
        during = belt[start:end]
        before = _baseline_at(belt, start)
        if before and during.size and np.isfinite(during).all():
            told.append(np.ptp(during) / before > EFFORT_LEFT)
    return "" if not told else "with" if any(told) else "without"


def _baseline_at(belt: np.ndarray, start: int) -> float:
    past = belt[max(0, start - BASELINE_SECONDS * RATE) : start]
    if not np.isfinite(past).any():
        return 0.0
    return float(np.nanpercentile(_excursion(past, BREATH_SECONDS), 75))


def _per_epoch(breathing: np.ndarray) -> np.ndarray:
    epochs = -(-len(breathing) // EPOCH_SECONDS)
    padded = np.zeros(epochs * EPOCH_SECONDS, bool)
    padded[: len(breathing)] = breathing
    return padded.reshape(epochs, EPOCH_SECONDS).sum(axis=1)


def _event(event: FlowEvent) -> dict[str, Any]:
    return {
        "start_s": round(event.start_s, 1),
        "end_s": round(event.end_s, 1),
        "kind": event.kind,
        "effort": event.effort,
        "drop": event.drop,
        "burden": event.burden,
    }
