"""Subject-wise cross-validation of the sequence network, each fold kept so that a stop costs one fold."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ml import package as packages
from ml.algorithms.sleep import bandpower, excerpts, network, sequence
from ml.algorithms.sleep.device import Gate
from ml.algorithms.sleep.features import network_inputs
from ml.algorithms.sleep.patient_folds import folds_of
from ml.algorithms.sleep.raw_nights import RawCohort
from ml.algorithms.sleep.sequence import SequenceModel
from ml.package import Package
from ml.training import watching
from ml.training.data import require

FOLDER = "sleep_edf_bandpower"
CACHE = Path(__file__).resolve().parents[3] / "var" / "cache" / "sleep"
# Between the seeds of two members, more than there are folds.
_SEEDS_APART = 100
# The channel sets every figure is given for: prefix of the figure's name, words, slots given.
CHANNEL_SETS = (
    ("", "three channels", (True, True, True)),
    ("frontal_eeg.", "one frontal EEG", (True, False, False)),
    ("frontal_eeg_eog.", "frontal EEG + EOG", (True, False, True)),
    ("two_eeg.", "two EEG", (True, True, False)),
    ("posterior_eeg.", "one posterior EEG", (False, True, False)),
)


@dataclass(frozen=True, slots=True)
class Cohort:
    """Labelled nights and the subject of each."""

    nights: tuple[bandpower.Night, ...]
    subjects: np.ndarray

    def labels(self) -> np.ndarray:
        """Labels of all epochs of all nights, -100 where unscored."""
        return np.concatenate([n.labels for n in self.nights])

    def epoch_subjects(self) -> np.ndarray:
        """Subject of each epoch."""
        return np.repeat(self.subjects, [len(n.features) for n in self.nights])


def read_cohort(data: Path) -> Cohort:
    """Read all labelled nights; ``ml.training.data.DataMissing`` says what to put where."""
    (folder,) = require(
        data, f"sleep/{FOLDER}",
        hint="Nights of band powers NN_nightK.npz, NN the subject; recipe: ml/algorithms/sleep/CARD.md.",
    )  # fmt: skip
    paths = sorted(folder.glob("*_night*.npz"))
    require(folder, *(() if paths else ("01_night1.npz",)))
    subjects = np.array([int(path.name.split("_")[0]) for path in paths])
    return Cohort(tuple(bandpower.read(path) for path in paths), subjects)


def subjects_of_folds(subjects: np.ndarray, folds: int, seed: int) -> list[list[int]]:
    """Return the subjects of each fold, as a manifest names them."""
    fold = folds_of(subjects, folds, seed)
    return [sorted({int(s) for s in subjects[fold == k]}) for k in range(folds)]


def train_members(
    members: Mapping[str, Mapping[str, Any]],
    cohort: Cohort,
    params: Mapping[str, Any],
    fingerprint: str,
    raw: RawCohort,
) -> list[keras.Model]:
    """Train the networks of every fold, each without the subjects of its fold; cached ones are read.

    A member that names a ``package`` takes the networks of it; where it says more, they go on learning with
    what it says, from the raw recordings too.

    Parameters
    ----------
    members
        The section ``members`` or ``raw_members`` of the sleep parameters.
    raw
        Raw recordings, each with the fold whose networks do not learn from it.

    Returns
    -------
    list of keras.Model
        Member after member, fold after fold within a member: network ``i`` is of fold ``i % folds``.

    Raises
    ------
    ValueError
        When a member takes the networks of a package whose folds are others: they have seen subjects that
        are held out here.
    """
    found: list[keras.Model] = []
    for number, (name, changes) in enumerate(members.items()):
        more = {key: value for key, value in changes.items() if key != "package"}
        starts = _networks_of(changes["package"], cohort, params) if "package" in changes else None
        if starts is not None and not more:
            found += starts
            continue
        seed = params["seed"] + _SEEDS_APART * number
        task = _Task(
            cohort, raw, params, {**params["network"], **more}, f"{name} {dict(changes)} {fingerprint}"
        )
        begun = [None] * params["folds"] if starts is None else starts
        found += [_trained(task, i, seed + i, start) for i, start in enumerate(begun)]
    return found


@dataclass(frozen=True, slots=True)
class _Task:
    """What the networks of a member are trained on and how; ``name`` tells apart what is stored."""

    cohort: Cohort
    raw: RawCohort
    params: Mapping[str, Any]
    settings: Mapping[str, Any]
    name: str


def _networks_of(version: str, cohort: Cohort, params: Mapping[str, Any]) -> list[keras.Model]:
    package = packages.load("sleep", version)
    own = subjects_of_folds(cohort.subjects, params["folds"], params["seed"])
    if package.manifest["training"].get("folds") != own:
        raise ValueError(
            f"sleep {version} was trained with other folds, so its networks have seen held-out subjects: "
            "take its seed, folds and data, or leave that member out"
        )
    return network.read(package.path(sequence.FILE), dropout=params["network"]["dropout"])


def _trained(task: _Task, i: int, seed: int, start: keras.Model | None) -> keras.Model:
    """Train network ``i`` of a member, or read it when it was trained before from the same."""
    params, settings = task.params, task.settings
    folds = params["folds"]
    key = json.dumps([settings, folds, params["seed"], i, task.name, seed], sort_keys=True)
    stored = CACHE / f"network{i}-{hashlib.sha256(key.encode()).hexdigest()[:16]}.weights.h5"
    if stored.exists():
        model = network.build(settings["units"], dropout=settings["dropout"])
        model.load_weights(stored)
        return model
    fold = folds_of(task.cohort.subjects, folds, params["seed"])
    nights = [n for n, f in zip(task.cohort.nights, fold, strict=True) if f != i % folds]

    def told(number: int, loss: float) -> None:
        member = task.name.split()[0]
        watching.tell(f"{member}.network_{i}.loss", loss, number)
        sys.stderr.write(f"{member}, network {i + 1}, pass {number}/{settings['passes']}: loss {loss:.4f}\n")

    raw = task.raw.without(i % folds)
    model = network.fit(nights, settings, seed=seed, on_pass=told, start=start, raw=raw)
    CACHE.mkdir(parents=True, exist_ok=True)
    half = stored.with_name(f"writing-{stored.name}")
    model.save_weights(half)
    half.replace(stored)
    return model


class ByFold:
    """The networks of a package, fold by fold; only those asked for are run."""

    def __init__(self, package: Package) -> None:
        self._package = package
        self._folds = len(package.manifest["training"]["folds"])
        self._gate = Gate.of_manifest(package.manifest)
        self._models: dict[tuple[str, int], SequenceModel] = {}

    def unseen(
        self, features: np.ndarray, mask: np.ndarray, k: int, *, recorded: np.ndarray | None = None
    ) -> np.ndarray:
        """Stage a recording as in service, by what has not seen it: gate and networks of fold ``k``.

        Parameters
        ----------
        features, mask
            Shapes (epochs, 3, 10) and (3,).
        k
            The fold; all networks are averaged when it is -1.
        recorded
            Shape (3,): the channels of the recording where ``mask`` is only a juror's.

        Returns
        -------
        ndarray, shape (epochs, 5)
        """
        given = mask if recorded is None else recorded
        raw = self._gate is not None and self._gate.is_raw(features, given, k)
        name = sequence.RAW_FILE if raw else sequence.FILE
        if (name, k) not in self._models:
            every = slice(None) if k < 0 else slice(k, None, self._folds)
            self._models[name, k] = SequenceModel(network.part(self._package.path(name), every))
        return self._models[name, k].members(network_inputs(features, mask)[None])[0].mean(axis=1)


def held_out_probabilities(
    cohort: Cohort,
    models: ByFold,
    fold: np.ndarray,
    mask: tuple[bool, ...],
    recorded: tuple[bool, ...] | None = None,
) -> np.ndarray:
    """Stage every night by the networks of a package that have not seen its subject.

    Parameters
    ----------
    fold
        Shape (nights,): whose networks have not seen each night; -1 where none has, then all are averaged.
    mask
        Which slots the network is given.
    recorded
        Which the recording has, where the network is given a juror's only.

    Returns
    -------
    ndarray, shape (epochs of all nights, 5)
    """
    given, whole = np.asarray(mask), np.asarray(mask if recorded is None else recorded)
    return np.concatenate([
        models.unseen(night.features, given, int(k), recorded=whole)
        for night, k in zip(cohort.nights, fold, strict=True)
    ])  # fmt: skip


def held_out_excerpts(
    cohort: Cohort, models: ByFold, fold: np.ndarray
) -> dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Stage the validation excerpts of every night from one frontal EEG, by the network that has not seen it.

    Returns
    -------
    dict
        Per excerpt of ``excerpts.validation`` labels, probabilities (epochs, 5) and subjects of its scored
        epochs.
    """
    mask = np.array([True, False, False])
    found: dict[str, list[tuple[np.ndarray, np.ndarray, np.ndarray]]] = {}
    for number, (night, k) in enumerate(zip(cohort.nights, fold, strict=True)):
        for name, rows in excerpts.validation(night.labels, number).items():
            probabilities = models.unseen(night.features[rows], mask, int(k))
            labels = night.labels[rows]
            scored = labels >= 0
            subject = np.full(int(scored.sum()), cohort.subjects[number])
            found.setdefault(name, []).append((labels[scored], probabilities[scored], subject))
    return {name: tuple(np.concatenate(part) for part in zip(*parts, strict=True))
            for name, parts in found.items()}  # fmt: skip
