"""Oxygen saturation of a night: falls of 3 and 4 points, nadir, mean, time below 90 %. Screening.

A fall is what the AASM manual calls one (Berry 2020): 3 or 4 points below the value before it, found from
peak, nadir and recovery as oximetry software does (Jung 2018, Levy 2021). What cannot be a reading of blood
is left out first: below 50 or above 100 %, and changes faster than 4 points per second (Taha 1997, Levy
2021). ``SCREENING.md`` has the sources and what was chosen here where they are silent.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import ndimage

from ml.algorithms.sleep.contract import EPOCH_SECONDS
from ml.algorithms.sleep.screening import Gate, Words, gate_of
from ml.algorithms.sleep.traces import Trace
from ml.contracts import Text

LOWEST, HIGHEST = 50.0, 100.0
FASTEST = 4.0
"""Points per second; blood does not change faster (Taha 1997)."""
SMALLEST_DROP = 3.0
LOOK_BACK_SECONDS = 120
"""The value before a fall is sought so far back; a slower decline is a drift, no event."""
HELD_SECONDS = 3
"""The value before a fall was reached in so many of these seconds: a flicker of the last digit is none."""
SHORTEST_SECONDS = 10
REVERSAL = 2.0
"""Points the saturation must rise for a fall to be over."""
RECOVERED = 1.0
"""Within so many points of the value before it a fall has ended."""
BRIDGED_SECONDS = 3
HYPOXAEMIA = 90.0
_WORDS = Words(
    Text("The oximeter", "L’oxymètre"),
    Text("check that the sensor held on the finger.", "vérifiez la tenue du capteur sur le doigt."),
)
_FRACTION = Text(
    "The oximeter writes a fraction between 0 and 1; it was read as a percentage.",
    "L’oxymètre écrit une fraction entre 0 et 1 ; elle a été lue en pourcentage.",
)


@dataclass(frozen=True, slots=True)
class Desaturation:
    """One fall of the saturation.

    Parameters
    ----------
    start_s, nadir_s, end_s
        Last second at the value before it, lowest, and recovered; from the start of the recording.
    before, nadir
        Saturation in %.
    area
        Area below ``before`` from start to end, in % · min.
    """

    start_s: int
    nadir_s: int
    end_s: int
    before: float
    nadir: float
    area: float

    @property
    def drop(self) -> float:
        """Points of saturation lost."""
        return self.before - self.nadir


@dataclass(frozen=True, slots=True)
class Oxygen:
    """The oximeter's night.

    Parameters
    ----------
    label
        The channel.
    samples
        Saturation in %, shape (seconds,), float32: what was no reading is NaN.
    events
        Falls of 3 points and more, in order; empty when the signal is not usable.
    gate
        Whether there is enough signal, with the reasons.
    epochs
        Number of epochs of the recording.
    """

    label: str
    samples: np.ndarray
    events: tuple[Desaturation, ...]
    gate: Gate
    epochs: int

    def to_json(self) -> dict[str, Any]:
        """Return the stored form.

        Returns
        -------
        dict
            ``label``, ``gate``, ``events`` (times in s, ``before``, ``nadir``, ``drop`` in %, ``area``), the
            figures over the whole recording ``mean``, ``nadir``, ``below_90_percent`` (share of the time
            with a reading), ``median``; and ``per_epoch``: ``seconds`` with a reading, ``below_90`` seconds,
            ``mean`` and ``lowest``, from which ``indices.oxygen`` makes the figures of sleep.
        """
        seen = self.samples[np.isfinite(self.samples)] if self.gate.usable else np.empty(0)
        return {
            "label": self.label,
            "gate": self.gate.to_json(),
            "events": [_event(event) for event in self.events],
            "mean": _rounded(seen.mean()) if seen.size else None,
            "median": _rounded(np.median(seen)) if seen.size else None,
            "nadir": _rounded(seen.min()) if seen.size else None,
            "below_90_percent": _rounded(100 * np.mean(seen < HYPOXAEMIA)) if seen.size else None,
            "per_epoch": self._per_epoch(),
        }

    def _per_epoch(self) -> dict[str, list]:
        samples = np.full(self.epochs * EPOCH_SECONDS, np.nan, np.float32)
        given = self.samples[: len(samples)]
        samples[: len(given)] = given
        rows = samples.reshape(self.epochs, EPOCH_SECONDS)
        there = np.isfinite(rows)
        seconds = there.sum(axis=1)
        sums = np.where(there, rows, 0).sum(axis=1)
        lowest = np.where(there, rows, np.inf).min(axis=1, initial=np.inf)
        return {
            "seconds": seconds.tolist(),
            "below_90": (there & (rows < HYPOXAEMIA)).sum(axis=1).tolist(),
            "mean": [_rounded(s / n) if n else None for s, n in zip(sums, seconds, strict=True)],
            "lowest": [_rounded(x) if n else None for x, n in zip(lowest, seconds, strict=True)],
        }


def analyse(trace: Trace, epochs: int) -> Oxygen:
    """Find the falls of the saturation and say whether the oximeter can be trusted.

    Parameters
    ----------
    trace
        SpO2, in % or as a fraction, at any rate; gaps NaN.
    epochs
        Number of 30 s epochs of the recording.

    Raises
    ------
    ValueError
        When the trace is not one-dimensional or its rate is not positive.
    """
    samples, reasons = cleaned(trace)
    gate = gate_of(np.isfinite(samples), _WORDS, reasons)
    events = tuple(desaturations(samples)) if gate.usable else ()
    return Oxygen(trace.label, samples, events, gate, epochs)


def cleaned(trace: Trace) -> tuple[np.ndarray, list[Text]]:
    """Return saturation in % per second without what is no reading, and what was noticed.

    Returns
    -------
    ndarray of float32, shape (seconds,)
        NaN where the value is out of 50–100 %, changes faster than 4 points per second, or is missing.
    """
    samples, reasons = _per_second(trace), []
    if _is_fraction(samples):
        samples = samples * np.float32(100)
        reasons.append(_FRACTION)
    with np.errstate(invalid="ignore"):
        samples = np.where((samples >= LOWEST) & (samples <= HIGHEST), samples, np.nan)
        fast = np.abs(np.diff(samples)) > FASTEST
    # Both sides of a jump: which of the two is the blood's cannot be told.
    samples[:-1][fast] = np.nan
    samples[1:][fast] = np.nan
    return samples.astype(np.float32), reasons


def desaturations(samples: np.ndarray) -> Iterator[Desaturation]:
    """Yield the falls of 3 points and more, in order.

    Parameters
    ----------
    samples
        Saturation in % per second, shape (seconds,); NaN where there is no reading. A fall lies wholly in a
        stretch of readings; breaks of up to 3 s are bridged.
    """
    bridged = _bridged(samples)
    for first, last in runs(np.isfinite(bridged)):
        if last - first < SHORTEST_SECONDS:
            continue
        yield from _in_run(bridged[first:last], first)


def _in_run(run: np.ndarray, offset: int) -> Iterator[Desaturation]:
    for top, bottom, limit in _legs(run):
        leg = run[top : bottom + 1].astype(float)
        before = ndimage.rank_filter(
            leg, -HELD_SECONDS, size=LOOK_BACK_SECONDS + 1, origin=LOOK_BACK_SECONDS // 2,
            mode="constant", cval=-np.inf,
        )  # fmt: skip
        at = int(np.argmax(before - leg))
        if before[at] - leg[at] < SMALLEST_DROP:
            continue
        start = at - int(np.argmax(leg[at::-1] >= before[at]))
        end = _end(run, top + at, before[at], limit)
        if end - (top + start) < SHORTEST_SECONDS:
            continue
        below = np.maximum(0, before[at] - run[top + start : end + 1])
        yield Desaturation(
            start_s=offset + top + start,
            nadir_s=offset + top + at,
            end_s=offset + end,
            before=_rounded(before[at]),
            nadir=_rounded(leg[at]),
            area=_rounded(below.sum() / 60, 3),
        )


def _legs(run: np.ndarray) -> Iterator[tuple[int, int, int]]:
    """Yield each way down that was followed by a rise of 2 points: its top, its bottom, the next top."""
    turns = _turns(run.tolist())
    for (top, _), (bottom, _), (following, _) in zip(turns[::2], turns[1::2], turns[2::2], strict=False):
        yield top, bottom, following


def _turns(values: list[float]) -> list[tuple[int, float]]:
    """Return the turning points, top first and alternating, of swings of at least 2 points."""
    turns: list[tuple[int, float]] = []
    extreme, position, falling = values[0], 0, False
    for i, value in enumerate(values):
        if value < extreme if falling else value > extreme:
            extreme, position = value, i
        elif abs(value - extreme) >= REVERSAL:
            turns.append((position, extreme))
            extreme, position, falling = value, i, not falling
    return [*turns, (position, extreme)]


def _end(run: np.ndarray, nadir: int, before: float, limit: int) -> int:
    """Return the second at which the fall has recovered, the next top at the latest."""
    last = min(limit, nadir + LOOK_BACK_SECONDS)
    recovered = np.flatnonzero(run[nadir : last + 1] >= before - RECOVERED)
    return nadir + int(recovered[0]) if recovered.size else last


def _per_second(trace: Trace) -> np.ndarray:
    """Return the mean of each second's readings, NaN without any."""
    samples = np.asarray(trace.samples, np.float32)
    if samples.ndim != 1:
        raise ValueError(f"expected samples of shape (n,), got {samples.shape}")
    if not trace.rate > 0:
        raise ValueError(f"expected a rate above 0, got {trace.rate}")
    samples = np.where(np.isfinite(samples), samples, np.nan)
    seconds = int(len(samples) / trace.rate)
    if trace.rate == 1:
        return samples[:seconds]
    if trace.rate < 1:
        return samples[np.minimum((np.arange(seconds) * trace.rate).astype(int), len(samples) - 1)]
    second = np.minimum((np.arange(len(samples)) / trace.rate).astype(int), seconds)
    there = np.isfinite(samples)
    count = np.bincount(second[there], minlength=seconds + 1)[:seconds]
    total = np.bincount(second[there], samples[there], minlength=seconds + 1)[:seconds]
    return np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(np.float32)


def _is_fraction(samples: np.ndarray) -> bool:
    """Whether nearly every reading lies between half and one, as of an oximeter that writes 0.97."""
    seen = samples[np.isfinite(samples)]
    return bool(seen.size) and float(np.mean((seen > LOWEST / 100) & (seen <= 1.0))) > 0.5


def _bridged(samples: np.ndarray) -> np.ndarray:
    """Fill breaks of up to 3 s between readings that blood can join."""
    filled = samples.astype(np.float32)
    for first, last in runs(~np.isfinite(samples)):
        if first > 0 and last < len(samples) and last - first <= BRIDGED_SECONDS:
            left, right = samples[first - 1], samples[last]
            if abs(right - left) <= FASTEST:
                filled[first:last] = np.linspace(left, right, last - first + 2)[1:-1]
    return filled


def runs(flags: np.ndarray) -> list[tuple[int, int]]:
    """Return (first, one past last) of each run of true."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _event(event: Desaturation) -> dict[str, float]:
    return {
        "start_s": event.start_s,
        "nadir_s": event.nadir_s,
        "end_s": event.end_s,
        "before": event.before,
        "nadir": event.nadir,
        "drop": _rounded(event.drop),
        "area": event.area,
    }


def _rounded(value: float, digits: int = 1) -> float:
    return round(float(value), digits)
