"""Training and evaluation of the sleep packages.

Three recipes: ``sequence`` (the network that serves) from nights of band powers; ``forest16`` (the older
random forest on sixteen features) and ``cnn`` (a network on raw epochs) from raw recordings with a hypnogram.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnxruntime

from ml import package as packages
from ml.algorithms.sleep import (
    about,
    boosted,
    boosted_train,
    budget,
    crossvalidation,
    device_evaluation,
    device_train,
    evaluation,
    features,
    forest16_train,
    held_out,
    network,
    raw_nights,
    rawcnn_train,
    reviewing,
    sequence,
)
from ml.algorithms.sleep.contract import EPOCH_SECONDS, STAGES
from ml.algorithms.sleep.crossvalidation import Cohort
from ml.algorithms.sleep.device import Tilt
from ml.algorithms.sleep.operating import confidence_threshold
from ml.algorithms.sleep.raw_nights import RawCohort
from ml.algorithms.sleep.reviewing import HeldOut
from ml.package import Metric, Package
from ml.training import tracking
from ml.training.data import fingerprint

# Keras and ONNX must agree to this on a real night before a package is written.
_EQUAL = 1e-4
# Recipes that learn from raw recordings.
ON_RAW = {"forest16": forest16_train, "cnn": rawcnn_train}


def train(data: Path, out: Path, *, version: str, params: Mapping[str, Any]) -> Package:
    """Train a package.

    Parameters
    ----------
    data
        The data folder (``recipe: sequence``), or it or any folder of recordings (the others).
    out
        The package is written to ``out/sleep/<version>``.
    version
        Version; ``forest-16-`` or ``cnn-`` is put before it for these recipes.
    params
        The ``sleep`` section of ``params.yaml``; ``recipe`` chooses.

    Raises
    ------
    ml.training.data.DataMissing
        With what to put where.
    ValueError
        When the recipe is unknown.
    """
    recipe = params.get("recipe", "sequence")
    if recipe in ON_RAW:
        return ON_RAW[recipe].train(data, out, version=version, params=params)
    if recipe != "sequence":
        raise ValueError(f"unknown recipe {recipe!r}; there are sequence, {', '.join(ON_RAW)}")
    return _train_sequence(data, out, version=version, params=params)


def evaluate(data: Path, package: Package) -> list[Metric]:
    """Compute every figure of a package again; see ``evaluation`` for what each means.

    The raw recordings of UCDDB are scored where they are; the cross-validation is always.
    """
    if (recipe := package.manifest["training"]["recipe"]) in ON_RAW:
        return ON_RAW[recipe].evaluate(data, package)
    cohort = crossvalidation.read_cohort(data)
    held = reviewing.held_out(cohort, package, evaluation.folds_of(cohort, package))
    return _figures(data, cohort, held, package)


def _figures(
    data: Path, cohort: Cohort, held: Mapping[tuple[bool, ...], HeldOut], package: Package
) -> list[Metric]:
    found = evaluation.cohort_metrics(held, package) + evaluation.excerpt_metrics(cohort, package)
    if (data / evaluation.UCDDB).is_dir():
        found += evaluation.whole_night_metrics(data, package)
        found += evaluation.wake_and_n3_metrics(data, package)
        raw = raw_nights.read(data, package, len(package.manifest["training"]["folds"]))
        fold = evaluation.folds_of(cohort, package)
        found += device_evaluation.metrics(cohort, raw, package, fold, command=evaluation.COMMAND)
    return found


def _train_sequence(data: Path, out: Path, *, version: str, params: Mapping[str, Any]) -> Package:
    cohort = crossvalidation.read_cohort(data)
    raw = raw_nights.read(data, packages.load("sleep"), params["folds"])
    band_powers = data / "sleep" / crossvalidation.FOLDER
    pinned = fingerprint(band_powers, *raw.files)
    with tracking.run("sleep", f"train sequence {version}", params=params) as run:
        run.data(pinned, about.DATA)
        models = crossvalidation.train_members(params["members"], cohort, params, pinned, raw)
        on_raw = crossvalidation.train_members(params["raw_members"], cohort, params, pinned, raw)
        tilts = device_train.fit_tilts(raw, params)
        gate = device_train.fit_gate(cohort, raw, params)
        folder = out / "sleep" / version
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        network.export(models, folder / sequence.FILE)
        _check_equal(models, folder / sequence.FILE, cohort)
        own = [tilts[i % params["folds"]] for i in range(len(on_raw))]
        network.export(on_raw, folder / sequence.RAW_FILE, tilts=own)
        _check_equal(on_raw, folder / sequence.RAW_FILE, cohort, own)
        trees = boosted_train.train_folds(cohort, params, fingerprint(band_powers))
        boosted.write(trees, folder / boosted.FILE)
        manifest = _manifest(version, cohort, params, pinned, raw) | {"raw_device": gate.to_json()}
        # Confidence, review and figures are measured with the package as written, then written into it.
        written = packages.write(folder, manifest)
        held_out.write(folder, raw.recordings, dict(enumerate(evaluation.held_out_stages(raw, written))))
        held = reviewing.held_out(cohort, written, evaluation.folds_of(cohort, written))
        manifest |= reviewing.measured(held)
        manifest["thresholds"] = {"confidence": _confidence_threshold(held, manifest, params["review_share"])}
        written = packages.write(folder, manifest)
        manifest["metrics"] = [asdict(metric) for metric in _figures(data, cohort, held, written)]
        written = packages.write(folder, manifest)
        run.package(written)
    return written


def _check_equal(
    models: list[keras.Model], path: Path, cohort: Cohort, tilts: Sequence[Tilt] | None = None
) -> None:
    """Hold the exported graph against Keras on one real night, with all channels and with one."""
    exported = sequence.SequenceModel(path)
    for mask in ((True, True, True), (True, False, False)):
        inputs = features.network_inputs(cohort.nights[0].features, np.array(mask))[None]
        members = exported.members(inputs)
        for i, model in enumerate(models):
            expected = model.predict(inputs, verbose=0)
            if tilts is not None:
                expected = expected * np.exp(tilts[i].of(inputs))
                expected /= expected.sum(axis=2, keepdims=True)
            difference = float(np.abs(expected - members[:, :, i]).max())
            if difference > _EQUAL:
                raise RuntimeError(f"the exported network {i} differs from Keras by {difference:.2g}")


def _confidence_threshold(
    held: Mapping[tuple[bool, ...], HeldOut], manifest: Mapping[str, Any], share: float
) -> float:
    """Return the confidence below which the given share of held-out epochs lies, three channels."""
    every = (True, True, True)
    probabilities = budget.calibrated(held[every].network, manifest["calibration"][reviewing.name_of(every)])
    return confidence_threshold(probabilities.max(axis=1), share)


def _manifest(
    version: str, cohort: Cohort, params: Mapping[str, Any], pinned: str, raw: RawCohort
) -> dict[str, Any]:
    return {
        "algorithm": "sleep",
        "version": version,
        "input": {
            "slots": list(features.SLOTS),
            "bands_hz": {name: list(edges) for name, edges in features.BANDS.items()},
            "pass_bands_hz": {slot: list(edges) for slot, edges in features.PASS_BANDS.items()},
            "rate_hz": features.RATE,
            "epoch_seconds": EPOCH_SECONDS,
            "stages": list(STAGES),
        },
        "thresholds": {},
        "metrics": [],
        "data": about.DATA,
        "intended_use": about.INTENDED_USE.as_json(),
        "limits": [limit.as_json() for limit in about.LIMITS],
        "training": {
            "recipe": "sequence",
            "params": dict(params),
            "folds": crossvalidation.subjects_of_folds(cohort.subjects, params["folds"], params["seed"]),
            "raw_recordings": {
                recording.sha256: int(k) for recording, k in zip(raw.recordings, raw.folds, strict=True)
            },
            "data_sha256": pinned,
            "versions": {"keras": keras.__version__, "onnxruntime": onnxruntime.__version__},
        },
    }
