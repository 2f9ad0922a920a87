"""What every training writes into MLflow, and how: one floor for all five algorithms.

A training opens a :func:`run`, says which data it learns from, tells its curves (:meth:`Run.metric`, or
:mod:`ml.training.watching` from deep inside) and hands over its package. :meth:`Run.package` does the rest.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import mlflow
from mlflow.entities import Dataset, DatasetInput, InputTag, Param
from mlflow.entities import Metric as Figure
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INTERNAL_ERROR, TEMPORARILY_UNAVAILABLE, ErrorCode
from mlflow.tracking import MlflowClient

from ml.package import MANIFEST, Metric, Package
from ml.training import logged, store, watching
from ml.training.drawings import by_data, log_curves, log_drawings, slug

LONGEST_PARAM = 6000
LONGEST_DIGEST = 36  # of a data set in MLflow
PARAMS_AT_ONCE, METRICS_AT_ONCE = 100, 500
SECONDS_BETWEEN = 5.0
FIGURES = "figures.json"
STORE_ERRORS = {ErrorCode.Name(INTERNAL_ERROR), ErrorCode.Name(TEMPORARILY_UNAVAILABLE)}
LOST = (
    "MLflow's store went away ({why}): what follows is not in it. The training goes on; "
    "`python -m ml registry sync` registers its package later.\n"
)


class Run:
    """An open MLflow run; what a training may say about itself.

    Once the store is gone nothing more is written: hours of training are worth more than their record.

    Parameters
    ----------
    run_id
        Of MLflow.
    algorithm
        Name of the experiment.
    """

    def __init__(self, run_id: str, algorithm: str) -> None:
        self.run_id, self.algorithm = run_id, algorithm
        self.lost = False
        self._client = MlflowClient()
        self._waiting: list[Figure] = []
        self._written_at = time.monotonic()

    def metric(self, name: str, value: float, step: int | None = None) -> None:
        """Log one figure; with a step it is a point of a curve. Written in lots, at the latest at the end."""
        self._waiting.append(_figure(name, value, step or 0))
        late = time.monotonic() - self._written_at > SECONDS_BETWEEN
        if late or len(self._waiting) >= METRICS_AT_ONCE:
            self.flush()

    def metrics(self, metrics: Iterable[Metric]) -> None:
        """Log figures with intervals as ``<name>``, ``<name>_low`` and ``<name>_high``, and all as a table.

        A name that stands for figures on several data sets is told apart by these.
        """
        figures = list(metrics)
        for name, metric in named(figures).items():
            bounds = {"": metric.value, "_low": metric.low, "_high": metric.high}
            for suffix, value in bounds.items():
                if value is not None:
                    self.metric(f"{name}{suffix}", value)
        table = {"figures": [asdict(metric) for metric in figures]}
        self.write(lambda: mlflow.log_dict(table, FIGURES, run_id=self.run_id))

    def artifact(self, path: Path, folder: str | None = None) -> None:
        """Store a file with the run."""
        self.write(lambda: mlflow.log_artifact(str(path), folder, run_id=self.run_id))

    def curves(self, found: Mapping[str, Any], name: str) -> None:
        """Keep curves that the package does not hold, as made by ``ml.training.curves``, with drawings."""
        self.write(lambda: log_curves(self.run_id, found, name))

    def tag(self, name: str, value: str) -> None:
        """Set a tag."""
        self.write(lambda: self._client.set_tag(self.run_id, name, value))

    def data(self, fingerprint: str, name: str = "") -> None:
        """Pin the data the run learns from (``ml.training.data.fingerprint``), as a tag and as a data set."""
        self.tag("data.sha256", fingerprint)
        called = name or self.algorithm
        pinned = Dataset(called, fingerprint[:LONGEST_DIGEST], "local", json.dumps({"uri": called}))
        given = DatasetInput(pinned, [InputTag("mlflow.data.context", "training")])
        self.write(lambda: self._client.log_inputs(self.run_id, [given]))

    def pin(self, package: Package) -> None:
        """Name a package that the run is about, and keep its manifest."""
        self.tag("package.version", package.version)
        self.tag("package.sha256", package.sha256)
        self.artifact(package.folder / MANIFEST)

    def package(self, package: Package, *, origin: str = logged.TRACKED) -> None:
        """Keep everything that is known of the package that came out of the run.

        Its hash and manifest, its figures with their intervals, its curves, comparisons and drawings; the
        package itself as a model with signature and input example, and a version of it in the registry.

        Parameters
        ----------
        origin
            How the registry came by it.
        """
        self.pin(package)
        self.metrics(package.metrics)
        self.write(lambda: log_drawings(self.run_id, package))
        self.write(lambda: logged.register(package, self.run_id, origin=origin))

    def flush(self) -> None:
        """Write the figures that wait."""
        waiting, self._waiting = self._waiting, []
        self._written_at = time.monotonic()
        for lot in _lots(waiting, METRICS_AT_ONCE):
            self.write(partial(self._client.log_batch, self.run_id, metrics=lot))

    def write(self, work: Callable[[], object]) -> None:
        """Do something to the store; when it is gone, say so once and never try again."""
        if self.lost:
            return
        try:
            work()
        except (MlflowException, OSError) as error:
            # A call that the store answers with a refusal is a mistake of ours and must be seen.
            if isinstance(error, MlflowException) and error.error_code not in STORE_ERRORS:
                raise
            self.lost = True
            sys.stderr.write(LOST.format(why=str(error).partition("\n")[0]))


@contextmanager
def run(
    algorithm: str,
    name: str,
    *,
    params: Mapping[str, Any],
    tags: Mapping[str, Any] | None = None,
    nested: bool = False,
) -> Iterator[Run]:
    """Open an MLflow run in the experiment of an algorithm; it hears what the block tells.

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

    Raises
    ------
    ml.training.store.Unreachable
        When the store cannot be used, before the block begins.

    Notes
    -----
    ``MLFLOW_TRACKING_URI`` is honoured; without it runs go to ``var/mlflow/mlflow.db`` and their
    files to ``var/mlflow/artifacts``.
    """
    opened = _open(algorithm, name, params, tags or {}, nested=nested)
    ended = "FAILED"
    try:
        with watching.heard_by(opened.metric):
            yield opened
        ended = "FINISHED"
    finally:
        opened.flush()
        opened.write(lambda: mlflow.end_run(ended))


def named(metrics: Sequence[Metric]) -> dict[str, Metric]:
    """Return figures by a name of their own: ``roc_auc``, or ``roc_auc.<data>`` where there are several."""
    data: dict[str, set[str]] = {}
    for metric in metrics:
        data.setdefault(metric.name, set()).add(metric.data)
    return {
        m.name if len(data[m.name]) == 1 else f"{m.name}.{slug(m.data)}": m
        for group in by_data(metrics).values()
        for m in group
    }


def _open(
    algorithm: str, name: str, params: Mapping[str, Any], tags: Mapping[str, Any], *, nested: bool
) -> Run:
    said = {"code.version": store.code_version(), **tags}
    try:
        active = mlflow.start_run(
            experiment_id=store.experiment(algorithm),
            run_name=name,
            nested=nested,
            tags={key: str(value) for key, value in said.items()},
            log_system_metrics=False,
        )
    except (MlflowException, OSError) as error:
        raise store.Unreachable(store.address(), error) from error
    opened = Run(active.info.run_id, algorithm)
    flat = [Param(key, str(value)[:LONGEST_PARAM]) for key, value in _flat(params)]
    for lot in _lots(flat, PARAMS_AT_ONCE):
        opened.write(partial(MlflowClient().log_batch, opened.run_id, params=lot))
    return opened


def _figure(name: str, value: float, step: int) -> Figure:
    return Figure(name, float(value), round(time.time() * 1000), step)


def _lots(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def _flat(params: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in params.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
