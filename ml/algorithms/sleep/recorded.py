"""A night as ``predict`` reads it, put together from what one pass over the file found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import signal as dsp

from ml.algorithms.sleep import channels, identity, montage, quality, reader
from ml.algorithms.sleep.channels import Derivation
from ml.algorithms.sleep.contract import SLOTS
from ml.algorithms.sleep.features import EPOCH_SAMPLES, PASS_BANDS, RATE, band_pass_taps, band_powers
from ml.algorithms.sleep.montage import Trace as Line
from ml.algorithms.sleep.signals import Night, Recording
from ml.algorithms.sleep.traces import Trace

# Band of the EEG that spindles and slow waves are searched in, in Hz: as it is shown.
EEG_BAND = (0.3, 35.0)
# A derivation votes when at least this share of its epochs can be used.
FIT_TO_VOTE = 0.5
_UNUSABLE = ("flat", "clipped", "mains", "detached")


@dataclass(frozen=True, slots=True)
class Juror:
    """One EEG derivation that may vote: its label, the input it is read as, features (epochs, 10)."""

    label: str
    slot: str
    features: np.ndarray


@dataclass(frozen=True, slots=True)
class Recorded:
    """A night as the network reads it.

    Parameters
    ----------
    features
        Shape (epochs, 3, 10): band powers by slot; 0 in epochs outside every stretch.
    mask
        Shape (3,): which slots are filled.
    channels
        Label of the derivation in each slot, ``None`` where there is none.
    start
        When the recording began, ISO 8601 without a zone; empty when unknown.
    rate
        Samples per second of the first EEG in the file; ``None`` for band powers.
    segments
        First epoch and number of epochs of each uninterrupted stretch; empty stands for all of them.
    jurors
        EEG derivations fit for voting, at most six, those of the slots first.
    usable
        Shape (epochs, 3), bool: false where the slot has no channel, or it is flat, clipped, detached
        or swamped by the mains; empty for band powers.
    eeg, eeg_label
        First EEG derivation in µV at 100 Hz, 0.3 to 35 Hz, NaN in gaps.
    oxygen, flow, effort
        Read only if the file has them; belts thorax first.
    lights_off, lights_on
        Seconds from the start of the recording, if its annotations say so.
    opinion
        Whether a second opinion is asked for, see ``opinion``.
    alone
        Whether stages and statistics are all that is asked for: the trees are then not.
    """

    features: np.ndarray
    mask: np.ndarray
    channels: dict[str, str | None]
    start: str = ""
    rate: float | None = None
    simulated: bool = False
    segments: tuple[tuple[int, int], ...] = ()
    jurors: tuple[Juror, ...] = ()
    usable: np.ndarray = field(default_factory=lambda: np.empty((0, len(SLOTS)), bool))
    eeg: np.ndarray | None = None
    eeg_label: str = ""
    oxygen: Trace | None = None
    flow: Trace | None = None
    effort: tuple[Trace, ...] = ()
    lights_off: float | None = None
    lights_on: float | None = None
    opinion: bool = False
    alone: bool = False


def assemble(
    recording: Recording,
    derivations: list[Derivation],
    shown: tuple[Line, ...],
    night: Night,
    *,
    displayed: bool = True,
) -> Recorded:
    """Put a night together.

    Parameters
    ----------
    derivations
        What the staging reads, less what is flat.
    shown
        The montage.
    displayed
        Whether to keep the first EEG as it is shown, for all that is not the stages.
    """
    labels = {d.slot: d.label for d in derivations}
    start = identity.start(recording.header)
    staged = [d for d in derivations if d.slot in SLOTS]
    features = np.zeros((recording.epochs, len(SLOTS), 10), np.float32)
    usable = np.zeros((recording.epochs, len(SLOTS)), bool)
    known: dict[tuple, np.ndarray] = {}
    for d in staged:
        at, place = SLOTS.index(d.slot), (d.signal, d.minus)
        features[:, at] = known[place, d.slot] = _features(recording, night.derivations[place], d.slot)
        usable[:, at] = _usable(recording, night.quality[place])
    first = next(d for d in staged if d.slot in SLOTS[:2])
    kept = displayed and reader.microvolts_per_unit(recording.signals[first.signal]) is not None
    return Recorded(
        features=features,
        mask=np.array([slot in labels for slot in SLOTS]),
        channels={slot: labels.get(slot) for slot in (*SLOTS, channels.EMG)},
        start=start.isoformat() if start else "",
        rate=round(recording.rate(first.signal), 2),
        simulated=identity.simulated(recording.header),
        segments=tuple(e for s in recording.segments if (e := s.epochs(recording.header))[1]),
        jurors=_jurors(recording, shown, night, known),
        usable=usable,
        eeg=_displayed(recording, night.derivations[first.signal, first.minus]) if kept else None,
        eeg_label=first.label if kept else "",
        **_physiology(recording, shown, night),
    )


def _features(recording: Recording, samples: np.ndarray, slot: str) -> np.ndarray:
    """Band powers of each stretch by itself: no filter runs across a gap."""
    found = np.zeros((recording.epochs, 10), np.float32)
    for stretch in recording.segments:
        first, count = stretch.epochs(recording.header)
        end = round((stretch.onset_s + stretch.seconds(recording.header)) * RATE)
        if count:
            part = samples[first * EPOCH_SAMPLES : end]
            found[first : first + count] = band_powers(part, RATE, PASS_BANDS[slot])[:count]
    return found


def _usable(recording: Recording, judged: quality.Quality) -> np.ndarray:
    within = np.zeros(recording.epochs, bool)
    for stretch in recording.segments:
        first, count = stretch.epochs(recording.header)
        within[first : first + count] = True
    bad = [1 + quality.REASONS.index(reason) for reason in _UNUSABLE]
    return within & ~np.isin(judged.reasons, bad)


def _jurors(
    recording: Recording, shown: tuple[Line, ...], night: Night, known: Mapping[tuple, np.ndarray]
) -> tuple[Juror, ...]:
    found = []
    for trace, slot in montage.jurors(recording.signals, shown):
        place = (trace.plus, trace.minus)
        judged = night.quality[place]
        if judged.dead or _usable(recording, judged).mean() < FIT_TO_VOTE:
            continue
        features = known.get((place, slot))
        if features is None:
            features = _features(recording, night.derivations[place], slot)
        found.append(Juror(trace.label, slot, features))
    return tuple(found)


def _displayed(recording: Recording, samples: np.ndarray) -> np.ndarray:
    """The EEG as it is shown, stretch by stretch, zero phase."""
    taps, found = band_pass_taps(*EEG_BAND), np.full_like(samples, np.nan)
    for stretch in recording.segments:
        part = slice(
            round(stretch.onset_s * RATE),
            round((stretch.onset_s + stretch.seconds(recording.header)) * RATE),
        )
        x = samples[part] - np.mean(samples[part], dtype=np.float64).astype(np.float32)
        found[part] = dsp.oaconvolve(x, taps, mode="same")[: len(x)] if len(x) else x
    return found


def _physiology(recording: Recording, shown: tuple[Line, ...], night: Night) -> dict[str, Any]:
    traces: dict[str, list[Trace]] = {"spo2": [], "flow": [], "effort": []}
    for line in shown:
        place = (line.plus, line.minus)
        if place in night.slow:
            signal = recording.signals[line.plus]
            unit = signal.unit if reader.microvolts_per_unit(signal) is None else "µV"
            traces[line.kind].append(Trace(line.label, unit, *night.slow[place]))
    return {
        "oxygen": next(iter(traces["spo2"]), None),
        "flow": next(iter(traces["flow"]), None),
        "effort": tuple(traces["effort"]),
    }
