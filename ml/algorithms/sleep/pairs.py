"""Any folder of recordings with hypnograms as labelled raw nights; a sentence for each that does not fit."""

from __future__ import annotations

import hashlib
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ml import package as packages
from ml.algorithms.sleep import annotations, channels, identity, reader, stage_tables
from ml.algorithms.sleep.bandpower import IGNORED
from ml.algorithms.sleep.contract import EPOCH_SECONDS
from ml.algorithms.sleep.edf_header import Header
from ml.algorithms.sleep.pair_names import HYPNOGRAM, PATIENTS, SLEEP_EDF, patient_of, patients_of, stem
from ml.contracts import Problem, Refused, Text
from ml.training.data import DataMissing

UCDDB = "sleep/ucddb"
# Kept for testing: no model of the house ever learns from it.
TEST_ONLY = ("ucddb018",)
# The same night under any name and header: SHA-256 of the stored samples of its EEG.
TEST_ONLY_SIGNALS = frozenset({"98ee3b40b8cf68e5378cccac0c7cf7f946cb2f6cd54dd04119c6e2879f33c228"})
_RECORDINGS = (".edf", ".bdf")
_TEXTS = (".txt", ".csv", ".tsv")
# A hypnogram may score a started last epoch; more than that belongs to another recording.
_LONGER = 1
# A recorder may run on after the night; a hypnogram of less than this share is of another recording.
_SHORTEST_SHARE = 0.5
# Twenty epochs, ten minutes: an end so long without a stage is said.
_SAID_UNSCORED = 20


@dataclass(frozen=True, slots=True)
class Pair:
    """A recording and its hypnogram, not read yet.

    Parameters
    ----------
    hypnogram
        The recording itself where its own annotations are the hypnogram.
    patient
        What is never torn apart between training and test.
    """

    name: str
    recording: Path
    hypnogram: Path
    patient: str

    @property
    def test_only(self) -> bool:
        """Whether no model may learn from it."""
        return self.name.casefold().startswith(TEST_ONLY)


@dataclass(frozen=True, slots=True)
class Unfit:
    """A file of the folder that was left out, and why."""

    name: str
    why: Text


@dataclass(frozen=True, slots=True)
class RawNight:
    """A labelled recording, its best frontal or central EEG derivation.

    Parameters
    ----------
    eeg
        Shape (n,), float32, in µV.
    rate
        Samples per second.
    labels
        Shape (epochs,): 0..4 for W, N1, N2, N3, R, -100 where unscored; as many as whole epochs recorded.
    sha256
        Of the recording, by which a package knows the nights it learned from.
    signal
        SHA-256 of the EEG's samples as stored: the same in a copy with another header.
    """

    name: str
    patient: str
    eeg: np.ndarray
    rate: float
    labels: np.ndarray
    derivation: str
    sha256: str
    signal: str = ""


def find(data: Path) -> tuple[list[Pair], list[Unfit]]:
    """Find recordings with a hypnogram anywhere below a folder.

    ``NAME.edf`` (or ``NAME_night``, ``NAME-PSG``; EDF, EDF+ or BDF) with ``NAME_hypnogram``,
    ``NAME_stages``, ``NAME-scoring`` … as EDF+ annotations, ``.txt``, ``.csv`` or ``.tsv``, with a text
    file of its own name, or with annotations of its own; and ``SC4001E0-PSG.edf`` with
    ``SC4001EC-Hypnogram.edf``, as Sleep-EDF names them. The patient is the name unless the folder's
    ``patients.csv`` (``recording,patient``) or Sleep-EDF's own numbering says otherwise.

    Parameters
    ----------
    data
        Any folder, or the data folder, of which ``sleep/ucddb`` is taken.

    Raises
    ------
    DataMissing
        When there is no recording with a hypnogram at all.
    """
    folder = data / UCDDB if (data / UCDDB).is_dir() else data
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    recordings = [p for p in files if p.suffix.lower() in _RECORDINGS and not HYPNOGRAM.search(p.stem)]
    hypnograms = [p for p in files if _is_hypnogram(p)]
    patients = patients_of(folder)
    found, unfit, used = [], [], set()
    names = {stem(recording) for recording in recordings}
    for recording in recordings:
        hypnogram = _hypnogram_of(recording, hypnograms)
        if hypnogram is None:
            unfit.append(Unfit(recording.name, _ALONE))
            continue
        used.add(hypnogram)
        name = stem(recording)
        found.append(Pair(name, recording, hypnogram, patients.get(name) or patient_of(name)))
    unfit += [_unused(path, found) for path in hypnograms if path not in used]
    unfit += [Unfit(PATIENTS, _no_such(name)) for name in patients if name not in names]
    if not found:
        raise nothing(data)
    found, repeated = _once(found)
    return found, [*unfit, *repeated]


def nothing(data: Path) -> DataMissing:
    """Return the error that says what to put where."""
    hint = "Or NAME.txt, NAME.csv; or *-PSG.edf with *-Hypnogram.edf."
    return DataMissing(data, ("NAME.edf", "NAME_hypnogram.edf"), hint=hint)


def read(pairs: Sequence[Pair]) -> tuple[list[RawNight], list[Unfit]]:
    """Read all pairs; those that do not fit come back with the reason, never silently left out."""
    nights, unfit = [], []
    for pair in pairs:
        try:
            nights.append(read_night(pair))
        except Refused as refusal:
            unfit += [Unfit(pair.recording.name, problem.message) for problem in refusal.problems]
    return nights, unfit


def learned_from(data: Path) -> tuple[list[Pair], list[RawNight]]:
    """Read every pair of a folder that fits and may be learned from; standard error names the others.

    Raises
    ------
    DataMissing
        When nothing is left.
    """
    found, unfit = find(data)
    allowed, kept_back = for_training(found)
    nights, unread = read(allowed)
    nights, repeated = _of_their_own(nights)
    for line in (*told([*unfit, *kept_back, *unread, *repeated]), *_unscored_ends(nights)):
        sys.stderr.write(f"{line}\n")
    if not nights:
        raise nothing(data)
    names = {night.name for night in nights}
    return [pair for pair in allowed if pair.name in names], nights


def files(pairs: Sequence[Pair]) -> set[Path]:
    """Return every file that a training on these pairs reads."""
    return {path for pair in pairs for path in (pair.recording, pair.hypnogram)}


def for_training(pairs: Sequence[Pair]) -> tuple[list[Pair], list[Unfit]]:
    """Leave out what no model may learn from, and say so."""
    kept = [pair for pair in pairs if not pair.test_only]
    return kept, [Unfit(pair.recording.name, _TEST_ONLY) for pair in pairs if pair.test_only]


def read_night(pair: Pair) -> RawNight:
    """Read a recording's EEG and its stages.

    Raises
    ------
    Refused
        Why the recording or the hypnogram cannot be read, or why they do not belong together.
    """
    header, signals = reader.read_header(pair.recording)
    if header.interrupted:
        raise _unfit("recording_interrupted", _INTERRUPTED)
    labels = _labels(pair, header)
    derivation = channels.choose(signals, {"eog": "none", "emg": "none"})[0][0]
    wanted = [i for i in (derivation.signal, derivation.minus) if i is not None]
    digital = reader.read_digital(pair.recording, header, signals, wanted)
    eeg = reader.physical(digital[derivation.signal], signals[derivation.signal])
    if derivation.minus is not None:
        eeg -= reader.physical(digital[derivation.minus], signals[derivation.minus])
    if not np.ptp(eeg):
        raise _unfit("flat_signal", _FLAT)
    return RawNight(
        name=pair.name,
        patient=pair.patient,
        eeg=eeg,
        rate=reader.rate(header, signals[derivation.signal]),
        labels=labels,
        derivation=derivation.label,
        sha256=packages.file_sha256(pair.recording),
        signal=hashlib.sha256(digital[derivation.signal].tobytes()).hexdigest(),
    )


def told(unfit: Sequence[Unfit]) -> Iterator[str]:
    """Yield one English line for each file left out."""
    for one in unfit:
        yield f"left out: {one.name}: {one.why.en}"


def _unused(hypnogram: Path, found: Sequence[Pair]) -> Unfit:
    name = stem(hypnogram).casefold()
    taken = [p.hypnogram.name for p in found if p.name.casefold() == name]
    if not taken:
        return Unfit(hypnogram.name, _NO_RECORDING)
    return Unfit(hypnogram.name, Text(
        f"The recording has another hypnogram too, {taken[0]}, which was taken.",
        f"L’enregistrement a aussi un autre hypnogramme, {taken[0]}, qui a été retenu.",
    ))  # fmt: skip


def _once(found: Sequence[Pair]) -> tuple[list[Pair], list[Unfit]]:
    """Leave out recordings that are another one byte for byte: one patient under two names would be two."""
    sizes = Counter(pair.recording.stat().st_size for pair in found)
    first: dict[str, Pair] = {}
    kept, unfit = [], []
    for pair in found:
        alike = sizes[pair.recording.stat().st_size] > 1
        earlier = first.setdefault(packages.file_sha256(pair.recording), pair) if alike else pair
        if earlier is pair:
            kept.append(pair)
        else:
            unfit.append(Unfit(pair.recording.name, _same_as(earlier.recording.name)))
    return kept, unfit


def _of_their_own(nights: Sequence[RawNight]) -> tuple[list[RawNight], list[Unfit]]:
    """Leave out signals that are there already, or kept for testing, under another name and header."""
    first: dict[str, RawNight] = {}
    kept, unfit = [], []
    for night in nights:
        earlier = first.setdefault(night.signal, night)
        if night.signal in TEST_ONLY_SIGNALS:
            unfit.append(Unfit(night.name, _TEST_ONLY))
        elif earlier is not night:
            unfit.append(Unfit(night.name, _same_as(earlier.name)))
        else:
            kept.append(night)
    return kept, unfit


def _unscored_ends(nights: Sequence[RawNight]) -> Iterator[str]:
    """Say which hypnograms end long before their recording: a scorer's choice, or a file cut short."""
    for night in nights:
        unscored = len(night.labels) - 1 - int(np.flatnonzero(night.labels >= 0)[-1])
        if unscored >= _SAID_UNSCORED:
            hours = unscored * EPOCH_SECONDS / 3600
            yield f"noted: {night.name}: the last {hours:.2f} h have no stage and are not learned from"


def _labels(pair: Pair, header: Header) -> np.ndarray:
    """Stages of every whole epoch recorded; unscored where the hypnogram says nothing."""
    if pair.hypnogram.suffix.lower() in _TEXTS:
        scored = stage_tables.read(pair.hypnogram, identity.start(header))
    else:
        _check_start(pair, header)
        scored = annotations.read_hypnogram(pair.hypnogram)
    epochs = int(header.seconds / EPOCH_SECONDS + 1e-6)
    known = np.flatnonzero(scored >= 0)
    if not known.size:
        raise _unfit("nothing_scored", _NOTHING_SCORED)
    if known[-1] >= epochs + _LONGER:
        hours = ((known[-1] + 1) * EPOCH_SECONDS / 3600, header.seconds / 3600)
        raise _unfit("hypnogram_longer", Text(
            f"The hypnogram scores {hours[0]:.2f} h, the recording lasts {hours[1]:.2f} h: they do not "
            "belong together.",
            f"L’hypnogramme cote {hours[0]:.2f} h, l’enregistrement dure {hours[1]:.2f} h : ils ne vont pas "
            "ensemble.",
        ))  # fmt: skip
    if len(scored) < _SHORTEST_SHARE * epochs and pair.hypnogram != pair.recording:
        hours = (len(scored) * EPOCH_SECONDS / 3600, header.seconds / 3600)
        raise _unfit("hypnogram_shorter", Text(
            f"The hypnogram ends after {hours[0]:.2f} h of the {hours[1]:.2f} h recorded: it is cut short or "
            "of another recording. Export the whole night's.",
            f"L’hypnogramme s’arrête après {hours[0]:.2f} h sur {hours[1]:.2f} h enregistrées : il est "
            "tronqué ou d’un autre enregistrement. Exportez celui de la nuit entière.",
        ))  # fmt: skip
    labels = np.full(epochs, IGNORED)
    shared = min(epochs, len(scored))
    labels[:shared] = scored[:shared]
    return labels


def _check_start(pair: Pair, header: Header) -> None:
    """Refuse a hypnogram that begins at another time of day; dates are moved when a file is anonymised."""
    if pair.hypnogram == pair.recording:
        return
    other, _ = reader.read_header(pair.hypnogram)
    begun = [identity.start(each) for each in (header, other)]
    if None not in begun and begun[0].time() != begun[1].time():
        clocks = [f"{start:%H:%M:%S}" for start in begun]
        raise _unfit("another_start", Text(
            f"The recording begins at {clocks[0]}, the hypnogram at {clocks[1]}: they do not "
            "belong together.",
            f"L’enregistrement commence à {clocks[0]}, l’hypnogramme à {clocks[1]} : ils ne vont pas "
            "ensemble.",
        ))  # fmt: skip


def _is_hypnogram(path: Path) -> bool:
    suffix = path.suffix.lower()
    if path.name == PATIENTS:
        return False
    return suffix in _TEXTS or (suffix in _RECORDINGS and bool(HYPNOGRAM.search(path.stem)))


def _hypnogram_of(recording: Path, hypnograms: Sequence[Path]) -> Path | None:
    name = stem(recording).casefold()
    beside = [path for path in hypnograms if path.parent == recording.parent]
    named = [p for p in beside if stem(p).casefold() == name]
    if not named and SLEEP_EDF.match(recording.stem):
        named = [p for p in beside if p.stem[:7] == recording.stem[:7]]
    if named:
        # A file that calls itself a hypnogram goes before one that only shares the name.
        return min(named, key=lambda p: (not HYPNOGRAM.search(p.stem), p.name))
    return recording if _annotated(recording) else None


def _annotated(recording: Path) -> bool:
    """Whether the recording's own annotations hold stages."""
    try:
        _, signals = reader.read_header(recording)
        return any(s.annotations for s in signals) and bool(
            (annotations.read_hypnogram(recording) >= 0).any()
        )
    except Refused:
        return False


def _no_such(name: str) -> Text:
    return Text(
        f"It names {name}, which is no recording of the folder.",
        f"Il nomme {name}, qui n’est pas un enregistrement du dossier.",
    )


def _same_as(name: str) -> Text:
    return Text(
        f"The same recording as {name} under another name; used once.",
        f"Le même enregistrement que {name} sous un autre nom ; utilisé une seule fois.",
    )


def _unfit(code: str, why: Text) -> Refused:
    return Refused(Problem(code, why))


_ALONE = Text("No hypnogram was found beside it.", "Aucun hypnogramme n’a été trouvé à côté.")
_NO_RECORDING = Text("No recording was found beside it.", "Aucun enregistrement n’a été trouvé à côté.")
_NOTHING_SCORED = Text("The hypnogram scores no epoch.", "L’hypnogramme ne cote aucune époque.")
_FLAT = Text(
    "Nothing was recorded on the EEG: it is flat.", "Rien n’a été enregistré sur l’EEG : il est plat."
)
_INTERRUPTED = Text(
    "The recording has gaps (EDF+D); export it as one stretch to learn from it.",
    "L’enregistrement a des interruptions (EDF+D) ; exportez-le d’un seul tenant pour l’apprentissage.",
)
_TEST_ONLY = Text(
    "Kept for testing, never learned from.", "Réservé aux tests, jamais utilisé pour l’apprentissage."
)
