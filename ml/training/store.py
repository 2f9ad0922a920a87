"""MLflow, kept at home: a sqlite store in the data folder, no telemetry, no network, little noise."""

from __future__ import annotations

import logging
import os
import subprocess
from pathlib import Path

# All are read while mlflow is imported or when it first calls a server, so they have to be set before.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("DO_NOT_TRACK", "true")
# MLflow would try a server that is not there seven times over, for minutes.
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")

import mlflow
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from ml import package as packages

ROOT = Path(__file__).resolve().parents[2]
STORE = packages.DATA / "mlflow"
SQLITE = "sqlite:///"
# The schema migrations of a new store and hints on every model fill the terminal otherwise.
NOISY = ("alembic", "mlflow.store.db.utils", "mlflow.tracking.fluent", "mlflow.models.model", "mlflow.pyfunc")


class Unreachable(RuntimeError):
    """MLflow's store cannot be used; says which, and what to do."""

    def __init__(self, uri: str, why: Exception) -> None:
        first = str(why).splitlines()[0] if str(why) else type(why).__name__
        super().__init__(
            f"the MLflow store {uri} cannot be used: {first}\n"
            "Start it, or mend MLFLOW_TRACKING_URI (and MLFLOW_TRACKING_USERNAME and _PASSWORD), or unset it "
            f"for the store below {STORE}."
        )


def connect() -> str:
    """Point MLflow at its store, ``MLFLOW_TRACKING_URI`` or ours, and return its address."""
    uri = address()
    if uri.startswith(SQLITE):
        Path(uri.removeprefix(SQLITE)).parent.mkdir(parents=True, exist_ok=True)
    for noisy in NOISY:
        logging.getLogger(noisy).setLevel(logging.ERROR)
    mlflow.set_tracking_uri(uri)
    return uri


def address() -> str:
    """Return the address of the store, without touching it."""
    return os.environ.get("MLFLOW_TRACKING_URI", "") or f"{SQLITE}{STORE / 'mlflow.db'}"


def check() -> None:
    """Ask the store something, so that a training finds out before it begins that nobody answers.

    Raises
    ------
    Unreachable
        With what to do.
    """
    uri = connect()
    try:
        MlflowClient().search_experiments(max_results=1)
    except (MlflowException, OSError) as error:
        raise Unreachable(uri, error) from error


def experiment(name: str) -> str:
    """Return the id of an experiment, which is made when there is none."""
    uri = connect()
    client = MlflowClient()
    found = client.get_experiment_by_name(name)
    if found is not None:
        return found.experiment_id
    return client.create_experiment(name, artifact_location=_files(uri, name))


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


def _files(uri: str, name: str) -> str | None:
    """Return where an experiment's files go: beside a database file; a server decides for itself.

    Without an address MLflow would put them into ``mlruns`` of whatever folder the command was called in.
    """
    if not uri.startswith(SQLITE):
        return None
    return (Path(uri.removeprefix(SQLITE)).resolve().parent / "artifacts" / name).as_uri()
