"""Scored nights of a hospital beside those of the recipe ``sequence``, band powers computed as in service.

A night with both EEG derivations and an EOG joins the cohort with all its stages, in folds dealt anew by
patient. Any other joins the raw recordings, of which the recipe learns wake and deep sleep.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ml import package as packages
from ml.algorithms.sleep import crossvalidation, evaluation, load, pairs, train
from ml.algorithms.sleep.bandpower import Night
from ml.algorithms.sleep.crossvalidation import ByFold, Cohort
from ml.algorithms.sleep.pair_names import PATIENTS
from ml.contracts import Refused, Source
from ml.package import Metric, Package
from ml.training import data as training_data
from ml.training.evaluation import as_metrics, stage_metrics
from ml.training.site_sets import SiteSet, WrongSet, linked, linked_files

OWN = "vigie"
"""Sorts behind the names of UCDDB, so that its patients keep the folds they are tied to."""
FIRST_SUBJECT = 9001
COHORT = f"sleep/{crossvalidation.FOLDER}"
# What makes a member go on from a package; without one it begins anew, with the settings of the network.
GOING_ON = ("package", "passes", "learning_rate", "nights")


@dataclass(frozen=True, slots=True)
class _Read:
    """A night of a set; ``patient`` counts from 0."""

    pair: pairs.Pair
    night: Night
    patient: int


def join(data: Path, site: SiteSet, folder: Path) -> dict[str, Any]:
    """Write a data folder with the nights of a set, and return the parameters that they change.

    A cohort with more subjects is dealt into other folds: networks of an older package have seen subjects
    that are held out now, so the members begin anew.

    Raises
    ------
    ml.training.site_sets.WrongSet
        When no night of it can be read.
    """
    cohort, raw = training_data.require(data, COHORT, pairs.UCDDB)
    linked_files(cohort, folder / COHORT)
    linked_files(raw, folder / pairs.UCDDB, but=(PATIENTS,))
    nights = _read(site)
    if not nights:
        raise WrongSet(f"{site.folder}: none of its nights can be learned from")
    whole = [one for one in nights if one.night.mask.all()]
    counts: dict[int, int] = {}
    for one in whole:
        counts[one.patient] = counts.get(one.patient, 0) + 1
        name = f"{FIRST_SUBJECT + one.patient}_night{counts[one.patient]}.npz"
        np.savez(folder / COHORT / name, features=one.night.features, labels=one.night.labels)
    _write_raw([one for one in nights if not one.night.mask.all()], raw, folder / pairs.UCDDB)
    sys.stderr.write(f"joined: {len(whole)} nights of three channels, {len(nights) - len(whole)} others\n")
    return {"begin_anew": True} if whole else {}


def changed(params: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of a training with a set."""
    if not changes.get("begin_anew"):
        return dict(params)
    anew = {
        section: {name: _anew(settings) for name, settings in params[section].items()}
        for section in ("members", "raw_members")
    }
    return {**params, **anew}


def remeasured(data: Path, folder: Path, site: SiteSet, package: Package) -> list[Metric]:
    """Return the figures on the data of the recipe alone, as of any version, and on the nights of the set.

    Each night is staged by the networks that have not seen its patient.
    """
    figures = train.evaluate(data, package)
    cohort = crossvalidation.read_cohort(folder)
    own = cohort.subjects >= FIRST_SUBJECT
    if not own.any():
        return figures
    nights = tuple(night for night, ours in zip(cohort.nights, own, strict=True) if ours)
    here = Cohort(nights, cohort.subjects[own])
    fold = evaluation.folds_of(here, package)
    staged = crossvalidation.held_out_probabilities(here, ByFold(package), fold, (True, True, True))
    labels, subjects = here.labels(), here.epoch_subjects()
    scored = labels >= 0
    found = stage_metrics(labels[scored], staged[scored].argmax(axis=1), subjects[scored])
    return figures + as_metrics(
        {f"site.{name}": value for name, value in found.items()},
        data=f"training set {site.number} of this hospital, subject-wise folds, three channels",
        n=len(np.unique(subjects)), unit="patients", command="python -m ml train sleep --with SET",
        note=f"{int(scored.sum())} epochs of {len(nights)} nights; intervals over patients",
    )  # fmt: skip


def _anew(settings: Mapping[str, Any]) -> dict[str, Any]:
    if "package" not in settings:
        return dict(settings)
    return {name: value for name, value in settings.items() if name not in GOING_ON}


def _read(site: SiteSet) -> list[_Read]:
    """Read the nights of a set; standard error names those left out."""
    wanted = {site.folder / row["example"]: row["patient"] for row in site.examples}
    names = {patient: i for i, patient in enumerate(dict.fromkeys(wanted.values()))}
    found, unfit = pairs.find(site.folder / "recordings")
    kept = [pair for pair in found if pair.recording in wanted]
    recorded, unread = pairs.read(kept)
    labelled = {one.name: one.labels for one in recorded}
    nights = []
    for pair in kept:
        if pair.name not in labelled:
            continue
        try:
            features = load.load(
                Source(path=pair.recording), packages.load("sleep"), alone=True
            ).data.features
        except Refused as refusal:
            unread += [pairs.Unfit(pair.recording.name, problem.message) for problem in refusal.problems]
            continue
        night = Night(features, features.any(axis=(0, 2)), labelled[pair.name][: len(features)])
        nights.append(_Read(pair, night, names[wanted[pair.recording]]))
    for line in pairs.told([*unfit, *unread]):
        sys.stderr.write(f"{line}\n")
    return nights


def _write_raw(nights: Sequence[_Read], raw: Path, folder: Path) -> None:
    """Link recordings and hypnograms beside those of UCDDB, with whose they are."""
    known = []
    if (raw / PATIENTS).is_file():
        with (raw / PATIENTS).open(encoding="utf-8-sig", newline="") as stream:
            known = [(row["recording"], row["patient"]) for row in csv.DictReader(stream)]
    lines = known
    for one in nights:
        for path in (one.pair.recording, one.pair.hypnogram):
            linked(path, folder / f"{OWN}-{path.name}")
        lines.append((f"{OWN}-{one.pair.name}", f"{OWN}-{one.patient:04}"))
    if lines:
        with (folder / PATIENTS).open("w", newline="", encoding="utf-8") as stream:
            csv.writer(stream).writerows([("recording", "patient"), *lines])
