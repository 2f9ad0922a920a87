"""Every figure of the sleep package, computed again from the data and the package alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ml.algorithms.sleep import annotations, budget, crossvalidation, load, raw_nights, reviewing
from ml.algorithms.sleep.crossvalidation import CHANNEL_SETS, Cohort
from ml.algorithms.sleep.predict import predict
from ml.algorithms.sleep.raw_nights import RawCohort
from ml.algorithms.sleep.reviewing import HeldOut
from ml.contracts import Source
from ml.package import Metric, Package
from ml.training.data import require
from ml.training.evaluation import Interval, as_metrics, stage_metrics, weighted_bootstrap

COMMAND = "python -m ml evaluate sleep --data ../shared/data"
COHORT = "Sleep-EDF cassette band powers, subject-wise 5-fold"
UCDDB = "sleep/ucddb"
WHOLE_NIGHT = "ucddb018"
# The share of a night at which the orders of review are compared.
REVIEWED = 0.1
_BINS = 15
_BLOCK_EPOCHS = 20


def cohort_metrics(held: Mapping[tuple[bool, ...], HeldOut], package: Package) -> list[Metric]:
    """Cross-validated figures for each set of channels; intervals resample subjects.

    Parameters
    ----------
    held
        From ``reviewing.held_out``: each night staged by the models trained without its subject.
    """
    found = []
    for prefix, name, mask in CHANNEL_SETS:
        one = held[mask]
        scale, _ = budget.of_manifest(package.manifest, np.asarray(mask))
        probabilities = budget.calibrated(one.network, scale)
        sure = one.cross_calibrated() if "calibration" in package.manifest else one.network
        figures = staging_figures(one.labels, sure, one.subjects)
        inside = one.asleep
        asleep = stage_metrics(one.labels[inside], probabilities[inside].argmax(axis=1), one.subjects[inside])
        figures["kappa_within_sleep_period"] = asleep["kappa"]
        threshold = package.manifest["thresholds"]["confidence"]
        figures |= review_figures(one.labels, probabilities, one.subjects, threshold)
        orders = reviewing.orders(one, scale, REVIEWED)
        figures |= {
            f"kappa_after_{100 * REVIEWED:.0f}_percent_by_{order}": value for order, value in orders.items()
        }
        if one.trees is not None:
            trees = staging_figures(one.labels, one.trees, one.subjects)
            figures |= {f"boosted.{figure}": value for figure, value in trees.items()}
        found += as_metrics(
            {f"{prefix}{figure}": value for figure, value in figures.items()},
            data=f"{COHORT}, {name}", n=len(np.unique(one.subjects)), unit="subjects", command=COMMAND,
            note=f"{len(one.labels)} epochs of {len(np.unique(one.nights))} nights; intervals over subjects",
        )  # fmt: skip
    return found


def excerpt_metrics(cohort: Cohort, package: Package) -> list[Metric]:
    """Cross-validated figures on excerpts of the nights, one frontal EEG; intervals resample subjects."""
    models = crossvalidation.ByFold(package)
    held_out = crossvalidation.held_out_excerpts(cohort, models, folds_of(cohort, package))
    found = []
    for name, (labels, probabilities, subjects) in held_out.items():
        figures = stage_metrics(labels, probabilities.argmax(axis=1), subjects)
        kept = [f for f in figures if f == "kappa" or f.startswith("recall_")]
        found += as_metrics(
            {f"excerpt_{name}.{figure}": figures[figure] for figure in kept},
            data=f"{COHORT}, one frontal EEG, excerpts {name}", n=len(np.unique(subjects)), unit="subjects",
            command=COMMAND, note=f"{len(labels)} epochs; intervals over subjects",
        )  # fmt: skip
    return found


def folds_of(cohort: Cohort, package: Package) -> np.ndarray:
    """Which network of the package has not seen each night, -1 where none has seen it."""
    folds = package.manifest["training"]["folds"]
    fold_of = {subject: k for k, subjects in enumerate(folds) for subject in subjects}
    return np.array([fold_of.get(int(s), -1) for s in cohort.subjects])


def staging_figures(labels: np.ndarray, probabilities: np.ndarray, groups: np.ndarray) -> dict[str, Interval]:
    """Agreement figures and the expected calibration error, intervals over groups."""
    return stage_metrics(labels, probabilities.argmax(axis=1), groups) | {
        "ece": calibration_error(labels, probabilities, groups)
    }


def calibration_error(labels: np.ndarray, probabilities: np.ndarray, groups: np.ndarray) -> Interval:
    """Expected calibration error of the confidence, 15 equal bins (Guo 2017)."""
    confidence = probabilities.max(axis=1)
    hit = probabilities.argmax(axis=1) == labels
    names, member = np.unique(groups, return_inverse=True)
    bins = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    gap = np.zeros((len(names), _BINS))
    np.add.at(gap, (member, bins), hit - confidence)
    count = np.bincount(member, minlength=len(names)).astype(float)

    def statistics(w: np.ndarray) -> dict[str, np.ndarray]:
        return {"ece": np.abs(w @ gap).sum(axis=1) / (w @ count)}

    return weighted_bootstrap(statistics, len(names))["ece"]


def review_figures(
    labels: np.ndarray, probabilities: np.ndarray, groups: np.ndarray, threshold: float
) -> dict[str, Interval]:
    """What checking the uncertain epochs buys: their share, and κ when a person corrects them all."""
    staged = probabilities.argmax(axis=1)
    flagged = probabilities.max(axis=1) < threshold
    corrected = stage_metrics(labels, np.where(flagged, labels, staged), groups)
    names, member = np.unique(groups, return_inverse=True)
    sums = np.stack([np.bincount(member, w, len(names)) for w in (flagged, np.ones(len(labels)))])

    def statistics(w: np.ndarray) -> dict[str, np.ndarray]:
        return {"share": (w @ sums[0]) / (w @ sums[1])}

    share = weighted_bootstrap(statistics, len(names))["share"]
    return {"uncertain_share": share, "kappa_after_review": corrected["kappa"]}


def whole_night_metrics(data: Path, package: Package) -> list[Metric]:
    """Figures on ucddb018, a whole raw night of another laboratory, from its single EEG channel."""
    edf, hypnogram = require(data, f"{UCDDB}/{WHOLE_NIGHT}_night.edf", f"{UCDDB}/{WHOLE_NIGHT}_hypnogram.edf")
    probabilities, labels = staged_against(package, edf, annotations.read_hypnogram(hypnogram))
    scored = labels >= 0
    blocks = np.arange(len(labels)) // _BLOCK_EPOCHS
    figures = staging_figures(labels[scored], probabilities[scored], blocks[scored])
    return as_metrics(
        {f"{WHOLE_NIGHT}.{name}": value for name, value in figures.items()},
        data="UCDDB ucddb018, raw C3-A2 by the position rule, never trained on", n=1, unit="nights",
        command=COMMAND,
        note=f"{int(scored.sum())} epochs; intervals over blocks of ten minutes of this one night, "
        "they say nothing of other patients",
    )  # fmt: skip


def wake_and_n3_metrics(data: Path, package: Package) -> list[Metric]:
    """Recall of wake and N3 on the recordings of which only those epochs are at hand.

    Where the package learned from them each is staged by the networks that have not seen its patient, and
    every patient has figures of his own beside those of all.
    """
    folds = len(package.manifest["training"]["folds"])
    raw = raw_nights.read(data, package, folds)
    own = package.manifest["training"].get("raw_recordings", {})
    staged = held_out_stages(raw, package)
    lengths = [len(stages) for stages in staged]
    patients = np.repeat([recording.patient for recording in raw.recordings], lengths)
    truth = [night.labels for night in raw.nights]
    figures = _wake_and_n3(np.concatenate(truth), np.concatenate(staged), patients)
    said = "each staged by the networks that learned from the others" if own else "never learned from"
    shared = {
        "data": f"UCDDB, five recordings with only their wake and N3 epochs, gaps closed; {said}",
        "command": COMMAND,
    }
    found = as_metrics(
        {f"ucddb_wake_n3.{name}": value for name, value in figures.items()}, **shared,
        n=len(np.unique(patients)), unit="patients",
        note=f"{len(patients)} epochs; intervals over patients; context is broken by the gaps",
    )  # fmt: skip
    for recording, labels, stages in zip(raw.recordings, truth, staged, strict=True):
        prefix = f"ucddb_wake_n3.{recording.name.split('_')[0]}"
        figures = _wake_and_n3(labels, stages, np.arange(len(labels)) // _BLOCK_EPOCHS)
        found += as_metrics(
            {f"{prefix}.{figure}": value for figure, value in figures.items()},
            **shared, n=1, unit="patients",
            note=f"{len(labels)} epochs; intervals over blocks of ten minutes of this one recording",
        )  # fmt: skip
    return found


def held_out_stages(raw: RawCohort, package: Package) -> list[np.ndarray]:
    """Stage raw recordings, those learned from by the networks that have not seen the patient.

    Returns
    -------
    list of ndarray, shape (epochs,)
        By recording, positions in ``STAGES``.
    """
    models = crossvalidation.ByFold(package)
    learned = package.manifest["training"].get("raw_recordings", {})
    return [
        models.unseen(night.features, night.mask, learned.get(recording.sha256, -1)).argmax(axis=1)
        for recording, night in zip(raw.recordings, raw.nights, strict=True)
    ]


def _wake_and_n3(labels: np.ndarray, staged: np.ndarray, groups: np.ndarray) -> dict[str, Interval]:
    figures = stage_metrics(labels, staged, groups)
    return {name: figures[name] for name in ("recall_W", "recall_N3", "accuracy")}


def staged_against(package: Package, edf: Path, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Stage a recording as in service; returns probabilities and labels of the epochs both have."""
    result: Mapping = predict(package, load.load(Source(path=edf), package))
    probabilities = np.asarray(result["probabilities"])
    epochs = min(len(labels), len(probabilities))
    return probabilities[:epochs], labels[:epochs]
