"""The figures of a shipped package, through the same doors as a study."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ml.algorithms.chest_xray import dataset, gate, gate_training, network, nonchest
from ml.algorithms.chest_xray.load import load
from ml.algorithms.chest_xray.predict import predict
from ml.algorithms.chest_xray.view import model_view, smoothed, square
from ml.contracts import Source
from ml.package import Metric, Package
from ml.training.evaluation import Interval, as_metrics, binary_metrics, wilson
from ml.training.progress import progress

COMMAND = "python -m ml evaluate chest_xray --data ../shared/data"
TEST = "Kermany 2018: labelled half of the official test split"
SHOWN = (
    "roc_auc", "accuracy", "recall", "specificity", "precision", "npv", "brier", "pr_auc",
    "calibration_intercept", "calibration_slope",
)  # fmt: skip
"""Figures kept in the manifest; ``recall`` is the sensitivity."""
UNGATED = {"no_gate": True}


def figures(found: Mapping[str, Interval]) -> dict[str, Interval]:
    """Keep the figures that the manifest states."""
    return {name: found[name] for name in SHOWN if name in found}


def evaluate(data: Path, package: Package) -> list[Metric]:
    """Compute the figures on the official test, on adults and on images of something else.

    Parameters
    ----------
    data
        Folder holding ``chest_xray/kermany224`` and ``chest_xray/nih256``.

    Returns
    -------
    list of Metric
        Discrimination, decisions and calibration with 95 % intervals from resampling whole patients
        of all test images, whatever the gate says; then shares the gate accepts or refuses, with
        Wilson intervals.

    Raises
    ------
    ml.training.data.DataMissing
        When a data set is not there.
    """
    rows = [row for row in dataset.rows(data) if row["split"] == "test"]
    folder = data / dataset.KERMANY
    answers = [_answer(package, folder / row["path"]) for row in progress(rows, "test images", unit="image")]
    y = np.array([row["label"] == dataset.PNEUMONIA for row in rows], dtype=int)
    probabilities = np.array([probability for probability, _ in answers])
    patients = np.array([dataset.patient(row) for row in rows])
    found = binary_metrics(y, probabilities, package.thresholds["probability"], groups=patients)
    note = f"{len(np.unique(patients))} patients resampled whole; scored whatever the gate says"
    metrics = as_metrics(figures(found), data=TEST, n=len(y), command=COMMAND, unit="images", note=note)
    metrics.append(_share("gate_accepts_test", [accepted for _, accepted in answers], TEST))
    return metrics + _adults(data, package) + [_others(package)]


def _answer(package: Package, path: Path) -> tuple[float, bool]:
    """Return the probability and whether the gate accepted the image."""
    result = predict(package, load(Source(path=path, options=UNGATED), package))
    return result["probability"], result["gate"]["accepted"]


def _share(name: str, answers: list[bool], data: str, note: str = "") -> Metric:
    (metric,) = as_metrics(
        {name: wilson(sum(answers), len(answers))},
        data=data,
        n=len(answers),
        command=COMMAND,
        unit="images",
        note=note,
    )
    return metric


def _adults(data: Path, package: Package) -> list[Metric]:
    """What becomes of adults whose file gives no age: refused by appearance; scored, they mean nothing."""
    nih = dataset.adults(data, package.manifest["training"]["params"]["seed"])
    grown = ~nih.for_training & (nih.ages >= gate_training.ADULT_YEARS)
    data_name = "NIH ChestX-ray14 sample: adults (>= 18 y) of the gate-test half"
    note = "no age given to the gate; patients split before training; the gate may recognise the source"
    refused = [not by_features_accepts(package, image) for image in nih.pixels[grown]]
    y = nih.y[grown]
    logits = [network.run(package, model_view(image)).logit for image in nih.pixels[grown]]
    probabilities = 1 / (1 + np.exp(-np.array(logits)))
    found = binary_metrics(y, probabilities, 0.5, groups=nih.patients[grown])
    out_of_population = as_metrics(
        {"roc_auc": found["roc_auc"]},
        data=data_name,
        n=int(grown.sum()),
        command=COMMAND,
        unit="images",
        note="the score outside its population, as if the gate did not exist",
    )
    return [_share("gate_refuses_adults", refused, data_name, note), *out_of_population]


def _others(package: Package) -> Metric:
    refused = [not by_features_accepts(package, view, ready=True) for _, view in nonchest.for_testing()]
    return _share(
        "gate_refuses_other_images",
        refused,
        "images that pydicom carries (CT, MR, colour, ...) and scikit-learn's flower.jpg",
        "by appearance alone: DICOM headers, size and colour would refuse most of them already",
    )


def by_features_accepts(package: Package, image: np.ndarray, *, ready: bool = False) -> bool:
    """Return whether the gate lets an image pass that tells no age; ``ready``: it has the model's size."""
    stored = image if ready else square(image)
    view = image if ready else smoothed(stored)
    found, limits = network.run(package, view), package.json("gate.json")
    return not gate.judge(stored.astype(np.float32), stored, found, limits, age_known=False)
