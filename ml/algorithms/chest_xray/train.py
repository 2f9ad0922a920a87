"""Training: features once per altered copy, linear heads, one exported graph, one look at the test."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ml import package as packages
from ml.algorithms.chest_xray import appearance, backbone, dataset, gate_training, graph, heads, validation
from ml.algorithms.chest_xray.about import INTENDED_USE, LIMITS
from ml.algorithms.chest_xray.cases import Cases, gather
from ml.algorithms.chest_xray.contract import CONTRACT
from ml.algorithms.chest_xray.evaluation import evaluate, figures
from ml.algorithms.chest_xray.features import Extractor
from ml.algorithms.chest_xray.network import MODEL
from ml.algorithms.chest_xray.operating import threshold_for_sensitivity
from ml.algorithms.chest_xray.view import SIDE, model_view
from ml.contracts import Text
from ml.package import Metric, Package
from ml.training import curves, tracking
from ml.training import data as training_data
from ml.training.evaluation import as_metrics, binary_metrics

COMMAND = "python -m ml train chest_xray --data ../shared/data"
UNSEEN = "training images, each altered by a family its head never met, out of fold"
UNSEEN_FR = "images d’apprentissage, chacune altérée d’une manière jamais rencontrée, hors pli"
LARGEST_DIFFERENCE = 1e-5
NOT_OF_THE_PACKAGE = ("score_test", "bench", "candidates", "tuned")
"""Parameters on which the package does not depend."""
WRITTEN_BY_PACKAGE = ("files", "sha256", "created")


class ExportDiffers(RuntimeError):
    """The exported network does not say what the trained one says."""


def train(data: Path, out: Path, *, version: str, params: Mapping[str, Any]) -> Package:
    """Train, export and write a package.

    Parameters
    ----------
    data
        Folder holding ``chest_xray/kermany224``, ``nih256`` and ``weights``.
    out
        The package is written to ``out/chest_xray/<version>``.
    params
        Section ``chest_xray`` of ``params.yaml``. Without ``score_test`` the test images are not
        touched: that is how everything is chosen before the one look.

    Raises
    ------
    ml.training.data.DataMissing
        When a file is missing.
    ExportDiffers
        When ONNX and Keras disagree by more than 1e-5 in probability.
    """
    kermany, nih = training_data.require(data, dataset.KERMANY, dataset.NIH)
    backbone.check(params["networks"])
    weights = {name: dataset.weights(data, name) for name in params["networks"]}
    fingerprint = training_data.fingerprint(kermany, nih)
    images, adults = dataset.kermany(data, "train"), dataset.adults(data, params["seed"])
    extractor = Extractor(params["networks"], weights, fingerprint)
    with tracking.run("chest_xray", "train", params=_own(params)) as run:
        run.data(fingerprint, "Kermany 2018 and NIH ChestX-ray14")
        cases = gather(images, extractor, params)
        head, decision, promises, metrics = _pneumonia(cases, params, run)
        gate = gate_training.train_gate(
            images,
            adults,
            extractor,
            {"clean": cases.clean, "train": cases.copies[0], "shift": cases.shift},
            params["gate"],
            params["seed"],
        )
        folder = out / CONTRACT.name / version
        folder.mkdir(parents=True, exist_ok=True)
        network = backbone.build(params["networks"], weights)
        model = graph.assemble(network, head, gate.heads, gate.cloud)
        backbone.export(model, folder / MODEL)
        difference = _check_export(model, folder / MODEL, dataset.kermany(data, "test").pixels)
        (folder / "gate.json").write_text(json.dumps(gate.limits, indent=2) + "\n", "utf-8")
        manifest = _manifest(version, params, metrics, fingerprint, images, weights) | decision
        manifest["training"] |= {
            "onnx_against_keras": difference,
            "gate_accepts_out_of_fold": gate.accepted,
            "unseen": promises,
            "looks_at_the_test": 0,
        }
        package = packages.write(folder, manifest)
        if params["score_test"]:
            package = look(data, package)
        run.package(package)
    return package


def look(data: Path, package: Package) -> Package:
    """Score a finished package on the official test, and write the figures and the look into it.

    Nothing may be chosen after this: a package that is looked at twice says so.
    """
    found = [asdict(metric) for metric in evaluate(data, package)]
    kept = {key: value for key, value in package.manifest.items() if key not in WRITTEN_BY_PACKAGE}
    earlier = [metric for metric in kept["metrics"] if metric["command"] == COMMAND]
    training = kept["training"]
    training = training | {"looks_at_the_test": training["looks_at_the_test"] + 1}
    return packages.write(package.folder, kept | {"metrics": earlier + found, "training": training})


def _own(params: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in params.items() if key not in NOT_OF_THE_PACKAGE}


def _pneumonia(
    cases: Cases, params: Mapping[str, Any], run: tracking.Run
) -> tuple[heads.Head, dict[str, Any], dict[str, Any], list[Metric]]:
    """Validate, calibrate and fit the head; thresholds and figures from families it never met."""
    damped, matrix = cases.damped(params["damping"])
    parts = heads.blocks(cases.patients, params["blocks"])
    strength, most, sensitivity = (params[key] for key in ("regularisation", "balance", "sensitivity"))
    learn = validation.linear(damped, strength, most)
    scores = validation.unseen_families(damped, parts, learn)
    families, _ = validation.carried_over(cases.y, scores, sensitivity)
    group = appearance.groups(cases.described, cases.patients, params["groups"], params["seed"])
    groups = validation.unseen_groups(damped, group, parts, learn, sensitivity)
    validation.tell({**families, **groups})
    promises = {
        "mark": validation.mark(families, groups),
        "families": {name: asdict(promise) for name, promise in families.items()},
        "groups": {name: asdict(promise) for name, promise in groups.items()},
    }
    pooled = np.concatenate([scores[family][family] for family in scores])
    y, patients = (np.tile(each, len(scores)) for each in (cases.y, cases.patients))
    calibration = heads.calibrate(pooled, y)
    probabilities = heads.sigmoid(pooled, calibration)
    threshold = threshold_for_sensitivity(probabilities, y, sensitivity)
    metrics = _validated(y, probabilities, patients, threshold)
    run.curves(_drawn(cases, probabilities, threshold), "out_of_fold")
    shown = {metric.name: metric.value for metric in metrics}
    decision = {
        "thresholds": {"probability": threshold},
        "calibration": calibration,
        "operating_point": {
            "chosen_on": "unseen families of alteration, training data only",
            "wanted_sensitivity": sensitivity,
            "sensitivity": shown["recall"],
            "specificity": shown["specificity"],
        },
    }
    damped_head = validation.fit(damped, np.arange(len(cases.y)), strength, most)
    learned = [copy.mean(axis=0, dtype=np.float64) for copy in (cases.clean, *cases.copies)]
    head = heads.undamped(damped_head, matrix, np.mean(learned, axis=0))
    return head, decision, promises, metrics


def _drawn(cases: Cases, probabilities: np.ndarray, threshold: float) -> dict[str, Any]:
    """Return the curves of the head on families it never met; ``probabilities`` family after family."""
    return curves.curves(
        cases.y,
        probabilities.reshape(-1, len(cases.y)),
        threshold=threshold,
        groups=cases.patients,
        data=Text(UNSEEN, UNSEEN_FR),
        unit=Text("images", "images"),
        repeats=200,
    )


def _validated(
    y: np.ndarray, probabilities: np.ndarray, patients: np.ndarray, threshold: float
) -> list[Metric]:
    found = binary_metrics(y, probabilities, threshold, groups=patients, repeats=300)
    return as_metrics(
        figures(found),
        data=f"Kermany 2018: {UNSEEN}",
        n=len(y),
        command=COMMAND,
        unit="images",
        note=f"{len(np.unique(patients))} patients resampled whole",
    )


def _check_export(model: Any, path: Path, pixels: np.ndarray) -> float:
    """Compare the export with the network on the images of the test; their labels play no part."""
    views = np.stack([model_view(image) for image in pixels])
    difference = graph.largest_difference(model, path, views)
    if difference > LARGEST_DIFFERENCE:
        raise ExportDiffers(f"ONNX and Keras differ by {difference:.2g}, more than {LARGEST_DIFFERENCE:g}")
    return difference


def _manifest(
    version: str,
    params: Mapping[str, Any],
    metrics: list[Metric],
    fingerprint: str,
    images: dataset.Images,
    weights: Mapping[str, Path],
) -> dict[str, Any]:
    return {
        "algorithm": CONTRACT.name,
        "version": version,
        "input": {
            "image": f"(n, {SIDE}, {SIDE}, 1) float32 grey levels 0-255, made by view.model_view",
            "population": "children of 1 to 5 years, frontal view",
        },
        "metrics": [asdict(metric) for metric in metrics],
        "data": {
            "trained_on": "Kermany 2018 (Mendeley rscbjbr9sj, CC BY 4.0), official training split, 224 x 224",
            "images": len(images.y),
            "patients": len(np.unique(images.patients)),
            "pneumonia": int(images.y.sum()),
            "gate": "NIH ChestX-ray14 (half of the patients), pictures of matplotlib and scikit-learn",
            "weights": {
                name: {"source": dataset.WEIGHTS[name], "sha256": training_data.fingerprint(path)}
                for name, path in weights.items()
            },
            "sha256": fingerprint,
        },
        "intended_use": INTENDED_USE.as_json(),
        "limits": [limit.as_json() for limit in LIMITS],
        "training": {
            "params": _own(params),
            "command": COMMAND,
        },
    }
