"""Build the literature package, and check the model on births it never saw.

``python -m ml train haemorrhage --data ../shared/data`` writes the package again. The model itself needs
no data: odds ratios come from ``literature.yaml``, numbers from ``params.yaml``. Where the data folder is
there, the external figures go into the manifest, their curves and the comparison of recipes beside it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ml import package as packages
from ml.algorithms.haemorrhage import about, external, literature, model, operating, sampling, study
from ml.package import Metric, Package
from ml.training import comparison, curves, tracking
from ml.training import data as training_data
from ml.training.threads import one_thread

REPEATS, REPEATS_LARGE = 1000, 200
DATA_HINT = "Zurich: R package TH.data; natality: CDC public-use file of 2014."


def train(data: Path, out: Path, *, version: str, params: Mapping[str, Any]) -> Package:
    """Build the package and log it to MLflow; parameters as in :func:`build`."""
    with tracking.run("haemorrhage", f"train {version}", params=params) as run:
        run.data(training_data.fingerprint(*_learned_from(data)), "literature.yaml and the births judged on")
        run.package(package := build(data, out, version=version, params=params))
    return package


@one_thread
def build(data: Path, out: Path, *, version: str, params: Mapping[str, Any]) -> Package:
    """Write the package of the literature model.

    Parameters
    ----------
    data
        The data folder; its two files are only needed for the external figures, curves and comparison.
    out
        Root of the packages; the package goes to ``out/haemorrhage/<version>``.
    params
        The section ``haemorrhage`` of ``params.yaml``.
    """
    folder = out / "haemorrhage" / version
    folder.mkdir(parents=True, exist_ok=True)
    table = literature.coefficients(params)
    fitted = model.from_json(table)
    _write_json(folder / model.COEFFICIENTS, table)
    np.savez(folder / model.DRAWS, **sampling.draws(fitted, params))
    points = [operating.operating_point(fitted, params["incidence"], s) for s in params["flag_shares"]]
    _write_json(
        folder / "operating_points.json",
        {
            "incidence": params["incidence"],
            "basis": about.MODEL_IMPLIED.as_json(),
            "points": [point.as_json() for point in points],
            "decision_curve": operating.decision_curve(fitted, params["incidence"], params["thresholds"]),
        },
    )
    present = all((data / name).exists() for name in (external.ZURICH, external.NATALITY))
    metrics = _external(data, fitted, params["seed"]) if present else []
    if present:
        _write_json(
            folder / curves.FILE,
            study.zurich_curves(fitted, data / external.ZURICH, repeats=REPEATS, seed=params["seed"]),
        )
    if present and params.get("study"):
        asked = {**params["study"], "incidence": params["incidence"]}
        _write_json(folder / comparison.FILE, comparison.document(study.comparisons(fitted, data, asked)))
    return packages.write(folder, _manifest(version, params, points, metrics))


@one_thread
def evaluate(data: Path, package: Package) -> list[Metric]:
    """Score the package on Zurich and on US natality, with 95 % bootstrap intervals.

    Raises
    ------
    ml.training.data.DataMissing
        With what to put where.
    """
    return _external(data, model.of(package), package.manifest["training"]["params"]["seed"])


def _learned_from(data: Path) -> list[Path]:
    """Return the published odds ratios, and the births to judge by as far as they are there."""
    judged = (data / name for name in (external.ZURICH, external.NATALITY))
    return [literature.TABLE, *(path for path in judged if path.exists())]


def _external(data: Path, fitted: model.Model, seed: int) -> list[Metric]:
    zurich, natality = training_data.require(data, external.ZURICH, external.NATALITY, hint=DATA_HINT)
    return [
        *external.zurich(fitted, zurich, repeats=REPEATS, seed=seed),
        *external.natality(fitted, natality, repeats=REPEATS_LARGE, seed=seed),
    ]


def _manifest(
    version: str,
    params: Mapping[str, Any],
    points: list[operating.OperatingPoint],
    metrics: list[Metric],
) -> dict[str, Any]:
    low, high = params["incidence_range"]
    return {
        "algorithm": "haemorrhage",
        "version": version,
        "input": {
            "form": "admission",
            "settings": {
                "incidence": {"default": params["incidence"], "minimum": low, "maximum": high},
                "flag_share": {"default": params["flag_share"], "minimum": 0.01, "maximum": 0.5},
            },
        },
        "thresholds": {f"top_{point.flag_share:.0%}".rstrip("%"): point.threshold for point in points},
        "metrics": [asdict(metric) for metric in metrics],
        "data": about.DATA,
        "intended_use": about.INTENDED_USE.as_json(),
        "limits": [limit.as_json() for limit in about.LIMITS],
        "training": {
            "kind": "literature model, no training data",
            "params": dict(params),
            "literature_sha256": packages.file_sha256(literature.TABLE),
            "external_figures": "computed" if metrics else "left out: the data folder was not there",
        },
    }


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", "utf-8")
