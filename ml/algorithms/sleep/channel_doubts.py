"""What speaks against a mapping of channels: a label of another kind, one electrode in two places.

Told from the labels alone, to whoever confirms the channels and again above the result. Standard library
only.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from ml.algorithms.sleep.channels import EMG, EOG, FRONTAL, POSTERIOR, Derivation, electrode
from ml.algorithms.sleep.edf_header import Signal
from ml.algorithms.sleep.montage import kind
from ml.contracts import Problem, Severity, Text

_EXPECTED = {FRONTAL: "eeg", POSTERIOR: "eeg", EOG: "eog", EMG: "emg"}
_SLOTS = {
    FRONTAL: Text("frontal or central EEG", "EEG frontal ou central"),
    POSTERIOR: Text("parietal or occipital EEG", "EEG pariétal ou occipital"),
    EOG: Text("eye movements (EOG)", "mouvements oculaires (EOG)"),
    EMG: Text("chin (EMG)", "menton (EMG)"),
}
_KINDS = {
    "eeg": Text("an EEG channel", "une voie EEG"),
    "eog": Text("an eye channel (EOG)", "une voie oculaire (EOG)"),
    "emg": Text("a muscle channel (EMG)", "une voie musculaire (EMG)"),
    "ecg": Text("the heart’s channel (ECG)", "la voie cardiaque (ECG)"),
    "leg": Text("a leg’s muscle channel", "une voie musculaire de la jambe"),
    "spo2": Text("oxygen saturation", "la saturation en oxygène"),
    "flow": Text("respiratory flow", "le débit respiratoire"),
    "effort": Text("respiratory effort", "l’effort respiratoire"),
    "snore": Text("snoring", "le ronflement"),
    "position": Text("body position", "la position du corps"),
}
OTHER_KIND = Text(
    "{label} is read as {slot}, but its name says {kind}. Check the channels: stages from the wrong channel "
    "are wrong.",
    "{label} est lue comme {slot}, mais son nom désigne {kind}. Vérifiez les voies : des stades issus d’une "
    "mauvaise voie sont faux.",
)
USED_TWICE = Text(
    "{label} is read twice, as {first} and as {second}: the second adds nothing. Choose another channel or "
    "“none” for one of them.",
    "{label} est lue deux fois, comme {first} et comme {second} : la seconde n’apporte rien. Choisissez une "
    "autre voie ou « aucune » pour l’une des deux.",
)


def doubts(signals: Sequence[Signal], chosen: Sequence[Derivation]) -> list[Problem]:
    """Return warnings of channels whose label says another kind than what they are read as, or read twice."""
    found = []
    for one in chosen:
        said = kind(signals[one.signal])
        if said in _KINDS and said != _EXPECTED[one.slot]:
            found.append(
                _warning("other_kind", _filled(OTHER_KIND, one, slot=_SLOTS[one.slot], kind=_KINDS[said]))
            )
    for one, other in combinations(chosen, 2):
        if _same_electrode(signals[one.signal], signals[other.signal], one.signal == other.signal):
            words = _filled(USED_TWICE, one, first=_SLOTS[one.slot], second=_SLOTS[other.slot])
            found.append(_warning("used_twice", words))
    return found


def _same_electrode(one: Signal, other: Signal, same: bool) -> bool:
    """Whether two channels are one, or two derivations of one electrode: C4-M1 and C4-M2."""
    first, second = electrode(one.label), electrode(other.label)
    named = first is not None and second is not None and first.active
    return same or bool(named and first.active == second.active)


def _filled(text: Text, one: Derivation, **words: Text) -> Text:
    return Text(
        text.en.format(label=one.label, **{name: word.en for name, word in words.items()}),
        text.fr.format(label=one.label, **{name: word.fr for name, word in words.items()}),
    )


def _warning(code: str, message: Text) -> Problem:
    return Problem(code, message, severity=Severity.WARN)
