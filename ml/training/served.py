"""A package as MLflow loads it: verified byte for byte, then asked through the same doors as in the product.

``mlflow.pyfunc.load_model("models:/haemorrhage@champion").predict(rows)`` takes one row per study: the fields
of a form by name, or ``file`` with the bytes of a file and ``options`` as JSON. A package that is only there
to be compared with takes what its graph takes. No pickle anywhere.
"""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pandas as pd

from ml import package as packages
from ml import registry
from ml.contracts import Contract, FieldKind, InputKind, Refused, Source, Status
from ml.package import Package

FILE, OPTIONS = "file", "options"
STATUS, RESULT, PROBLEMS = "status", "result", "problems"
ONNX = ".onnx"


@dataclass(frozen=True)
class Answers:
    """A package that answers studies.

    Parameters
    ----------
    package
        As it was logged, verified.
    """

    package: Package

    def predict(self, rows: pd.DataFrame, params: Mapping[str, Any] | None = None) -> pd.DataFrame:
        """Return one row per study: ``status``, the single values of the result, and ``result`` as JSON.

        Parameters
        ----------
        rows
            One study each, see :func:`table`.
        params
            Not used; MLflow hands it over.
        """
        contract = registry.contract(self.package.algorithm)
        found = []
        for row in rows.to_dict("records"):
            with _source(contract, row) as source:
                found.append(self._answer(source))
        return pd.DataFrame(found)

    def _answer(self, source: Source) -> dict[str, Any]:
        name = self.package.algorithm
        try:
            loaded = registry.door(name, "load").load(source, self.package)
            result = registry.door(name, "predict").predict(self.package, loaded)
        except Refused as refusal:
            codes = [problem.code for problem in refusal.problems]
            return {STATUS: str(Status.REFUSED), PROBLEMS: json.dumps(codes), RESULT: ""}
        single = {key: _plain(value) for key, value in result.items() if isinstance(value, str | Real)}
        told = json.dumps(result, ensure_ascii=False)
        return {STATUS: str(Status.OK), **single, PROBLEMS: "[]", RESULT: told}


@dataclass(frozen=True)
class Graph:
    """A package that answers no study, by its one graph."""

    path: Path

    def predict(self, features: np.ndarray, params: Mapping[str, Any] | None = None) -> dict[str, np.ndarray]:
        """Return every output of the graph by name; ``params`` is not used."""
        session = onnxruntime.InferenceSession(self.path, providers=["CPUExecutionProvider"])
        (given,) = session.get_inputs()
        answers = session.run(None, {given.name: np.asarray(features, np.float32)})
        return {out.name: np.asarray(each) for out, each in zip(session.get_outputs(), answers, strict=True)}

    def shape(self) -> tuple[int, ...]:
        """Return the shape of the input, -1 where any length goes."""
        (given,) = onnxruntime.InferenceSession(self.path, providers=["CPUExecutionProvider"]).get_inputs()
        return tuple(size if isinstance(size, int) else -1 for size in given.shape)


def of(package: Package) -> Answers | Graph:
    """Return what a package answers by."""
    return Answers(package) if package.serves else Graph(package.path(graph_of(package)))


def graph_of(package: Package) -> str:
    """Return the name of a package's one ONNX file.

    Raises
    ------
    ml.package.BrokenPackage
        When it has none, or several.
    """
    graphs = [name for name in package.manifest["files"] if name.endswith(ONNX)]
    if len(graphs) != 1:
        raise packages.BrokenPackage(
            f"package {package.algorithm} {package.version} has {len(graphs)} graphs"
        )
    return graphs[0]


def table(contract: Contract, sources: Sequence[Source]) -> pd.DataFrame:
    """Write studies as rows: a column per field of the form, or the file and its options."""
    if contract.input_kind is InputKind.FILE:
        rows = [{FILE: s.path.read_bytes(), OPTIONS: json.dumps(dict(s.options))} for s in sources if s.path]
        return pd.DataFrame(rows)
    numeric = {field.name for field in contract.fields if _is_number(field.kind)}
    found = pd.DataFrame([_by_field(contract, source.values) for source in sources])
    return found.astype({name: float for name in found.columns if name in numeric})


def _by_field(contract: Contract, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a form's values by the names of its fields, where they came by those of a public table."""
    names = {field.name for field in contract.fields}
    names |= {f"{field.name}_at" for field in contract.fields if field.timed}
    if names.issuperset(values):
        return dict(values)
    typed, _ = registry.door(contract.name, "contract").check(values)
    return {name: value for name, value in typed.items() if value is not None}


def _is_number(kind: FieldKind) -> bool:
    return kind in (FieldKind.NUMBER, FieldKind.INTEGER)


@contextmanager
def _source(contract: Contract, row: Mapping[str, Any]) -> Iterator[Source]:
    """Turn a row into what the algorithm's ``load`` takes; a file lies on disk as long as the block runs."""
    given = {name: _plain(value) for name, value in row.items() if not _is_missing(value)}
    if contract.input_kind is not InputKind.FILE:
        whole = {field.name for field in contract.fields if field.kind is FieldKind.INTEGER}
        yield Source(values={k: _whole(v) if k in whole else v for k, v in given.items()})
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "input"
        path.write_bytes(given[FILE])
        yield Source(path=path, options=json.loads(given.get(OPTIONS) or "{}"))


def _is_missing(value: Any) -> bool:
    return value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value))


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _plain(value: Any) -> Any:
    """Return a NumPy scalar as Python's own."""
    if isinstance(value, str | bytes | bool):
        return value
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, Integral):
        return int(value)
    return float(value) if isinstance(value, Real) else value


def _load_pyfunc(path: str) -> Answers | Graph:
    """Load a logged package; MLflow calls this by its name.

    Raises
    ------
    ml.package.BrokenPackage
        When a byte of it changed.
    """
    folder = Path(path)
    if not (folder / packages.MANIFEST).is_file():
        (folder,) = (inner.parent for inner in folder.glob(f"*/{packages.MANIFEST}"))
    return of(packages.read(folder))
