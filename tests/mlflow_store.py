"""An MLflow store of a test's own, and what has to be in it of a package."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import mlflow
import pytest
from mlflow.tracking import MlflowClient

from ml.package import Package
from ml.training import logged, store, tracking
from ml.training import registry as mlflow_registry
from ml.training.drawings import slug


@contextmanager
def apart(folder: Path) -> Iterator[Path]:
    """Let runs go to ``folder`` for as long as the block runs; MLflow is left as it was."""
    empty = _empty()
    before, named = mlflow.get_tracking_uri(), os.environ.get("MLFLOW_TRACKING_URI")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        folder.mkdir(parents=True)
        shutil.copy(empty, folder / "mlflow.db")
        patch.setattr(store, "STORE", folder)
        yield folder
    mlflow.set_tracking_uri(before)
    # MLflow names its store in the environment too, where later trainings would take it for a choice.
    if named is None:
        os.environ.pop("MLFLOW_TRACKING_URI", None)


def files_of(run_id: str, folder: str | None = None) -> set[str]:
    found = MlflowClient().list_artifacts(run_id, folder)
    return {f.path for f in found if not f.is_dir}.union(
        *(files_of(run_id, f.path) for f in found if f.is_dir)
    )


def assert_complete(package: Package, *, curves: Iterable[str] = ()) -> None:
    """Assert that MLflow has all of a package: who asks about a version finds it without asking anybody.

    Parameters
    ----------
    curves
        Figures that were told step by step.
    """
    client = MlflowClient()
    kept = logged.registered(package.algorithm)[package.sha256]
    run = client.get_run(kept.run_id)
    assert kept.tags["package.sha256"] == run.data.tags["package.sha256"] == package.sha256
    assert kept.tags["package.version"] == package.version
    assert run.data.tags["code.version"]
    for name in curves:
        assert len({point.step for point in client.get_metric_history(run.info.run_id, name)}) > 1, name
    if fingerprint := mlflow_registry.fingerprint_of(package):
        assert run.data.tags["data.sha256"] == fingerprint
        assert run.inputs.dataset_inputs[0].dataset.digest == fingerprint[:36]
    assert run.data.params
    for name, metric in tracking.named(package.metrics).items():
        assert run.data.metrics[name] == metric.value
        assert run.data.metrics.get(f"{name}_low") == metric.low
        assert run.data.metrics.get(f"{name}_high") == metric.high
    files = files_of(run.info.run_id)
    assert {"manifest.json", "figures.json"} <= files
    assert {f"figures/{slug(metric.data)}.svg" for metric in package.metrics} <= files
    info = mlflow.models.get_model_info(f"models:/{package.algorithm}/{kept.version}")
    assert info.signature.inputs.inputs
    assert info.signature.outputs.inputs
    assert info.saved_input_example_info
    assert info.metadata["package.sha256"] == package.sha256


@cache
def _empty() -> Path:
    """Make a store without a run, once for all tests of a process: its schema takes seconds."""
    path = Path(tempfile.mkdtemp(prefix="vigie-mlflow-")) / "mlflow.db"
    with pytest.MonkeyPatch.context() as patch:
        # Put back at the end as it was: MLflow sets it as soon as it knows an address.
        patch.setenv("MLFLOW_TRACKING_URI", f"{store.SQLITE}{path}")
        store.check()
    return path
