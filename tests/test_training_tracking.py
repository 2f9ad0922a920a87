"""What a training leaves behind: its data, its runs, its progress."""

from __future__ import annotations

import io

import mlflow
import pytest
from mlflow.tracking import MlflowClient

from ml import drawing
from ml.package import Metric
from ml.training import store as home
from ml.training import tracking
from ml.training.data import DataMissing, fingerprint, require
from ml.training.drawings import log_drawings
from ml.training.logged import load_model
from ml.training.progress import progress
from ml.training.search import search
from tests import mlflow_store
from tests.recipes import put_into_service


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """One store for this file, because making one takes seconds."""
    with mlflow_store.apart(tmp_path_factory.mktemp("tracking") / "mlflow") as folder:
        yield folder


def test_every_missing_file_is_named(tmp_path):
    (tmp_path / "here.csv").write_text("a")
    with pytest.raises(DataMissing) as missing:
        require(tmp_path, "here.csv", "tabular/one.csv", "two.csv", hint="Download it from the portal.")
    said = str(missing.value)
    assert "tabular/one.csv" in said
    assert "two.csv" in said
    assert "here.csv" not in said
    assert "portal" in said
    assert require(tmp_path, "here.csv") == (tmp_path / "here.csv",)


def test_fingerprint_follows_contents_and_not_the_order_of_arguments(tmp_path):
    a, b = tmp_path / "a", tmp_path / "b"
    a.write_text("1")
    b.write_text("2")
    assert fingerprint(a, b) == fingerprint(b, a)
    before = fingerprint(tmp_path)
    a.write_text("2")
    b.write_text("1")
    assert fingerprint(tmp_path) != before


def test_search_leaves_tagged_child_runs_with_params_and_scores(store):
    with tracking.run("parabola", "train 1", params={"space": {"x": [0, 4]}}) as run:
        run.data("abc")
        run.metrics([Metric("roc_auc", 0.8, "simulated", 10, "none", low=0.7, high=0.9)])
        found = search(
            lambda params: (params["x"] - 3) ** 2,
            {"x": {"float": [0, 4]}},
            algorithm="parabola",
            trials=6,
            seed=0,
        )
    client = MlflowClient()
    runs = client.search_runs([client.get_experiment_by_name("parabola").experiment_id])
    parent = next(r for r in runs if r.info.run_id == run.run_id)
    children = [r for r in runs if r.data.tags.get("mlflow.parentRunId") == run.run_id]
    assert parent.data.metrics["roc_auc_low"] == 0.7
    assert parent.data.params["space.x"] == "[0, 4]"
    assert parent.data.tags["data.sha256"] == "abc"
    assert parent.data.tags["code.version"]
    assert len(children) == 6
    assert all(child.data.tags["stage"] == "parameter_optimization" for child in children)
    assert min(child.data.metrics["log_loss"] for child in children) == pytest.approx(found.score)
    assert (store / "mlflow.db").exists()


def test_the_files_of_every_experiment_lie_beside_the_database(store, monkeypatch, tmp_path):
    with tracking.run("one", "train", params={}), tracking.run("two", "train", params={}, nested=True):
        pass
    # What a user sets, and what MLflow sets itself once it knows an address.
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mine.db'}")
    with tracking.run("three", "train", params={}):
        mine = MlflowClient().get_experiment_by_name("three").artifact_location
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    home.connect()
    ours = [MlflowClient().get_experiment_by_name(name).artifact_location for name in ("one", "two")]
    assert ours == [(store / "artifacts" / name).as_uri() for name in ("one", "two")]
    assert mine == (tmp_path / "artifacts" / "three").as_uri()


def test_a_model_that_is_not_there_is_said_to_be_missing(store):
    with pytest.raises(mlflow.exceptions.MlflowException, match="m-nothing"):
        load_model("m-nothing")


def test_a_parent_keeps_its_own_tags_while_a_child_is_open(store):
    with (
        tracking.run("nesting", "train", params={}) as parent,
        tracking.run("nesting", "trial", params={}, nested=True) as child,
    ):
        parent.data("abc")
        child.metric("loss", 1, step=3)
    runs = {r: MlflowClient().get_run(r).data for r in (parent.run_id, child.run_id)}
    assert runs[parent.run_id].tags["data.sha256"] == "abc"
    assert "data.sha256" not in runs[child.run_id].tags
    assert runs[child.run_id].metrics == {"loss": 1}


def test_curves_and_comparison_of_a_package_are_kept_with_its_run(store, monkeypatch, tmp_path):
    package = put_into_service(monkeypatch, tmp_path)
    with tracking.run("drawn", "train", params={}) as run:
        log_drawings(run.run_id, package)
    files = [f.path for f in MlflowClient().list_artifacts(run.run_id)]
    kept = {f.path for folder in files for f in MlflowClient().list_artifacts(run.run_id, folder)} | {*files}
    drawings = sorted(path for path in kept if path.endswith(".svg"))
    drawn = [path.removeprefix("curves/") for path in drawings if path.startswith("curves/")]
    kinds = drawing.kinds(package.json("curves.json"))
    assert drawn == sorted(f"{kind}.{language}.svg" for kind in kinds for language in ("en", "fr"))
    roc = next(path for path in drawings if path.endswith("roc.fr.svg"))
    text = mlflow.artifacts.load_text(f"runs:/{run.run_id}/{roc}")
    assert text == drawing.svg("roc", package.json("curves.json"), "fr")
    comparison = next(path for path in kept if path.endswith("comparison.json"))
    stored = mlflow.artifacts.load_dict(f"runs:/{run.run_id}/{comparison}")
    assert stored == package.json("comparison.json")


def test_a_failing_training_is_recorded_as_failed(store):
    with pytest.raises(ZeroDivisionError), tracking.run("broken", "train", params={}) as run:
        run.metric("loss", 1 / 0)
    assert MlflowClient().get_run(run.run_id).info.status == "FAILED"


def test_an_unknown_kind_of_space_is_refused():
    with pytest.raises(ValueError, match="expected int"):
        search(lambda params: 0, {"x": {"normal": [0, 1]}}, algorithm="odd", trials=1, seed=0)


def test_progress_writes_no_bar_into_a_log():
    log = io.StringIO()
    assert list(progress(range(3), "folds", stream=log)) == [0, 1, 2]
    assert log.getvalue() == ""
    list(progress(range(3), "folds", stream=log, every=0))
    assert "folds: 2/3 after" in log.getvalue()
    assert "\r" not in log.getvalue()
