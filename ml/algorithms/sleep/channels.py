"""Which channels of a recording are EEG, EOG and chin EMG, and which input each is sent to.

The rule is one of electrode position and stands in CARD.md; it was fixed before any recording was
scored with it. It never looks at the signal.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ml.algorithms.sleep.contract import SLOTS
from ml.algorithms.sleep.edf_header import Signal
from ml.contracts import Problem, Refused, Severity, Text

FRONTAL, POSTERIOR, EOG = SLOTS
EMG = "emg_chin"

_ELECTRODE = (
    r"(?:FPZ|FP[12]|AFZ|AF\d|FCZ|FC\d|FZ|F\d{1,2}|CPZ|CP\d|CZ|C\d|POZ|PO\d|PZ|P\d{1,2}|OZ|O[12]"
    r"|FT\d{1,2}|TP\d{1,2}|T\d)"
)
_EEG = re.compile(
    rf"(?:EEG[ :_-]*)?(?P<electrode>{_ELECTRODE})"
    rf"(?:[ :/_-]*(?P<reference>M[12]|A[12]|M1M2|A1A2|{_ELECTRODE}|REF|AVG|AV|LE|G\d))?"
)
_LEFT = re.compile(r"(E1|LOC|EOG\W*(L|G)\b|EOG\W*(LEFT|GAUCHE)|(OEIL|OCULO)\W*(G\b|GAUCHE)|LEOG|EOGL|EOGG)")
_RIGHT = re.compile(r"(E2|ROC|EOG\W*(R|D)\b|EOG\W*(RIGHT|DROITE?)|(OEIL|OCULO)\W*(D\b|DROIT)|REOG|EOGR|EOGD)")
_ANY_EOG = re.compile(r"\bEOG|\bOEIL|\bOCULO")
# Nox recorders call the chin's electrodes 1, 2 and F.
_CHIN = re.compile(r"\b(CHIN|MENTON|SUBMENT|EMG)|[12]-[2F]\Z")
LEG = re.compile(r"(LEG|JAMBE|TIB|\bLAT\b|\bRAT\b|LIMB|\bPLM)")
_IMPEDANCE = re.compile(r"IMP(\b|[EÉ]DANCE)|\(IMP")
MASTOID = re.compile(r"(?:EEG )?[AM][12]")
# BioSemi numbers the electrodes of its caps A1 to A32, B1 to B32 ...: there C3 is the third of a ribbon.
_RIBBON = re.compile(r"A(?:[3-9]|[12]\d|3[0-2])")
# Between the labels of two channels whose difference is meant.
LESS = " − "
_WHERE = {
    FRONTAL: Text("frontal or central", "frontale ou centrale"),
    POSTERIOR: Text("parietal or occipital", "pariétale ou occipitale"),
}
_SLOT_OF_OPTION = {"frontal": FRONTAL, "posterior": POSTERIOR, "eog": EOG, "emg": EMG}
# Preference among electrodes of one slot: nearest to the training derivation, then as AASM, right first.
_FRONTAL_ORDER = ("FPZ", "F4", "F3", "FZ", "C4", "C3", "CZ", "FP2", "FP1", "AFZ", "FCZ")
_POSTERIOR_ORDER = ("PZ", "P4", "P3", "O2", "O1", "OZ", "POZ", "CPZ")


@dataclass(frozen=True, slots=True)
class Derivation:
    """One signal, or the difference of two, sent to one slot.

    Parameters
    ----------
    slot
        ``features.SLOTS`` or ``EMG``.
    label
        As shown: the channel's own label, or ``"E1 − E2"``.
    signal, minus
        Positions of the signals; ``minus`` is subtracted, ``None`` where nothing is.
    """

    slot: str
    label: str
    signal: int
    minus: int | None = None


@dataclass(frozen=True, slots=True)
class Electrode:
    """What a label says of an EEG channel; both empty when it names no position."""

    active: str = ""
    reference: str = ""


def electrode(label: str) -> Electrode | None:
    """Recognise the label of an EEG channel: ``"EEG Fpz-Cz"``, ``"C3A2"``, ``"F4-M1"``, ``"EEG"``.

    Returns
    -------
    Electrode or None
        ``None`` when the label is not that of an EEG channel.
    """
    text = plain(label)
    match = _EEG.fullmatch(text)
    if match:
        return Electrode(match["electrode"], match["reference"] or "")
    return Electrode() if re.match(r"EEG\b", text) else None


def slot_of(active: str) -> str | None:
    """Return the slot of an active electrode by its position; ``None`` for temporal and unknown ones."""
    if re.match(r"FT|T", active) or not active:
        return None
    return POSTERIOR if active[0] in "PO" or active.startswith("CP") else FRONTAL


def choose(signals: Sequence[Signal], options: Mapping[str, Any]) -> tuple[list[Derivation], list[Problem]]:
    """Choose the channels to read.

    Parameters
    ----------
    signals
        All signals of the header.
    options
        ``frontal``, ``posterior``, ``eog``, ``emg``: the channel of each input, a label or two labels
        with " − " between them for their difference; ``eeg``: labels, separated by commas (or a list),
        that the rule sends to the inputs. ``"none"`` leaves a kind out.

    Returns
    -------
    derivations, warnings
        At most one derivation per slot.

    Raises
    ------
    Refused
        ``unknown_channel`` or ``no_eeg``, listing the channels there are.
    """
    given = {kind: _named(signals, options, kind) for kind in ("eeg", *_SLOT_OF_OPTION)}
    guessed = _eeg_by_position(signals, _candidates(signals) if given["eeg"] is None else given["eeg"])
    chosen = []
    for kind in ("frontal", "posterior"):
        if given[kind] is None:
            chosen += [d for d in guessed if d.slot == _SLOT_OF_OPTION[kind]]
        elif given[kind]:
            chosen.append(Derivation(_SLOT_OF_OPTION[kind], *_pair(signals, given[kind])))
    if not chosen:
        raise Refused(Problem("no_eeg", Text(
            f"No EEG channel was recognised. Say which one it is. Channels: {_list(signals)}.",
            "Aucune voie EEG n’a été reconnue. Indiquez laquelle l’est. "
            f"Voies : {_list(signals)}.",
        )))  # fmt: skip
    warnings = _position_warnings(signals, chosen)
    warnings += [_against_rule(one) for one in chosen if _misplaced(signals, one)]
    eog, emg = given["eog"], given["emg"]
    if eog is None:
        chosen += _eyes(signals)
    elif eog:
        chosen.append(Derivation(EOG, *_pair(signals, eog)))
    if emg is None:
        emg = chin(signals)[:1]
    if emg:
        chosen.append(Derivation(EMG, *_pair(signals, emg)))
    return chosen, [*warnings, *_twins(signals, chosen)]


def named(signals: Sequence[Signal], options: Mapping[str, Any], kind: str) -> int | bool | None:
    """Return the position of the channel that an option names.

    Returns
    -------
    int, None or False
        ``None`` when the option does not say, ``False`` when it says that there is none.

    Raises
    ------
    Refused
        ``unknown_channel``.
    """
    found = _named(signals, options, kind)
    if found is None:
        return None
    return found[0] if found else False


def _named(signals: Sequence[Signal], options: Mapping[str, Any], kind: str) -> list[int] | None:
    given = options.get(kind) or ""
    if not isinstance(given, str):
        names = [str(name) for name in given]
    else:
        names = given.split(",") if kind == "eeg" else given.split(LESS)
    names = [name.strip() for name in names if name.strip()]
    if not names:
        return None
    if [name.casefold() for name in names] == ["none"]:
        return []
    labels = [plain(s.label) for s in signals]
    unknown = [name for name in names if plain(name) not in labels]
    if unknown:
        raise Refused(Problem("unknown_channel", Text(
            f"There is no channel called {', '.join(unknown)}. Channels: {_list(signals)}.",
            f"Aucune voie ne s’appelle {', '.join(unknown)}. Voies : {_list(signals)}.",
        ), field=kind))  # fmt: skip
    return [labels.index(plain(name)) for name in names]


def _pair(signals: Sequence[Signal], places: Sequence[int]) -> tuple[str, int, int | None]:
    """Label, signal and what is subtracted of a channel, or of the difference of two."""
    plus, minus = places[0], places[1] if len(places) > 1 else None
    if minus is None or not comparable(signals[plus], signals[minus]):
        return signals[plus].label, plus, None
    return f"{signals[plus].label}{LESS}{signals[minus].label}", plus, minus


def _candidates(signals: Sequence[Signal]) -> list[int]:
    return [i for i, s in enumerate(signals) if electrical(s) and electrode(s.label) is not None]


def _eeg_by_position(signals: Sequence[Signal], candidates: Sequence[int]) -> list[Derivation]:
    """One derivation per EEG slot; electrodes without a position only when nothing else is there."""
    known: dict[str, list[int]] = {FRONTAL: [], POSTERIOR: []}
    unknown = []
    for i in candidates:
        slot = slot_of((electrode(signals[i].label) or Electrode()).active)
        (known[slot] if slot else unknown).append(i)
    if not any(known.values()):
        known[FRONTAL] = unknown[:1]
    best = {
        slot: min(places, key=lambda i: _preference(signals[i], places.index(i)))
        for slot, places in known.items()
        if places
    }
    return [referenced(signals, slot, i) for slot, i in best.items()]


def _preference(signal: Signal, position: int) -> tuple[int, int, int]:
    found = electrode(signal.label) or Electrode()
    order = (*_FRONTAL_ORDER, *_POSTERIOR_ORDER)
    # A derivation beats a bare electrode, whose reference is unknown.
    place = order.index(found.active) if found.active in order else len(order)
    return (0 if found.reference not in ("", "REF") else 1, place, position)


def referenced(signals: Sequence[Signal], slot: str, i: int) -> Derivation:
    """Refer a bare electrode to the opposite mastoid where the recording has it."""
    found = electrode(signals[i].label) or Electrode()
    if found.active and not found.reference:
        left = found.active[-1] in "13579"
        for mastoid in ("M2", "A2") if left else ("M1", "A1"):
            j = next(
                (j for j, s in enumerate(signals) if plain(s.label) in (mastoid, f"EEG {mastoid}")), None
            )
            if j is not None and comparable(signals[i], signals[j]):
                return Derivation(slot, f"{signals[i].label}{LESS}{signals[j].label}", i, j)
    return Derivation(slot, signals[i].label, i)


def _eyes(signals: Sequence[Signal]) -> list[Derivation]:
    """The horizontal EOG (left less right, as in the training data), else whichever eye there is."""
    usable = [(i, plain(s.label)) for i, s in enumerate(signals) if electrical(s)]
    left = _preferred_eye(usable, _LEFT)
    right = _preferred_eye(usable, _RIGHT)
    if left is not None and right is not None and comparable(signals[left], signals[right]):
        return [Derivation(EOG, f"{signals[left].label}{LESS}{signals[right].label}", left, right)]
    either = [i for i in (left, right) if i is not None] or [i for i, text in usable if _ANY_EOG.search(text)]
    return [Derivation(EOG, signals[i].label, i) for i in either[:1]]


def _preferred_eye(usable: Sequence[tuple[int, str]], pattern: re.Pattern[str]) -> int | None:
    """The eye's channel; bare electrodes first, because their difference cancels the reference."""
    matches = [
        (("-" in text, i), i) for i, text in usable if re.match(rf"(EOG\W*|EEG\W*)?{pattern.pattern}", text)
    ]
    return min(matches)[1] if matches else None


def chin(signals: Sequence[Signal]) -> list[int]:
    """Return the positions of the muscle channels that are not of a leg, those named chin first."""
    labels = [(i, plain(s.label)) for i, s in enumerate(signals) if electrical(s)]
    found = [(i, text) for i, text in labels if is_chin(text)]
    return [i for i, text in sorted(found, key=lambda pair: not re.search("CHIN|MENTON|SUBMENT", pair[1]))]


def is_chin(text: str) -> bool:
    """Whether a plain label is that of a muscle channel other than a leg's."""
    return bool(_CHIN.search(text)) and not LEG.search(text)


def is_eye(text: str) -> bool:
    """Whether a plain label is that of an eye channel."""
    return bool(eye_side(text) or _ANY_EOG.search(text))


def eye_side(text: str) -> str:
    """Return ``"left"`` or ``"right"`` for the plain label of one eye; empty when it does not say."""
    for side, pattern in (("left", _LEFT), ("right", _RIGHT)):
        if re.match(rf"(EOG\W*|EEG\W*)?{pattern.pattern}", text):
            return side
    return ""


def _position_warnings(signals: Sequence[Signal], chosen: Sequence[Derivation]) -> list[Problem]:
    """Whoever chose the first derivation, the rule or a person: where it lies decides how far to trust it."""
    first = chosen[0]
    if any(_RIBBON.fullmatch(plain(s.label)) for s in signals if electrical(s)):
        return [Problem("own_numbering", Text(
            "The channels are numbered by ribbon (A1, A2, A3 …), where a name like C3 is no position on the "
            f"head; {first.label} may be anywhere. Say which channels are which, and check the stages "
            "closely.",
            "Les voies sont numérotées par nappe (A1, A2, A3…), où un nom comme C3 n’est pas une position "
            f"sur la tête ; {first.label} peut être n’importe où. Indiquez le rôle des voies et vérifiez "
            "soigneusement les stades.",
        ), severity=Severity.WARN)]  # fmt: skip
    if slot_of(_active(signals, first)) is None:
        return [Problem("position_unknown", Text(
            f"The position of {first.label} on the head is not known to the rule; it was read as frontal or "
            "central. Check the stages closely.",
            f"La position de {first.label} sur la tête n’est pas connue de la règle ; la voie a été lue "
            "comme "
            "frontale ou centrale. Vérifiez soigneusement les stades.",
        ), severity=Severity.WARN)]  # fmt: skip
    if all(slot_of(_active(signals, one)) == POSTERIOR for one in chosen):
        return [Problem("posterior_only", Text(
            f"Only a posterior derivation ({first.label}) is read; staging from it is less reliable.",
            f"Seule une dérivation postérieure ({first.label}) est lue ; les stades en sont moins fiables.",
        ), severity=Severity.WARN)]  # fmt: skip
    return []


def _active(signals: Sequence[Signal], one: Derivation) -> str:
    return (electrode(signals[one.signal].label) or Electrode()).active


def _misplaced(signals: Sequence[Signal], one: Derivation) -> bool:
    return slot_of(_active(signals, one)) not in (None, one.slot)


def _against_rule(one: Derivation) -> Problem:
    """Say that a person sent an electrode where the rule of position would not."""
    lies, read = (_WHERE[POSTERIOR], _WHERE[FRONTAL])
    if one.slot == POSTERIOR:
        lies, read = read, lies
    return Problem("against_position", Text(
        f"{one.label} lies {lies.en} and is read as {read.en}: the network knows no such derivation there. "
        "Name another channel, or check the stages closely.",
        f"{one.label} est en position {lies.fr} et lue comme {read.fr} : le réseau ne connaît pas cette "
        "dérivation à cette place. Indiquez une autre voie, ou vérifiez soigneusement les stades.",
    ), severity=Severity.WARN)  # fmt: skip


def _twins(signals: Sequence[Signal], chosen: Sequence[Derivation]) -> list[Problem]:
    """Say which of several channels with one label was taken."""
    labels = [plain(s.label) for s in signals]
    read = dict.fromkeys(i for one in chosen for i in (one.signal, one.minus) if i is not None)
    return [
        Problem("one_label_twice", Text(
            f"{labels.count(labels[i])} channels are called {signals[i].label}; the one at place {i + 1} of "
            f"{len(signals)} was read. Rename them on the recorder if another is meant.",
            f"{labels.count(labels[i])} voies s’appellent {signals[i].label} ; celle de rang {i + 1} sur "
            f"{len(signals)} a été lue. Renommez-les sur l’enregistreur si c’est une autre.",
        ), severity=Severity.WARN)
        for i in read
        if labels.count(labels[i]) > 1
    ]  # fmt: skip


def electrical(signal: Signal) -> bool:
    """Whether it may be a voltage from an electrode, by unit and label."""
    if signal.annotations or _IMPEDANCE.search(plain(signal.label)):
        return False
    return signal.samples > 0 and signal.unit.casefold() in ("", "nv", "uv", "µv", "μv", "mv", "v")


def comparable(one: Signal, other: Signal) -> bool:
    """Whether the difference of two signals makes sense: sampled alike, in one unit."""
    return one.samples == other.samples and one.unit.casefold() == other.unit.casefold()


def plain(label: str) -> str:
    """Upper case without accents; œ becomes oe."""
    decomposed = unicodedata.normalize("NFKD", label.replace("œ", "oe").replace("Œ", "OE"))
    return " ".join("".join(c for c in decomposed if not unicodedata.combining(c)).upper().split())


def _list(signals: Sequence[Signal]) -> str:
    return ", ".join(s.label for s in signals if not s.annotations)
