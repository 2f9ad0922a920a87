"""MLflow, kept at home: a sqlite store below ``var/``, no telemetry, no network, little noise."""

from __future__ import annotations

import logging
import os
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# Both are read while mlflow is imported, so they have to be set before.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("DO_NOT_TRACK", "true")

import mlflow
from mlflow.tracking import MlflowClient

from ml.package import Metric, Package

ROOT = Path(__file__).resolve().parents[2]
STORE = ROOT / "var" / "mlflow"
LONGEST_PARAM = 6000
SQLITE = "sqlite:///"


class Run:
    """An open MLflow run; what a training may say about itself."""

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id

    def metric(self, name: str, value: float, step: int | None = None) -> None:
        """Log one figure."""
        mlflow.log_metric(name, float(value), step=step, run_id=self.run_id)

    def metrics(self, metrics: Iterable[Metric]) -> None:
        """Log figures with their intervals as ``<name>``, ``<name>_low``, ``<name>_high``."""
        for metric in metrics:
            bounds = {"": metric.value, "_low": metric.low, "_high": metric.high}
            for suffix, value in bounds.items():
                if value is not None:
                    self.metric(f"{metric.name}{suffix}", value)

    def artifact(self, path: Path) -> None:
        """Store a file with the run."""
        mlflow.log_artifact(str(path), run_id=self.run_id)

    def tag(self, name: str, value: str) -> None:
        """Set a tag."""
        MlflowClient().set_tag(self.run_id, name, value)

    def data(self, fingerprint: str) -> None:
        """Pin the data the run was trained on (``ml.training.data.fingerprint``)."""
        self.tag("data.sha256", fingerprint)

    def package(self, package: Package) -> None:
        """Pin the package that came out of the run and keep its manifest."""
        self.tag("package.version", package.version)
        self.tag("package.sha256", package.sha256)
        self.artifact(package.folder / "manifest.json")


@contextmanager
def run(
    algorithm: str,
    name: str,
    *,
    params: Mapping[str, Any],
    tags: Mapping[str, Any] | None = None,
    nested: bool = False,
) -> Iterator[Run]:
    """Open an MLflow run in the experiment of an algorithm.

    Parameters
    ----------
    algorithm
        Name of the experiment.
    name
        Name of the run ("train", "trial 12").
    params
        Parameters; nested mappings become dotted names.
    tags
        Further tags beside ``code.version``.
    nested
        Whether it belongs under the run already open.

    Yields
    ------
    Run
        Closed as finished, or as failed when the block raises.

    Notes
    -----
    ``MLFLOW_TRACKING_URI`` is honoured; without it runs go to ``var/mlflow/mlflow.db`` and their
    files to ``var/mlflow/artifacts``.
    """
    experiment = _experiment(algorithm)
    all_tags = {"code.version": code_version(), **(tags or {})}
    with mlflow.start_run(
        experiment_id=experiment,
        run_name=name,
        nested=nested,
        tags={k: str(v) for k, v in all_tags.items()},
        log_system_metrics=False,
    ) as active:
        flat = {key: str(value)[:LONGEST_PARAM] for key, value in _flat(params)}
        if flat:
            mlflow.log_params(flat)
        yield Run(active.info.run_id)


def code_version(root: Path = ROOT) -> str:
    """Return the git commit, with ``+changes`` when the tree differs; ``unknown`` outside git."""
    try:
        commit = _git(root, "rev-parse", "HEAD")
        return commit + ("+changes" if _git(root, "status", "--porcelain", "-uno") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def connect() -> str:
    """Point MLflow at its store, ``MLFLOW_TRACKING_URI`` or ours, and return its address."""
    uri = os.environ.get("MLFLOW_TRACKING_URI", "")
    if not uri:
        STORE.mkdir(parents=True, exist_ok=True)
        uri = f"{SQLITE}{STORE / 'mlflow.db'}"
    # The schema migrations of a new store fill the terminal otherwise.
    for noisy in ("alembic", "mlflow.store.db.utils", "mlflow.tracking.fluent"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    mlflow.set_tracking_uri(uri)
    return uri


def _experiment(algorithm: str) -> str:
    uri = connect()
    client = MlflowClient()
    found = client.get_experiment_by_name(algorithm)
    if found is not None:
        return found.experiment_id
    return client.create_experiment(algorithm, artifact_location=_files(uri, algorithm))


def _files(uri: str, algorithm: str) -> str | None:
    """Return where an experiment's files go: beside a database file; a server decides for itself.

    Without an address MLflow would put them into ``mlruns`` of whatever folder the command was called in.
    """
    if not uri.startswith(SQLITE):
        return None
    return (Path(uri.removeprefix(SQLITE)).resolve().parent / "artifacts" / algorithm).as_uri()


def _flat(params: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in params.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
