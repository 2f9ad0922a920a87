"""Build the literature package, and check the model on births it never saw.

``python -m ml train haemorrhage --data ../shared/data`` writes the package again. The model itself needs
no data: odds ratios come from ``literature.yaml``, numbers from ``params.yaml``. Where the data folder is
there, the external figures go into the manifest.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from scipy.stats import norm, qmc

from ml import package as packages
from ml.algorithms.haemorrhage import about, external, model, operating, uncertainty
from ml.package import Metric, Package
from ml.training import data as training_data
from ml.training import tracking
from ml.training.progress import progress

LITERATURE = Path(__file__).with_name("literature.yaml")
Z_95 = norm.ppf(0.975)
REPEATS, REPEATS_LARGE = 1000, 200
DATA_HINT = "Zurich: R package TH.data; natality: CDC public-use file of 2014."


def train(data: Path, out: Path, *, version: str, params: Mapping[str, Any]) -> Package:
    """Build the package and log it to MLflow; parameters as in :func:`build`."""
    with tracking.run("haemorrhage", f"train {version}", params=params) as run:
        package = build(data, out, version=version, params=params)
        run.package(package)
        run.metrics(package.metrics)
    return package


def build(data: Path, out: Path, *, version: str, params: Mapping[str, Any]) -> Package:
    """Write the package of the literature model.

    Parameters
    ----------
    data
        The data folder; its two files are only needed for the external figures of the manifest.
    out
        Root of the packages; the package goes to ``out/haemorrhage/<version>``.
    params
        The section ``haemorrhage`` of ``params.yaml``.
    """
    folder = out / "haemorrhage" / version
    folder.mkdir(parents=True, exist_ok=True)
    table = coefficients(params)
    fitted = model.from_json(table)
    _write_json(folder / model.COEFFICIENTS, table)
    np.savez(folder / model.DRAWS, **draws(fitted, params))
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
    return packages.write(folder, _manifest(version, params, points, metrics))


def evaluate(data: Path, package: Package) -> list[Metric]:
    """Score the package on Zurich and on US natality, with 95 % bootstrap intervals.

    Raises
    ------
    ml.training.data.DataMissing
        With what to put where.
    """
    return _external(data, model.of(package), package.manifest["training"]["params"]["seed"])


def coefficients(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the coefficient file: the literature table with prevalences, log odds and spreads worked out.

    The intercept at the default incidence is written for readers; serving solves it for the ward's own.
    """
    literature = yaml.safe_load(LITERATURE.read_text("utf-8"))
    factors = [_factor(entry, params["spread_without_interval"]) for entry in literature["factors"]]
    table = {
        "outcome": literature["outcome"],
        "sources": literature["sources"],
        "incidence": params["incidence"],
        "intercept_solved": "so that the mean risk over the prevalences equals the incidence; factors taken "
        "as independent, except that only women who gave birth before have had a caesarean or a haemorrhage; "
        "the mean is an exact convolution over all combinations on a grid of log odds, not a sample",
        "factors": factors,
    }
    return {**table, "intercept": model.from_json(table).intercept(params["incidence"])}


def draws(fitted: model.Model, params: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Return quasi-random draws (scrambled Sobol points) and each draw's intercept per incidence."""
    k = len(fitted.factors)
    points = qmc.Sobol(2 * k, rng=np.random.default_rng(params["seed"])).random(params["draws"])
    points = np.clip(points, 1e-6, 1 - 1e-6)
    normal = norm.ppf(points[:, :k]).astype(np.float32).astype(float)
    incidences = np.geomspace(*params["incidence_range"], params["incidence_steps"])
    intercepts = np.array(
        [
            [model.solve_intercept(sampled.ward, incidence) for incidence in incidences]
            for sampled in progress(
                uncertainty.sampled_models(fitted, normal), "intercepts of sampled models", unit="model"
            )
        ]
    )
    return {
        "normal": normal.astype(np.float32),
        "uniform": points[:, k:].astype(np.float32),
        "incidences": incidences,
        "intercepts": intercepts.astype(np.float32),
    }


def _external(data: Path, fitted: model.Model, seed: int) -> list[Metric]:
    zurich, natality = training_data.require(data, external.ZURICH, external.NATALITY, hint=DATA_HINT)
    return [
        *external.zurich(fitted, zurich, repeats=REPEATS, seed=seed),
        *external.natality(fitted, natality, repeats=REPEATS_LARGE, seed=seed),
    ]


def _factor(entry: Mapping[str, Any], default_spread: float) -> dict[str, Any]:
    levels = entry["levels"]
    shares = _prevalences(entry)
    return {
        "name": entry["name"],
        "label": entry["label"],
        "fields": entry["fields"],
        "normal": entry.get("normal"),
        "parous_only": entry.get("parous_only", False),
        "modifiable": entry.get("modifiable", False),
        "levels": [
            {
                "code": level["code"],
                "label": level["label"],
                "odds_ratio": level["or"],
                "log_odds_ratio": float(np.log(level["or"])),
                "spread": _spread(level, default_spread),
                "prevalence": share,
                "below": level.get("below"),
                "interval": level.get("interval"),
                "published": level.get("published", ""),
                "source": level.get("source", ""),
                "checked": level.get("checked", False),
            }
            for level, share in zip(levels, shares, strict=True)
        ],
    }


def _prevalences(entry: Mapping[str, Any]) -> list[float]:
    """Shares of the levels: from the normal distribution, or the reference as what is left."""
    levels = entry["levels"]
    if normal := entry.get("normal"):
        bounds = [level["below"] for level in levels if "below" in level]
        edges = norm.cdf(bounds, normal["mean"], normal["sd"])
        return np.diff([0.0, *edges, 1.0]).tolist()
    rest = 1 - sum(level.get("prevalence", 0) for level in levels)
    return [level.get("prevalence", rest) for level in levels]


def _spread(level: Mapping[str, Any], default: float) -> float:
    if level["or"] == 1:
        return 0.0
    if "interval" not in level:
        return default
    low, high = level["interval"]
    return float(np.log(high / low) / (2 * Z_95))


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
            "literature_sha256": packages.file_sha256(LITERATURE),
            "external_figures": "computed" if metrics else "left out: the data folder was not there",
        },
    }


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", "utf-8")
