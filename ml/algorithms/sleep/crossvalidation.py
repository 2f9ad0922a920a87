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
from ml.algorithms.sleep.features import network_inputs
from ml.algorithms.sleep.patient_folds import folds_of
from ml.algorithms.sleep.sequence import SequenceModel
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


def train_members(cohort: Cohort, params: Mapping[str, Any], fingerprint: str) -> list[keras.Model]:
    """Train the networks of every fold, each without the subjects of its fold; cached ones are read.

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
    found = []
    for number, (name, changes) in enumerate(params["members"].items()):
        if "package" in changes:
            found += _networks_of(changes["package"], cohort, params)
            continue
        settings = {**params["network"], **changes}
        seed = params["seed"] + _SEEDS_APART * number
        folds = range(params["folds"])
        found += [_trained(cohort, k, params, settings, f"{name} {fingerprint}", seed + k) for k in folds]
    return found


def _networks_of(version: str, cohort: Cohort, params: Mapping[str, Any]) -> list[keras.Model]:
    package = packages.load("sleep", version)
    own = subjects_of_folds(cohort.subjects, params["folds"], params["seed"])
    if package.manifest["training"].get("folds") != own:
        raise ValueError(
            f"sleep {version} was trained with other folds, so its networks have seen held-out subjects: "
            "take its seed, folds and data, or leave that member out"
        )
    return network.read(package.path(sequence.FILE), dropout=params["network"]["dropout"])


def _trained(
    cohort: Cohort, k: int, params: Mapping[str, Any], settings: Mapping[str, Any], name: str, seed: int
) -> keras.Model:
    """Train the network of one fold, or read it when it was trained before from the same."""
    key = json.dumps([settings, params["folds"], params["seed"], k, name, seed], sort_keys=True)
    stored = CACHE / f"fold{k}-{hashlib.sha256(key.encode()).hexdigest()[:16]}.weights.h5"
    if stored.exists():
        model = network.build(settings["units"], dropout=settings["dropout"])
        model.load_weights(stored)
        return model
    fold = folds_of(cohort.subjects, params["folds"], params["seed"])
    nights = [n for n, f in zip(cohort.nights, fold, strict=True) if f != k]

    def told(number: int, loss: float) -> None:
        sys.stderr.write(
            f"{name.split()[0]}, fold {k + 1}/{params['folds']}, "
            f"pass {number}/{settings['passes']}: loss {loss:.4f}\n"
        )

    model = network.fit(nights, settings, seed=seed, on_pass=told)
    CACHE.mkdir(parents=True, exist_ok=True)
    half = stored.with_name(f"writing-{stored.name}")
    model.save_weights(half)
    half.replace(stored)
    return model


def held_out_probabilities(
    cohort: Cohort, sequence: SequenceModel, fold: np.ndarray, folds: int, mask: tuple[bool, ...]
) -> np.ndarray:
    """Stage every night by the networks of a package that have not seen its subject.

    Parameters
    ----------
    sequence
        The networks of the package.
    fold
        Shape (nights,): whose networks have not seen each night; -1 where none has, then all are averaged.
    folds
        How many folds the package has.
    mask
        Which slots the network is given.

    Returns
    -------
    ndarray, shape (epochs of all nights, 5)
    """
    return np.concatenate([
        unseen(sequence, network_inputs(night.features, np.asarray(mask)), k, folds)
        for night, k in zip(cohort.nights, fold, strict=True)
    ])  # fmt: skip


def unseen(sequence: SequenceModel, inputs: np.ndarray, k: int, folds: int) -> np.ndarray:
    """Mean probabilities of the networks of fold ``k``, of all when it is -1; shape (epochs, 5)."""
    members = sequence.members(inputs[None])[0]
    return (members if k < 0 else members[:, k::folds]).mean(axis=1)


def held_out_excerpts(
    cohort: Cohort, sequence: SequenceModel, fold: np.ndarray, folds: int
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
            inputs = network_inputs(night.features[rows], mask)
            probabilities = unseen(sequence, inputs, k, folds)
            labels = night.labels[rows]
            scored = labels >= 0
            subject = np.full(int(scored.sum()), cohort.subjects[number])
            found.setdefault(name, []).append((labels[scored], probabilities[scored], subject))
    return {name: tuple(np.concatenate(part) for part in zip(*parts, strict=True))
            for name, parts in found.items()}  # fmt: skip
