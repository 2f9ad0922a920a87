"""Two trainings with one seed give one package, byte for byte; another seed gives another."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from mlflow.entities import Run
from mlflow.tracking import MlflowClient
from threadpoolctl import threadpool_limits

from ml import package as packages
from ml import registry
from ml.algorithms.accident_severity.train import BASELINE
from ml.contracts import Loaded
from ml.training.commands import read_params
from ml.training.logged import MODEL_ID, load_model
from tests import invented_tables, mlflow_store

SHARED = Path("../shared/data")
SMALL = {"n_estimators": 8}
SPACE = {"n_estimators": {"int": [4, 12]}, "max_depth": {"int": [2, 3]}}
QUICK: dict[str, dict[str, Any]] = {
    "german_credit": {
        "nested": {"folds": 2, "repeats": 2},
        "comparison": {"folds": 2, "repeats": 1, "reference": "logistic"},
        "recipes": {
            "logistic": {"members": {"logistic": {"C": 0.1}}},
            "vote": {
                "resampler": "smotenc",
                "members": {"random_forest": SMALL, "gradient_boosting": SMALL, "svm": {}, "xgboost": SMALL},
            },
        },
    },
    "accident_severity": {
        "baseline": SMALL,
        "recipes": {"random_forest": {"members": {"random_forest": SMALL}}},
        "search": {
            "random_forest": {"metric": "log_loss", "sampler": "tpe", "trials": 3, "space": SPACE},
            "xgboost": {"metric": "roc_auc", "sampler": "random", "trials": 3, "space": SPACE},
        },
    },
}
TABLES = {"german_credit": invented_tables.credits, "accident_severity": invented_tables.crashes}


@pytest.fixture(autouse=True)
def cores() -> Iterator[None]:
    """Offer linear algebra two threads, as outside the tests: a training is to take one by itself."""
    with threadpool_limits(limits=2):
        yield


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """One store for this file, because making one takes seconds."""
    with mlflow_store.apart(tmp_path_factory.mktemp("tracking") / "mlflow") as folder:
        yield folder


def params(algorithm: str, **changes: Any) -> dict[str, Any]:
    quick = {"common": {"min_count": 2}, **QUICK[algorithm], **changes}
    found = read_params(Path("params.yaml"), algorithm, [])
    return {**found, **quick, "common": {**found["common"], **quick["common"], "calibration_folds": 2}}


def train(algorithm: str, data: Path, out: Path, store: Path, **changes: Any) -> packages.Package:
    # What an earlier search left behind must not answer in the place of a second one.
    (store.parent / "optuna.db").unlink(missing_ok=True)
    door = registry.door(algorithm, "train")
    return door.train(data, out, version="0.0.1", params=params(algorithm, **changes))


@pytest.mark.long
def test_one_seed_gives_one_package_and_another_seed_another(tmp_path, store):
    data = invented_tables.credits(tmp_path / "data")
    first = train("german_credit", data, tmp_path / "a", store)
    again = train("german_credit", data, tmp_path / "b", store)
    assert again.manifest["files"] == first.manifest["files"]
    assert again.sha256 == first.sha256
    other = train("german_credit", data, tmp_path / "c", store, seed=1)
    assert other.sha256 != first.sha256
    assert {"model.onnx", "curves.json", "comparison.json", "preparation.json"} <= set(
        first.manifest["files"]
    )


def test_a_search_is_repeated_alike_its_trials_hang_below_it_and_its_model_is_found_by_id(tmp_path, store):
    data = invented_tables.crashes(tmp_path / "data")
    package = train("accident_severity", data, tmp_path / "a", store)
    parent, children = runs_of(package)
    assert [r.data.tags["stage"] for r in children] == ["parameter_optimization"] * 6
    assert all({"n_estimators", "max_depth"} <= set(r.data.params) for r in children)
    mlflow_store.assert_complete(package, curves=["random_forest.fold_log_loss", "vote.fold_log_loss"])

    drawn = {artifact.path for artifact in MlflowClient().list_artifacts(parent.info.run_id, "curves")}
    assert {"curves/curves.json", "curves/roc.fr.svg", "curves/calibration.en.svg"} <= drawn

    row = {"collision": "pedestrian", "units": 2.0, "hour": 13.0}
    answer = load_model(parent.data.tags[MODEL_ID]).predict(pd.DataFrame([row]))
    typed, _ = registry.door("accident_severity", "contract").check(row)
    served = registry.door("accident_severity", "predict").predict(package, Loaded(data=typed))
    assert answer["probability_injury"].tolist() == [served["probability_injury"]]

    compared = package.json("comparison.json")["comparisons"][0]
    assert compared["reference"] == BASELINE
    assert {row["name"] for row in compared["rows"]} == {
        BASELINE, "random_forest", "random_forest_searched", "xgboost_searched", "vote",
    }  # fmt: skip

    again = train("accident_severity", data, tmp_path / "b", store)
    assert again.manifest["files"] == package.manifest["files"]
    assert again.sha256 == package.sha256


def runs_of(package: packages.Package) -> tuple[Run, list[Run]]:
    """Return the run that made a package, and its children."""
    client = MlflowClient()
    runs = client.search_runs([client.get_experiment_by_name(package.algorithm).experiment_id])
    parent = next(r for r in runs if r.data.tags.get("package.sha256") == package.sha256)
    return parent, [r for r in runs if r.data.tags.get("mlflow.parentRunId") == parent.info.run_id]


@pytest.mark.long
@pytest.mark.shared
@pytest.mark.parametrize("algorithm", TABLES)
def test_training_again_gives_the_shipped_package(algorithm, tmp_path, store):
    version = (packages.ROOT / algorithm / "CHAMPION").read_text("utf-8").strip()
    shipped = packages.read(packages.ROOT / algorithm / version)
    (store.parent / "optuna.db").unlink(missing_ok=True)
    again = registry.door(algorithm, "train").train(
        SHARED, tmp_path, version=shipped.version, params=read_params(Path("params.yaml"), algorithm, [])
    )
    assert again.manifest["files"] == shipped.manifest["files"]
    assert again.sha256 == shipped.sha256
