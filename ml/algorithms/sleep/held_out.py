"""How models on raw recordings are judged: every night staged by a model that has not seen its patient.

The stages found that way lie in the package, by the hash of the recording, so that a later comparison
never scores a model on a night it learned from.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ml import package as packages
from ml.algorithms.sleep import about
from ml.algorithms.sleep.contract import EPOCH_SECONDS, STAGES
from ml.algorithms.sleep.pair_names import PATIENTS
from ml.algorithms.sleep.pairs import RawNight
from ml.algorithms.sleep.patient_folds import folds_of
from ml.contracts import Text
from ml.package import Metric, Package
from ml.training import tracking
from ml.training.data import DataMissing
from ml.training.evaluation import as_metrics, stage_metrics

FILE = "held_out.json"
COMMAND = "python -m ml evaluate sleep --version {version} --data {data}"
LEAST_PATIENTS = 2
_NONE = "-"


def require_patients(nights: Sequence[RawNight], data: Path) -> None:
    """Raise ``DataMissing`` when all recordings are of one patient: a package without a figure is none."""
    if len({night.patient for night in nights}) < LEAST_PATIENTS:
        hint = (
            f"The {len(nights)} recording(s) that can be learned from are of one patient: nobody could be "
            f"held out, and the package would carry no figure. At least {LEAST_PATIENTS} patients are "
            f"needed; {PATIENTS} says whose each recording is."
        )
        raise DataMissing(data, ("recordings of another patient",), hint=hint)


def folds(nights: Sequence[RawNight], most: int, seed: int) -> np.ndarray:
    """Deal patients into folds, one patient each where there are no more than ``most``.

    Returns
    -------
    ndarray of int, shape (nights,)
    """
    patients = np.array([night.patient for night in nights])
    return folds_of(patients, min(most, len(np.unique(patients))), seed)


def write(folder: Path, nights: Sequence[RawNight], stages: Mapping[int, np.ndarray]) -> None:
    """Write the stages of the nights that were held out, by position; a digit 0–4 per epoch."""
    found = {
        nights[i].sha256: "".join(_NONE if s < 0 else str(int(s)) for s in each) for i, each in stages.items()
    }
    text = json.dumps({"recordings": found}, sort_keys=True, indent=1)
    (folder / FILE).write_text(text + "\n", "utf-8")


def stages(package: Package) -> dict[str, np.ndarray]:
    """Return the held-out stages of every recording a package learned from, by its sha256."""
    return {
        sha256: np.array([-1 if mark == _NONE else int(mark) for mark in text])
        for sha256, text in package.json(FILE)["recordings"].items()
    }


def metrics(nights: Sequence[RawNight], package: Package, data: Path) -> list[Metric]:
    """Score the held-out stages against the hypnograms; intervals over patients.

    Nights that the package did not learn from are left to ``python -m ml compare``.

    Parameters
    ----------
    data
        The folder of the nights, for the command that computes the figures again.
    """
    staged = stages(package)
    judged = [night for night in nights if night.sha256 in staged]
    if not judged:
        return []
    truth = np.concatenate([night.labels for night in judged])
    found = np.concatenate([staged[night.sha256] for night in judged])
    patient = np.repeat([night.patient for night in judged], [len(night.labels) for night in judged])
    scored = (truth >= 0) & (found >= 0)
    patients = len(np.unique(patient[scored]))
    return as_metrics(
        stage_metrics(truth[scored], found[scored], patient[scored]),
        data="raw recordings, each staged by a model trained without its patient", n=patients,
        unit="patients",
        command=COMMAND.format(version=package.version, data=shlex.quote(data.as_posix())),
        note=f"{int(scored.sum())} epochs ({counted(truth[scored])}); intervals over patients",
    )  # fmt: skip


def completed(
    folder: Path, nights: Sequence[RawNight], manifest: Mapping[str, Any], *, data: Path, run: tracking.Run
) -> Package:
    """Write the package over the files in ``folder``, then again with the figures of its held-out stages."""
    written = packages.write(folder, manifest)
    figures = [asdict(metric) for metric in metrics(nights, written, data)]
    written = packages.write(folder, {**manifest, "metrics": figures})
    run.package(written)
    return written


def accuracy(nights: Sequence[RawNight], staged: Mapping[int, np.ndarray]) -> float:
    """Return the share of scored epochs that nights, given by position, were staged alike."""
    truth = np.concatenate([nights[i].labels for i in staged])
    found = np.concatenate(list(staged.values()))
    return float((found == truth)[truth >= 0].mean())


def counted(labels: np.ndarray) -> str:
    """Return the scored epochs of each stage, as ``"W 613, N3 572"``."""
    count = np.bincount(labels[labels >= 0], minlength=len(STAGES))
    return ", ".join(f"{stage} {n}" for stage, n in zip(STAGES, count, strict=True) if n)


def manifest(
    version: str,
    nights: Sequence[RawNight],
    *,
    recipe: str,
    settings: Mapping[str, Any],
    pinned: str,
    given: Mapping[str, Any],
    use: Text,
    limits: Sequence[Text],
) -> dict[str, Any]:
    """Return what a package trained on raw recordings says of itself, without names of files or patients.

    Parameters
    ----------
    given
        What its input is, besides epochs and stages.
    use
        What it is for.
    limits
        Where it fails, beside what it never saw.
    """
    labels = np.concatenate([night.labels for night in nights])
    patients = len({night.patient for night in nights})
    seen = f"{len(nights)} raw recordings of {patients} patients, {counted(labels)} epochs"
    return {
        "algorithm": "sleep",
        "version": version,
        "input": {**given, "epoch_seconds": EPOCH_SECONDS, "stages": list(STAGES)},
        # For comparison and the older interface: no study is answered by it.
        "serves": False,
        "thresholds": {},
        "metrics": [],
        "data": seen,
        "intended_use": Text(
            f"{use.en} {about.RESEARCH_USE.en}", f"{use.fr} {about.RESEARCH_USE.fr}"
        ).as_json(),
        "limits": [limit.as_json() for limit in (*_saw(labels, len(nights), patients), *limits)],
        "training": {
            "recipe": recipe,
            "params": dict(settings),
            "data_sha256": pinned,
            "recordings": sorted(night.sha256 for night in nights),
        },
    }


def _saw(labels: np.ndarray, recordings: int, patients: int) -> list[Text]:
    """Say how little was seen, and which stages never."""
    found = [Text(
        f"Trained on {recordings} recordings of {patients} patients ({counted(labels)} epochs).",
        f"Entraîné sur {recordings} enregistrements de {patients} patients ({counted(labels)} époques).",
    )]  # fmt: skip
    never = [stage for i, stage in enumerate(STAGES) if not (labels == i).any()]
    if never:
        named = ", ".join(never)
        found.append(Text(
            f"Never saw {named}: it cannot find them and calls such epochs something else.",
            f"N’a jamais vu {named} : il ne peut pas les reconnaître et nomme ces époques autrement.",
        ))  # fmt: skip
    return found
