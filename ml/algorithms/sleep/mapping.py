"""The channels of a recording by their use, for a person to confirm. Standard library only."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ml.algorithms.sleep import channel_doubts, channels, edf_header, montage
from ml.algorithms.sleep.channels import EMG, EOG, FRONTAL, POSTERIOR
from ml.algorithms.sleep.edf_header import MAIN_BYTES, MAX_SIGNALS, PER_SIGNAL_BYTES, Header, Signal
from ml.contracts import Problem, Refused

# What can be mapped, each an option of the sender (``eeg`` is the same by the rule of position).
USES = ("frontal", "posterior", "eog", "emg", "spo2", "flow")
OPTIONS = ("eeg", *USES)
NONE = "none"
NO_EEG = "no_eeg"
LARGEST_HEADER = MAIN_BYTES + MAX_SIGNALS * PER_SIGNAL_BYTES
_SLOTS = {FRONTAL: "frontal", POSTERIOR: "posterior", EOG: "eog", EMG: "emg"}


@dataclass(frozen=True, slots=True)
class Use:
    """What one use of the staging would read, and what else it could.

    Parameters
    ----------
    name
        One of :data:`USES`.
    found
        The option's value the rule recognises; ``"none"`` when it recognises nothing.
    choices
        Values a person may choose instead, the likely ones first.
    """

    name: str
    found: str
    choices: tuple[str, ...]


def header_length(head: bytes) -> int:
    """Return how many bytes the header of a recording takes.

    Raises
    ------
    Refused
        As :func:`ml.algorithms.sleep.edf_header.parse_main`.
    """
    return edf_header.parse_main(head).header_bytes


def parse(head: bytes) -> tuple[Header, tuple[Signal, ...]]:
    """Read a whole header; :class:`Refused` with the reason when it cannot be."""
    header = edf_header.parse_main(head)
    return header, edf_header.parse_signals(head, header)


def uses(signals: Sequence[Signal]) -> tuple[Use, ...]:
    """Say which channel would be used for what."""
    try:
        chosen, _warnings = channels.choose(signals, {})
    except Refused:
        # No EEG was recognised: a person may still know which channel is one.
        chosen = []
    kinds = [montage.kind(signal) for signal in signals]
    found = {_SLOTS[derivation.slot]: derivation.label for derivation in chosen}
    for name, places in (
        ("spo2", montage.oximeters(signals, kinds, {})),
        ("flow", montage.flows(signals, kinds, {})),
    ):
        if places:
            found[name] = signals[places[0]].label
    electrical = [s.label for s in signals if channels.electrical(s)]
    brain = [trace.label for trace in montage.brain(signals, kinds, chosen)]
    by_kind = {
        name: [s.label for s, kind in zip(signals, kinds, strict=True) if kind == name]
        for name in ("eog", "emg", "spo2", "flow")
    }
    rest = [s.label for s in signals if s.samples and not s.annotations]
    likely = {
        "frontal": [*brain, *electrical], "posterior": [*brain, *electrical],
        "eog": [*by_kind["eog"], *electrical], "emg": [*by_kind["emg"], *electrical],
        "spo2": [*by_kind["spo2"], *rest], "flow": [*by_kind["flow"], *rest],
    }  # fmt: skip
    return tuple(
        Use(
            name=name,
            found=found.get(name, NONE),
            choices=tuple(dict.fromkeys([found[name], *likely[name]] if name in found else likely[name])),
        )
        for name in USES
    )


def labels(signals: Sequence[Signal]) -> list[str]:
    """Return the set of labels of a recording, sorted: what a recorder's set-up is known by."""
    return sorted({signal.label for signal in signals if not signal.annotations})


def fingerprint(known: Sequence[str]) -> str:
    """Return the SHA-256 of a sorted set of labels."""
    return hashlib.sha256(json.dumps(list(known), ensure_ascii=False).encode()).hexdigest()


def problems(signals: Sequence[Signal], options: Mapping[str, str]) -> list[Problem]:
    """Return what is wrong with a mapping for this recording; warnings too."""
    try:
        chosen, warnings = channels.choose(signals, options)
        return [*warnings, *channel_doubts.doubts(signals, chosen)]
    except Refused as refusal:
        return list(refusal.problems)


def without_eeg(head: bytes, options: Mapping[str, str]) -> list[Problem]:
    """Return why a recording cannot be staged with the channels a sender names: none of them is an EEG.

    Empty where the sender names no channel or the header cannot be read: then the analysis says why.
    """
    if not any(options.get(name) for name in OPTIONS):
        return []
    try:
        _header, signals = parse(head)
    except Refused:
        return []
    return [one for one in problems(signals, options) if one.code == NO_EEG]
