"""What every channel of a recording is, and the montage it is first shown in.

By label and unit alone, never by the signal; the technician confirms it. Standard library only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ml.algorithms.sleep import channels
from ml.algorithms.sleep.channels import EMG, EOG, FRONTAL, POSTERIOR, Derivation, electrode, plain
from ml.algorithms.sleep.edf_header import Signal

KINDS = ("eeg", "eog", "emg", "ecg", "flow", "effort", "spo2", "leg", "snore", "position", "other")
# Band in which a kind is first shown, in Hz, after the AASM manual; none: as recorded.
FILTERS: dict[str, tuple[float, float]] = {
    "eeg": (0.3, 35.0), "eog": (0.3, 35.0), "emg": (10.0, 100.0), "leg": (10.0, 100.0),
    "ecg": (0.3, 70.0), "snore": (10.0, 100.0), "flow": (0.03, 15.0), "effort": (0.05, 15.0),
}  # fmt: skip
MOST_TRACES = 20
MOST_EEG = 8
MOST_JURORS = 6
SHORT = {FRONTAL: "frontal", POSTERIOR: "posterior", EOG: "eog", EMG: "emg"}

_DERIVED = re.compile(r"INDUCTANCE|\bCAL\b|\bSUM\b|PHASE|LIMITATION|\bRATE\b|\bRIP FLOW|QUALIT|STATUS|\bIMP")
_SPO2 = re.compile(r"SPO2|SAO2|SATURATION|O2 ?SAT|\bSAT\b|OXYMET|OXIMET")
_SNORE = re.compile(r"SNOR|RONFL|MICRO\b|MICROPHONE")
_POSITION = re.compile(r"POSITION|\bPOS\b|POSANGLE|\bBODY\b|DECUB")
_ECG = re.compile(r"\b(ECG|EKG)|CARDIO")
_EFFORT = re.compile(r"\bTHO|THORA|CHEST|\bABDO?M?|BELT|SANGLE|CEINTURE|EFFORT")
_FLOW = re.compile(
    r"FLOW|DEBIT|NASAL|CANUL|CANNULA|THERMI|\bTHERM\b|PNEUMO|\bPTAF|\bNAF\b|LUNETTE|\bRESP\b|RESP ORO"
)
_PRESSURE = re.compile(r"PRESS|CANUL|CANNULA|PTAF|LUNETTE|DEBIT NASAL")
_ABDOMEN = re.compile(r"ABD")
_EEG_ORDER = ("F4", "C4", "O2", "F3", "C3", "O1", "FPZ", "FZ", "CZ", "PZ", "OZ")


@dataclass(frozen=True, slots=True)
class Trace:
    """One line of the montage.

    Parameters
    ----------
    label
        As shown.
    kind
        One of :data:`KINDS`.
    plus, minus
        Positions of the signals; ``minus`` is subtracted, ``None`` where nothing is.
    slot
        ``"frontal"``, ``"posterior"``, ``"eog"`` or ``"emg"`` when the staging reads it.
    """

    label: str
    kind: str
    plus: int
    minus: int | None = None
    slot: str | None = None


def kind(signal: Signal) -> str:
    """Say what a channel is by its label and unit; ``"other"`` when they do not tell."""
    text = plain(signal.label)
    unit = signal.unit.casefold()
    if signal.annotations or signal.samples == 0 or unit in ("ohm", "kohm") or _DERIVED.search(text):
        return "other"
    if _SPO2.search(text):
        return "spo2" if unit in ("", "%") else "other"
    electrical = channels.electrical(signal)
    if electrical and channels.LEG.search(text):
        return "leg"
    for name, pattern in (("snore", _SNORE), ("position", _POSITION)):
        if pattern.search(text):
            return name
    if electrical and _ECG.search(text):
        return "ecg"
    if electrical and (electrode(signal.label) is not None or channels.MASTOID.fullmatch(text)):
        return "eeg"
    for name, pattern in (("effort", _EFFORT), ("flow", _FLOW)):
        if pattern.search(text):
            return name
    if electrical and channels.is_eye(text):
        return "eog"
    return "emg" if electrical and channels.is_chin(text) else "other"


def default(
    signals: Sequence[Signal], chosen: Sequence[Derivation], options: Mapping[str, Any]
) -> tuple[Trace, ...]:
    """Return the montage in the AASM's order: EEG, eyes, chin, ECG, flow, belts, SpO2, legs, snore.

    Parameters
    ----------
    chosen
        What the staging reads, from :func:`ml.algorithms.sleep.channels.choose`.
    options
        ``spo2`` and ``flow`` name channels, as for the staging.

    Returns
    -------
    tuple of Trace
        At most :data:`MOST_TRACES`; every derivation the staging reads is among them, the difference of
        the eyes as its two eyes.
    """
    kinds = [kind(signal) for signal in signals]
    others = [
        *_of(signals, _ranked(signals, kinds, "ecg")[:1], "ecg"),
        *_of(signals, flows(signals, kinds, options)[:2], "flow"),
        *_of(signals, efforts(signals, kinds), "effort"),
        *_of(signals, oximeters(signals, kinds, options)[:1], "spo2"),
        *_of(signals, _ranked(signals, kinds, "leg")[:2], "leg"),
        *_of(signals, _ranked(signals, kinds, "snore")[:1], "snore"),
    ]
    electric = [*brain(signals, kinds, chosen), *_eyes(signals, kinds, chosen), *_chin(chosen)]
    return (*electric[: MOST_TRACES - len(others)], *others)


def brain(signals: Sequence[Signal], kinds: Sequence[str], chosen: Sequence[Derivation]) -> list[Trace]:
    """Return one derivation per EEG electrode, those of the staging in any case."""
    staged = {(d.signal, d.minus): d for d in chosen if d.slot in (FRONTAL, POSTERIOR)}
    best: dict[str, Derivation] = {}
    for i, signal in enumerate(signals):
        if kinds[i] != "eeg" or channels.MASTOID.fullmatch(plain(signal.label)):
            continue
        found = channels.referenced(signals, "", i)
        name = (electrode(signal.label) or channels.Electrode()).active or f"?{i}"
        if name not in best or _rank(signals, found, staged) < _rank(signals, best[name], staged):
            best[name] = found
    for place, derivation in staged.items():
        if place not in {(d.signal, d.minus) for d in best.values()}:
            best[f"staged {derivation.slot}"] = derivation
    slots = {place: SHORT[derivation.slot] for place, derivation in staged.items()}
    order = sorted(best.items(), key=lambda item: _eeg_place(item[0]))
    traces = [Trace(d.label, "eeg", d.signal, d.minus, slots.get((d.signal, d.minus))) for _name, d in order]
    kept = sorted(traces, key=lambda trace: trace.slot is None)[:MOST_EEG]
    return [trace for trace in traces if trace in kept]


def jurors(signals: Sequence[Signal], traces: Sequence[Trace]) -> list[tuple[Trace, str]]:
    """Return the EEG derivations that may vote, each with the input it is read as.

    Those of the staging come first; an electrode without a known position votes only if it is one of them.
    """
    found = []
    for trace in sorted((t for t in traces if t.kind == "eeg"), key=lambda t: t.slot is None):
        active = (electrode(signals[trace.plus].label) or channels.Electrode()).active
        slot = {"frontal": FRONTAL, "posterior": POSTERIOR}.get(trace.slot or "") or channels.slot_of(active)
        if slot:
            found.append((trace, slot))
    return found[:MOST_JURORS]


def flows(signals: Sequence[Signal], kinds: Sequence[str], options: Mapping[str, Any]) -> list[int]:
    """Return the positions of the flow channels, nasal pressure first; the one named alone if one is."""
    return _chosen(signals, kinds, options, "flow", lambda i: not _PRESSURE.search(plain(signals[i].label)))


def oximeters(signals: Sequence[Signal], kinds: Sequence[str], options: Mapping[str, Any]) -> list[int]:
    """Return the positions of the SpO2 channels, plain ones before beat-to-beat ones."""
    return _chosen(signals, kinds, options, "spo2", lambda i: "B-B" in plain(signals[i].label))


def efforts(signals: Sequence[Signal], kinds: Sequence[str]) -> list[int]:
    """Return the positions of the belts: thorax, then abdomen."""
    belts = _ranked(signals, kinds, "effort")
    chest = [i for i in belts if not _ABDOMEN.search(plain(signals[i].label))]
    belly = [i for i in belts if _ABDOMEN.search(plain(signals[i].label))]
    return chest[:1] + belly[:1]


def _chosen(
    signals: Sequence[Signal],
    kinds: Sequence[str],
    options: Mapping[str, Any],
    name: str,
    later: Callable[[int], bool],
) -> list[int]:
    given = channels.named(signals, options, name)
    if given is None:
        return sorted(_ranked(signals, kinds, name), key=later)
    return [] if given is False else [given]


def _ranked(signals: Sequence[Signal], kinds: Sequence[str], name: str) -> list[int]:
    return [i for i, found in enumerate(kinds) if found == name and signals[i].samples]


def _of(signals: Sequence[Signal], places: Sequence[int], name: str) -> list[Trace]:
    return [Trace(signals[i].label, name, i) for i in places]


def _rank(signals: Sequence[Signal], derivation: Derivation, staged: Mapping) -> tuple[bool, bool, bool]:
    """What is staged first, then derivations against a mastoid, recorded ones before computed ones."""
    reference = (electrode(signals[derivation.signal].label) or channels.Electrode()).reference
    mastoid = derivation.minus is not None or reference in ("M1", "M2", "A1", "A2")
    place = (derivation.signal, derivation.minus)
    return place not in staged, not mastoid, derivation.minus is not None


def _eeg_place(name: str) -> int:
    return _EEG_ORDER.index(name) if name in _EEG_ORDER else len(_EEG_ORDER)


def _eyes(signals: Sequence[Signal], kinds: Sequence[str], chosen: Sequence[Derivation]) -> list[Trace]:
    """Each eye against a mastoid where there is one; those the staging reads say so."""
    staged = {i for d in chosen if d.slot == EOG for i in (d.signal, d.minus) if i is not None}
    eyes: dict[str, Trace] = {}
    for i, found in enumerate(kinds):
        if found != "eog" and i not in staged:
            continue
        side = channels.eye_side(plain(signals[i].label)) or f"?{i}"
        trace = _against_mastoid(signals, i, "eog" if i in staged else None)
        known = eyes.get(side)
        if known is None or (trace.slot is not None and known.slot is None):
            eyes[side] = trace
    # "left" comes before "right"; an eye of unknown side is there only when the staging reads it.
    order = sorted(eyes.items(), key=lambda item: (item[1].slot is None, item[0]))
    return [trace for _side, trace in order][:2]


def _against_mastoid(signals: Sequence[Signal], i: int, slot: str | None) -> Trace:
    """A bare eye electrode less the right mastoid, as the AASM recommends for both eyes."""
    label = signals[i].label
    if plain(label) in ("E1", "E2", "LOC", "ROC"):
        for mastoid in ("M2", "A2", "M1", "A1"):
            for j, other in enumerate(signals):
                if plain(other.label) == mastoid and channels.comparable(signals[i], other):
                    return Trace(f"{label}{channels.LESS}{other.label}", "eog", i, j, slot)
    return Trace(label, "eog", i, None, slot)


def _chin(chosen: Sequence[Derivation]) -> list[Trace]:
    return [Trace(d.label, "emg", d.signal, d.minus, "emg") for d in chosen if d.slot == EMG]
