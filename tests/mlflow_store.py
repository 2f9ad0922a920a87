"""An MLflow store of a test's own."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import mlflow
import pytest

from ml.training import store


@contextmanager
def apart(folder: Path) -> Iterator[Path]:
    """Let runs go to ``folder`` for as long as the block runs; MLflow is left as it was."""
    before, named = mlflow.get_tracking_uri(), os.environ.get("MLFLOW_TRACKING_URI")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        folder.mkdir(parents=True)
        shutil.copy(_empty(), folder / "mlflow.db")
        patch.setattr(store, "STORE", folder)
        yield folder
    mlflow.set_tracking_uri(before)
    # MLflow names its store in the environment too, where later trainings would take it for a choice.
    if named is None:
        os.environ.pop("MLFLOW_TRACKING_URI", None)


@cache
def _empty() -> Path:
    """Make a store without a run, once for all tests of a process: its schema takes seconds."""
    path = Path(tempfile.mkdtemp(prefix="vigie-mlflow-")) / "mlflow.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "STORE", path.parent)
        store.check()
    return path
