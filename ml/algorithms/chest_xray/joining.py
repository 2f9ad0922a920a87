"""Signed images of a hospital beside those of Kermany 2018: learned from, by child, and never tested on."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ml.algorithms.chest_xray import dataset, heads, train, validation
from ml.algorithms.chest_xray.cases import gather
from ml.algorithms.chest_xray.evaluation import figures
from ml.algorithms.chest_xray.features import Extractor
from ml.package import Metric, Package
from ml.training import data as training_data
from ml.training.evaluation import as_metrics, binary_metrics
from ml.training.site_sets import SiteSet, linked, linked_files

OWN = "vigie"
"""Folder of the hospital's images, and what its children's names begin with: a series of its own."""
COLUMNS = ("path", "split", "label", "etiology", "patient_id")
FEWEST = 20
"""Images of each class from which on figures on the hospital's own say anything."""


def join(data: Path, site: SiteSet, folder: Path) -> dict[str, Any]:
    """Write a data folder whose training split has the images of a set too; no parameter changes.

    The two classes of a child keep one name, so that the child is never on both sides of a fold.
    """
    kermany, _nih = training_data.require(data, dataset.KERMANY, dataset.NIH)
    linked_files(kermany, folder / dataset.KERMANY, but=("labels.csv",))
    for beside in (dataset.NIH, dataset.WEIGHTS_FOLDER):
        if (data / beside).is_dir():
            linked_files(data / beside, folder / beside)
    known = [{name: row[name] for name in COLUMNS} for row in dataset.rows(data)]
    path = folder / dataset.LABELS
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        writer.writeheader()
        writer.writerows([*known, *_rows(site, folder / dataset.KERMANY)])
    return {}


def changed(params: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of a training with a set: those of any."""
    return {**params, **changes}


def remeasured(data: Path, folder: Path, site: SiteSet, package: Package) -> list[Metric]:
    """Return the figures on Kermany alone, as of any version, and on the images of the set.

    Parameters
    ----------
    data, folder
        The data of the recipe, and the folder that :func:`join` wrote.
    """
    params = package.manifest["training"]["params"]
    fingerprint = training_data.fingerprint(*training_data.require(folder, dataset.KERMANY, dataset.NIH))
    weights = {name: dataset.weights(folder, name) for name in params["networks"]}
    images = dataset.kermany(folder, "train")
    extractor = Extractor(params["networks"], weights, fingerprint)
    cases, _ = gather(images, extractor, params).damped(params["damping"])
    learn = validation.linear(cases, params["regularisation"], params["balance"])
    scores = validation.unseen_families(cases, heads.blocks(cases.patients, params["blocks"]), learn)
    odds = np.stack([scores[family][family] for family in scores])
    probabilities = heads.sigmoid(odds, package.manifest["calibration"])
    threshold = package.thresholds["probability"]
    own = np.array([path.startswith(f"{OWN}/") for path in images.paths])

    def of(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        y, patients = (np.tile(each[rows], len(odds)) for each in (cases.y, cases.patients))
        return y, probabilities[:, rows].ravel(), patients

    def measured(rows: np.ndarray, prefix: str, name: str) -> list[Metric]:
        y, p, patients = of(rows)
        found = figures(binary_metrics(y, p, threshold, groups=patients, repeats=300))
        return as_metrics(
            {f"{prefix}{figure}": value for figure, value in found.items()},
            data=f"{name}: {train.UNSEEN}",
            n=len(y),
            command=f"{train.COMMAND} --with SET",
            unit="images",
            note=f"{len(np.unique(patients))} patients resampled whole",
        )

    official = [metric for metric in package.metrics if metric.command != train.COMMAND]
    here = f"training set {site.number} of this hospital"
    enough = min(np.bincount(cases.y[own], minlength=2)) >= FEWEST
    return [
        *measured(~own, "", "Kermany 2018"),
        *(measured(own, "site.", here) if enough else ()),
        *official,
    ]


def _rows(site: SiteSet, folder: Path) -> list[dict[str, str]]:
    numbers: dict[str, int] = {}
    rows = []
    for example in site.examples:
        source = site.folder / example["example"]
        path = f"{OWN}/{source.name}"
        linked(source, folder / path)
        # Blocks are cut by numbers, as the files of Kermany are numbered.
        number = numbers.setdefault(example["patient"], len(numbers) + 1)
        child = {"etiology": "", "patient_id": f"{OWN}-{number}"}
        rows.append({"path": path, "split": "train", "label": example["outcome"]} | child)
    return rows
