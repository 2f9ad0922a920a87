"""What MLflow knows of a training and of its package, and what happens when MLflow is not there."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.tracking import MlflowClient

from ml import package as packages
from ml import registry, runner
from ml.__main__ import main
from ml.algorithms.haemorrhage import train
from ml.contracts import Source
from ml.package import BrokenPackage, Package
from ml.training import logged, tracking, watching
from ml.training import registry as mlflow_registry
from ml.training import store as home
from ml.training.commands import read_params
from ml.training.pipeline import Recipe
from ml.training.selection import judge, nested
from tests import invented_tables, mlflow_store
from tests.mlflow_store import assert_complete, files_of

ROOT = Path(packages.__file__).parents[1]
NOBODY = "http://127.0.0.1:9"
TRAINERS = sorted((ROOT / "ml/algorithms").glob("*/*train.py"))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One store for this file, because making one takes seconds."""
    with mlflow_store.apart(tmp_path_factory.mktemp("tracking") / "mlflow") as folder:
        yield folder


def shipped(algorithm: str, version: str = "") -> Package:
    version = version or (packages.ROOT / algorithm / packages.CHAMPION).read_text("utf-8").strip()
    return packages.read(packages.ROOT / algorithm / version)


def test_a_package_trained_before_is_registered_with_what_its_manifest_knows_and_says_so(store: Path) -> None:
    package = shipped("german_credit")
    version = mlflow_registry.register(package)
    assert_complete(package)
    client = MlflowClient()
    kept = client.get_model_version("german_credit", version)
    assert kept.tags["origin"] == logged.LATER
    tags = client.get_run(kept.run_id).data.tags
    assert tags["code.version"] == "unknown"
    # The checkout that registers it is not the one it was trained at.
    model = client.get_logged_model(tags[logged.MODEL_ID])
    assert not [name for name in (*tags, *model.tags) if name.startswith("mlflow.source.git.")]
    assert {"comparison.json", "curves/curves.json", "curves/roc.fr.svg"} <= files_of(kept.run_id)
    assert mlflow_registry.register(package) == version
    assert len(client.search_model_versions("name='german_credit'")) == 1


def test_a_training_is_recorded_with_its_code_and_as_tracked(store: Path, tmp_path: Path) -> None:
    params = read_params(ROOT / "params.yaml", "haemorrhage", ["draws=8"])
    package = train.train(tmp_path / "no data", tmp_path / "out", version="0.0.1", params=params)
    assert_complete(package)
    kept = logged.registered("haemorrhage")[package.sha256]
    run = MlflowClient().get_run(kept.run_id)
    assert kept.tags["origin"] == run.data.tags.get("origin", logged.TRACKED) == logged.TRACKED
    assert run.data.tags["code.version"] == home.code_version()
    assert run.data.params["draws"] == "8"
    assert run.data.params["study.zurich.folds"]
    again = train.train(tmp_path / "no data", tmp_path / "again", version="0.0.1", params=params)
    assert again.sha256 == package.sha256
    assert logged.registered("haemorrhage")[again.sha256].version == kept.version


def test_a_model_answers_as_the_product_does_from_its_input_example(store: Path) -> None:
    package = shipped("haemorrhage")
    model = mlflow.pyfunc.load_model(f"models:/haemorrhage/{mlflow_registry.register(package)}")
    example = model.input_example
    answers = model.predict(example)
    row = {k: v for k, v in example.to_dict("records")[0].items() if not pd.isna(v)}
    served = runner.run("haemorrhage", Source(values=row), explain=False).result
    assert answers["status"].tolist() == ["ok"] * len(example)
    assert answers["risk"][0] == served["risk"]
    assert json.loads(answers["result"][0])["interval"] == served["interval"]
    refused = model.predict(pd.DataFrame([{"admission_at": "no date"}]))
    assert refused["status"][0] == "refused"
    assert json.loads(refused["problems"][0])


def test_a_package_that_is_only_compared_with_is_registered_by_its_graph(store: Path) -> None:
    package = shipped("sleep", "forest-16-1.1.0")
    version = mlflow_registry.register(package)
    assert_complete(package)
    assert MlflowClient().get_model_version("sleep", version).tags["serves"] == "false"
    model = mlflow.pyfunc.load_model(f"models:/sleep/{version}")
    assert model.metadata.signature.inputs.inputs[0].shape == (-1, 16)
    assert model.predict(np.zeros((3, 16), np.float32))["probabilities"].shape == (3, 2)


@pytest.mark.long
@pytest.mark.parametrize("algorithm", ["haemorrhage", "chest_xray", "sleep", "accident_severity"])
def test_every_serving_package_is_complete_in_mlflow(algorithm: str, store: Path) -> None:
    package = shipped(algorithm)
    version = mlflow_registry.register(package)
    assert_complete(package)
    model = mlflow.pyfunc.load_model(f"models:/{algorithm}/{version}")
    assert set(model.predict(model.input_example)["status"]) == {"ok"}


def test_a_flipped_bit_in_a_stored_model_is_refused_by_name(store: Path) -> None:
    mlflow_registry.register(shipped("german_credit"))
    uri = MlflowClient().get_model_version_download_uri("german_credit", "1")
    (graph,) = Path(uri.removeprefix("file://")).rglob("model.onnx")
    whole = graph.read_bytes()
    graph.write_bytes(bytes([whole[0] ^ 1]) + whole[1:])
    try:
        with pytest.raises(BrokenPackage, match=r"model\.onnx"):
            mlflow.pyfunc.load_model("models:/german_credit/1")
    finally:
        graph.write_bytes(whole)


def test_aliases_follow_what_the_product_says(store: Path) -> None:
    forest, cnn = "forest-16-1.1.0", "cnn-1.0.0"
    found = mlflow_registry.mirror("sleep", [forest, cnn, "0.0.0"], {forest: {"champion"}, cnn: {"shadow"}})
    assert set(found) == {forest, cnn}
    at = MlflowClient().get_model_version_by_alias
    assert at("sleep", "champion").tags["package.version"] == forest
    assert at("sleep", "shadow").version == int(found[cnn])
    mlflow_registry.mirror("sleep", [forest, cnn], {cnn: {"champion", "challenger"}})
    named = {
        line["version"]: line["aliases"] for line in mlflow_registry.listed() if line["algorithm"] == "sleep"
    }
    assert named[cnn] == ["challenger", "champion"]
    assert named[forest] == []
    mlflow_registry.set_aliases("sleep", {forest: ["shadow"], cnn: ["champion", "shadow"]})
    assert mlflow_registry.TOLD_AT in MlflowClient().get_registered_model("sleep").tags
    assert at("sleep", "shadow-2").tags["package.version"] == cnn


def test_sync_names_the_version_that_serves_and_leaves_the_other_aliases(
    store: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(registry, "ALGORITHMS", {"german_credit": registry.ALGORITHMS["german_credit"]})
    monkeypatch.setattr(packages, "SITE", tmp_path)
    version = mlflow_registry.register(shipped("german_credit"))
    MlflowClient().set_registered_model_alias("german_credit", "shadow", version)
    assert main(["registry", "sync"]) == 0
    (line,) = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert line["sha256"] == shipped("german_credit").sha256
    assert line["mlflow_version"] == version
    assert not line["new"]
    assert main(["registry", "list"]) == 0
    (listed,) = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert listed["aliases"] == ["champion", "shadow"]


def test_figures_of_one_name_on_several_data_are_all_kept_apart() -> None:
    metrics = shipped("chest_xray").metrics
    found = tracking.named(metrics)
    assert len(found) == len(metrics)
    assert sorted(map(id, found.values())) == sorted(map(id, metrics))
    areas = [name for name in found if name.startswith("roc_auc.")]
    assert len(areas) == 3
    assert "roc_auc.kermany_2018_training_images_each_altered_by_a_family_its" in areas
    assert "gate_accepts_test" in found


def test_folds_are_told_where_there_are_no_epochs() -> None:
    rng = np.random.default_rng(0)
    table = {"x": rng.normal(size=120)}
    y = (rng.random(120) < 1 / (1 + np.exp(-table["x"]))).astype(int)
    recipe = Recipe.from_params("plain", {"members": {"logistic": {}}, "calibration_folds": 3}, ("x",), ())
    heard: list[tuple[str, int]] = []
    with watching.heard_by(lambda name, value, step: heard.append((name, step))):
        found = judge(recipe, table, y)
        nested([recipe], table, y, folds=2, repeats=1, seed=0)
    assert heard == [("plain.fold_log_loss", k) for k in range(3)] + [
        ("nested.fold_log_loss", k) for k in (0, 1)
    ]
    assert np.array_equal(found.probabilities, judge(recipe, table, y).probabilities)


@pytest.mark.parametrize("path", TRAINERS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_trainings_speak_to_mlflow_through_one_floor_only(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not [name for name in imported if name.partition(".")[0] == "mlflow"]
    assert {"ml.training.logged", "ml.training.drawings"}.isdisjoint(imported)


def test_every_algorithm_has_a_training_that_hands_its_package_over() -> None:
    for algorithm in registry.names():
        source = (ROOT / "ml/algorithms" / algorithm / "train.py").read_text("utf-8")
        assert "tracking.run(" in source
        assert "run.package(" in source
        assert "run.data(" in source


def test_a_store_that_goes_away_costs_the_record_and_not_the_training(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = mlflow.get_tracking_uri()
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", NOBODY)
    mlflow.set_tracking_uri(NOBODY)
    try:
        run = tracking.Run("0" * 32, "sleep")
        run.metric("loss", 0.5, 1)
        run.flush()
        run.tag("one", "more")
        run.package(shipped("german_credit"))
    finally:
        mlflow.set_tracking_uri(before)
    assert run.lost
    assert capsys.readouterr().err.count("registry sync") == 1


@pytest.mark.parametrize("arguments", [["registry", "list"], ["train", "german_credit"]])
def test_a_store_that_is_not_there_is_said_before_anything_is_trained(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = mlflow.get_tracking_uri()
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", NOBODY)
    if arguments[0] == "train":
        data = invented_tables.credits(tmp_path / "data")
        arguments = [*arguments, "--data", str(data), "--out", str(tmp_path / "out")]
    try:
        assert main(arguments) == 2
    finally:
        mlflow.set_tracking_uri(before)
    said = capsys.readouterr().err
    assert NOBODY in said
    assert "MLFLOW_TRACKING_URI" in said
    assert not (tmp_path / "out").exists()


def test_studies_are_answered_without_any_mlflow(tmp_path: Path) -> None:
    asked = ["predict", "german_credit", "--values", json.dumps({"duration": 24, "amount": 5000})]
    # Importing it would end the process: the serving half may not even look for it.
    program = (
        f"import sys; sys.modules['mlflow'] = None\nfrom ml.__main__ import main; sys.exit(main({asked!r}))"
    )
    environment: dict[str, Any] = os.environ | {
        "MLFLOW_TRACKING_URI": NOBODY,
        "VIGIE_DATA_DIR": str(tmp_path),
    }
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["status"] == "ok"
    assert not list(tmp_path.iterdir())
