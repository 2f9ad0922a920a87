"""One pass over a recording: what the staging reads, what physiology needs, what the viewer draws.

Of the file at most sixteen megabytes are in memory at a time, and of the night only what is asked for:
derivations at 100 Hz, breathing at 32 Hz or less, SpO2 once a second, and the pyramid.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ml.algorithms.sleep import identity, montage, pyramid, reader, segments
from ml.algorithms.sleep.edf_header import Header, Signal
from ml.algorithms.sleep.features import RATE
from ml.algorithms.sleep.montage import Trace
from ml.algorithms.sleep.quality import Quality, Tally
from ml.algorithms.sleep.reader import Piece
from ml.algorithms.sleep.resampling import Resampler, Sampler
from ml.algorithms.sleep.segments import Segment
from ml.contracts import Artefact, Refused

INDEX = "signals.json"
VERSION = 1
BREATHING_RATE, OXYGEN_RATE = 32.0, 1.0
_BREATHING = ("flow", "effort")
_SLOWEST_JUDGED = 10.0

Place = tuple[int, int | None]


@dataclass(frozen=True, slots=True)
class Recording:
    """An opened recording: its header, its signals and its uninterrupted stretches."""

    path: Path
    header: Header
    signals: tuple[Signal, ...]
    segments: tuple[Segment, ...]

    @property
    def seconds(self) -> float:
        """Length from the first sample to the last, gaps included."""
        return segments.span(self.segments, self.header)

    @property
    def epochs(self) -> int:
        """Whole epochs of the grid."""
        return segments.grid(self.segments, self.header)

    def rate(self, place: int) -> float:
        """Return the samples per second of one signal."""
        return reader.rate(self.header, self.signals[place])


@dataclass(slots=True)
class Night:
    """What one pass found.

    Parameters
    ----------
    derivations
        Samples at 100 Hz of the derivations asked for, float32, NaN in gaps.
    slow
        Breathing and SpO2: rate and samples, NaN in gaps.
    quality
        Of every trace and derivation.
    artefacts
        ``signals.json`` and ``pyramid.bin``; empty when no drawing was asked for.
    """

    derivations: dict[Place, np.ndarray] = field(default_factory=dict)
    slow: dict[Place, tuple[float, np.ndarray]] = field(default_factory=dict)
    quality: dict[Place, Quality] = field(default_factory=dict)
    artefacts: tuple[Artefact, ...] = ()


class _Line:
    """One signal, or the difference of two, and everything it feeds."""

    def __init__(self, recording: Recording, trace: Trace, *, drawn: bool, staged: bool) -> None:
        self.trace = trace
        plus, minus = recording.signals[trace.plus], trace.minus
        self._scales = [reader.scale(recording.signals[i]) for i in (trace.plus, minus) if i is not None]
        self._limits = [
            (recording.signals[i].digital_min, recording.signals[i].digital_max)
            for i in (trace.plus, minus)
            if i is not None
        ]
        self._places = [i for i in (trace.plus, minus) if i is not None]
        rate, seconds = recording.rate(trace.plus), recording.seconds
        self.rate = rate
        self.voltage = reader.microvolts_per_unit(plus) is not None
        self.tally = (
            Tally(trace.kind, rate, abs(self._scales[0][0]), seconds) if rate >= _SLOWEST_JUDGED else None
        )
        self.builder = pyramid.Builder(rate, montage.FILTERS.get(trace.kind), seconds) if drawn else None
        self.resampler = _resampler(trace.kind, rate, seconds, staged=staged)

    def feed(self, piece: Piece, *, fresh: bool) -> None:
        stored = [piece.digital[i] for i in self._places]
        samples = self._physical(stored)
        if self.tally is not None:
            clipped = np.zeros(len(samples), bool)
            for digital, (lowest, highest) in zip(stored, self._limits, strict=True):
                clipped |= (digital <= lowest) | (digital >= highest)
            self.tally.feed(piece.onset_s, samples, clipped)
        if self.builder is not None:
            self.builder.feed(piece.onset_s, samples, fresh=fresh)
        if self.resampler is not None:
            self.resampler.feed(piece.onset_s, piece.seconds, samples, fresh=fresh, last=piece.last)

    def _physical(self, stored: Sequence[np.ndarray]) -> np.ndarray:
        gain, bias = self._scales[0]
        samples = stored[0].astype(np.float32) * np.float32(gain)
        if len(stored) > 1:
            samples -= stored[1].astype(np.float32) * np.float32(self._scales[1][0])
            bias -= self._scales[1][1]
        return samples + np.float32(bias)


def _resampler(kind: str, rate: float, seconds: float, *, staged: bool) -> Resampler | Sampler | None:
    if kind == "spo2":
        return Sampler(rate, OXYGEN_RATE, seconds)
    if kind in _BREATHING:
        return Resampler(rate, min(rate, BREATHING_RATE), seconds)
    return Resampler(rate, RATE, seconds) if staged else None


def collect(
    recording: Recording, drawn: Sequence[Trace], staged: Sequence[Trace], *, artefacts: bool = True
) -> Night:
    """Read a recording once.

    Parameters
    ----------
    drawn
        The montage.
    staged
        Derivations to bring to 100 Hz, whether drawn or not.
    artefacts
        Whether to make the pyramid and the index too.

    Raises
    ------
    ml.contracts.Refused
        When a staged channel has no scale.
    """
    wanted = {(trace.plus, trace.minus) for trace in staged}
    lines: dict[Place, _Line] = {}
    for trace in (*staged, *drawn):
        place = (trace.plus, trace.minus)
        needed = artefacts or trace.kind in ("spo2", *_BREATHING)
        if place in lines or not (place in wanted or needed):
            continue
        try:
            lines[place] = _Line(recording, trace, drawn=artefacts, staged=place in wanted)
        except Refused:
            # What is only drawn must not stop the staging of the rest.
            if place in wanted:
                raise
    _read(recording, list(lines.values()))
    night = Night(quality={p: line.tally.judge(recording.epochs) for p, line in lines.items() if line.tally})
    for place, line in lines.items():
        if line.trace.kind in ("spo2", *_BREATHING):
            rate = OXYGEN_RATE if line.trace.kind == "spo2" else min(line.rate, BREATHING_RATE)
            night.slow[place] = (rate, line.resampler.out)
        elif line.resampler is not None:
            night.derivations[place] = line.resampler.out
    if artefacts:
        shown = [trace for trace in drawn if (trace.plus, trace.minus) in lines]
        night.artefacts = _artefacts(recording, shown, lines, night.quality)
    return night


def _read(recording: Recording, lines: Sequence[_Line]) -> None:
    wanted = {i for line in lines for i in (line.trace.plus, line.trace.minus) if i is not None}
    begun = -1
    for piece in reader.pieces(
        recording.path, recording.header, recording.signals, recording.segments, wanted
    ):
        fresh, begun = piece.segment != begun, piece.segment
        for line in lines:
            line.feed(piece, fresh=fresh)


def _artefacts(
    recording: Recording,
    drawn: Sequence[Trace],
    lines: Mapping[Place, _Line],
    judged: Mapping[Place, Quality],
) -> tuple[Artefact, Artefact]:
    content, levels, steps = pyramid.pack([lines[t.plus, t.minus].builder for t in drawn])
    traces = [
        {
            "label": trace.label,
            "kind": trace.kind,
            "plus": trace.plus,
            "minus": trace.minus,
            "slot": trace.slot,
            "filter": montage.FILTERS.get(trace.kind),
            "pyramid_step": step,
        }
        for trace, step in zip(drawn, steps, strict=True)
    ]
    quality = [
        {"trace": n, "epochs": judged[t.plus, t.minus].runs()}
        for n, t in enumerate(drawn)
        if (t.plus, t.minus) in judged and judged[t.plus, t.minus].reasons.any()
    ]
    index = index_of(recording) | {
        "montage": traces,
        "pyramid": {"name": pyramid.NAME, "levels": levels},
        "quality": quality,
    }
    packed = json.dumps(index, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
    return (
        Artefact(INDEX, "application/json", packed),
        Artefact(pyramid.NAME, pyramid.MEDIA_TYPE, content),
    )


def index_of(recording: Recording) -> dict[str, Any]:
    """Return where in the file every channel is, as ``pages.read`` needs it."""
    header, started = recording.header, identity.start(recording.header)
    return {
        "version": VERSION,
        "seconds": recording.seconds,
        "start": started.isoformat() if started else "",
        "format": "edf" if header.width == 2 else "bdf",
        "header_bytes": header.header_bytes,
        "record_bytes": header.width * sum(signal.samples for signal in recording.signals),
        "record_seconds": header.record_seconds,
        "records": header.n_records,
        "segments": [
            {"onset_s": s.onset_s, "record": s.record, "records": s.records} for s in recording.segments
        ],
        "channels": _channels(recording),
    }


def _channels(recording: Recording) -> list[dict[str, Any]]:
    found, offset = [], 0
    for number, signal in enumerate(recording.signals):
        if signal.samples and not signal.annotations:
            try:
                gain, bias = reader.scale(signal)
            except Refused:
                # A channel without a scale is paged through as stored.
                gain, bias = 1.0, 0.0
            voltage = reader.microvolts_per_unit(signal) is not None
            found.append({
                "number": number,
                "label": signal.label,
                "kind": montage.kind(signal),
                "unit": "µV" if voltage else signal.unit,
                "rate": recording.rate(number),
                "offset": offset,
                "samples": signal.samples,
                "width": recording.header.width,
                "gain": gain,
                "bias": bias,
            })  # fmt: skip
        offset += recording.header.width * signal.samples
    return found
