"""How well a package tells raw recordings from cleaned nights, and what it does on nights in a raw colour.

Of raw recordings only wake and deep sleep are scored here. What becomes of the other stages there can only be
approached: by nights of the cohort given the colour of a recording whose patient the networks have not seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from ml.algorithms.sleep import augmentation, crossvalidation, device, excerpts
from ml.algorithms.sleep.crossvalidation import ByFold, Cohort
from ml.algorithms.sleep.device import Gate
from ml.algorithms.sleep.raw_nights import RawCohort
from ml.package import Metric, Package
from ml.training.evaluation import as_metrics, stage_metrics

_ALONE = np.asarray(device.CHANNELS)
_FIGURES = ("kappa", "accuracy", "macro_f1", "recall_N2", "recall_N3")


def metrics(
    cohort: Cohort, raw: RawCohort, package: Package, fold: np.ndarray, *, command: str
) -> list[Metric]:
    """Compute the figures, each by the gate and the networks that have not seen the subject nor the patient.

    Parameters
    ----------
    fold
        Shape (nights,): whose networks have not seen each night.
    """
    return _gate(cohort, raw, package, fold, command) + _coloured(cohort, raw, package, fold, command)


def _gate(cohort: Cohort, raw: RawCohort, package: Package, fold: np.ndarray, command: str) -> list[Metric]:
    gate = Gate.of_manifest(package.manifest)
    if gate is None:
        return []
    nights = [gate.is_raw(n.features, _ALONE, int(k)) for n, k in zip(cohort.nights, fold, strict=True)]
    naps = [
        gate.is_raw(n.features[excerpts.validation(n.labels, i)["nap"]], _ALONE, int(k))
        for i, (n, k) in enumerate(zip(cohort.nights, fold, strict=True))
    ]
    known = [gate.is_raw(n.features, n.mask, int(k)) for n, k in zip(raw.nights, raw.folds, strict=True)]
    shares = (
        ("night_called_raw", nights, "nights", "Sleep-EDF, one frontal EEG"),
        ("nap_called_raw", naps, "naps", "Sleep-EDF, one frontal EEG, naps of 30 to 120 min"),
        ("raw_called_raw", known, "recordings", "UCDDB wake and N3"),
    )
    return [
        Metric(f"raw_device.{name}", float(np.mean(found)), data, len(found), command, unit=unit,
               note="each by the gate fitted without its subject or patient")
        for name, found, unit, data in shares
    ]  # fmt: skip


def _coloured(
    cohort: Cohort, raw: RawCohort, package: Package, fold: np.ndarray, command: str
) -> list[Metric]:
    models = ByFold(package)
    found: dict[str, list[tuple[np.ndarray, np.ndarray, int]]] = {}
    for number, features, labels, k in _nights(cohort, raw, fold):
        for name, rows in _parts(labels, number).items():
            staged = models.unseen(features[rows], _ALONE, k).argmax(axis=1)
            found.setdefault(name, []).append((labels[rows], staged, int(cohort.subjects[number])))
    return [one for name, parts in found.items() for one in _figures_of(name, parts, command)]


def _nights(
    cohort: Cohort, raw: RawCohort, fold: np.ndarray
) -> Iterator[tuple[int, np.ndarray, np.ndarray, int]]:
    """Nights in the colour of the first recording that is held out with them, where both have the stages."""
    still = np.random.default_rng(0)
    for number, (night, k) in enumerate(zip(cohort.nights, fold, strict=True)):
        held_out = [one for one, own in zip(raw.nights, raw.folds, strict=True) if own == k]
        for one in held_out[:1]:
            coloured = augmentation.coloured_as(night.features, night.labels, one)
            if coloured is not night.features:
                yield number, augmentation.other_device(coloured, 0.0, still), night.labels, int(k)


def _parts(labels: np.ndarray, number: int) -> Mapping[str, np.ndarray]:
    return {"night": np.arange(len(labels)), "nap": excerpts.validation(labels, number)["nap"]}


def _figures_of(name: str, parts: list[tuple[np.ndarray, np.ndarray, int]], command: str) -> list[Metric]:
    labels, staged = (np.concatenate([part[i] for part in parts]) for i in (0, 1))
    subjects = np.repeat([subject for _, _, subject in parts], [len(part[0]) for part in parts])
    scored = labels >= 0
    figures = stage_metrics(labels[scored], staged[scored], subjects[scored])
    return as_metrics(
        {f"raw_device.coloured_{name}.{figure}": figures[figure] for figure in _FIGURES},
        data=f"{crossvalidation.FOLDER}, one frontal EEG in the colour of a UCDDB recording, {name}",
        n=len(np.unique(subjects)), unit="subjects", command=command,
        note="by networks that have seen neither the subject nor the patient; intervals over subjects",
    )  # fmt: skip
