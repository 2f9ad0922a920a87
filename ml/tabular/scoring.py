"""Score typed rows with a tabular package: numpy and ONNX Runtime, nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnxruntime

from ml.package import BrokenPackage, Package
from ml.tabular.preparation import Preparation, Table, table_of

MODEL, PREPARATION, BACKGROUND, STATISTICS = (
    "model.onnx", "preparation.json", "background.json", "statistics.json",
)  # fmt: skip
INPUT, OUTPUT = "features", "probability"

_ready: dict[str, Scorer] = {}


@dataclass(frozen=True)
class Scorer:
    """A package made ready to score.

    Parameters
    ----------
    names
        Input fields, in the contract's order.
    run
        From prepared features, shape (n, features), to probabilities, shape (n,).
    background
        Training rows against which a score is explained.
    """

    names: tuple[str, ...]
    preparation: Preparation
    run: Callable[[np.ndarray], np.ndarray]
    background: tuple[Mapping[str, Any], ...]

    def probabilities(self, table: Table) -> np.ndarray:
        """Return the probability of the event for each row, shape (n,)."""
        return self.run(self.preparation.transform(table))

    def probability(self, row: Mapping[str, Any]) -> float:
        """Return the probability of the event for one typed row."""
        return float(self.of_rows([row])[0])

    def of_rows(self, rows: Sequence[Mapping[str, Any]]) -> np.ndarray:
        """Return the probability of the event for each typed row, shape (n,)."""
        return self.probabilities(table_of(rows, self.names))

    def imputed(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values that stand in for the fields of ``row`` that were not given."""
        fills: dict[str, Any] = {n.name: n.fill for n in self.preparation.numbers}
        fills |= {c.name: c.fill for c in self.preparation.categories}
        return {name: fills[name] for name in self.names if name in fills and row.get(name) is None}


def scorer(package: Package) -> Scorer:
    """Return the scorer of a package, made once per process and package hash.

    Raises
    ------
    BrokenPackage
        When ONNX Runtime cannot read the model.
    """
    if package.sha256 not in _ready:
        _ready[package.sha256] = Scorer(
            names=tuple(package.manifest["input"]["fields"]),
            preparation=Preparation.from_json(package.json(PREPARATION)),
            run=_runner(package),
            background=tuple(package.json(BACKGROUND)),
        )
    return _ready[package.sha256]


def runner(model: bytes) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function from features, shape (n, d), to probabilities, shape (n,)."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def run(features: np.ndarray) -> np.ndarray:
        (probability,) = session.run([OUTPUT], {INPUT: features})
        return probability.reshape(-1).astype(float)

    return run


def _runner(package: Package) -> Callable[[np.ndarray], np.ndarray]:
    try:
        return runner(package.path(MODEL).read_bytes())
    except RuntimeError as error:
        raise BrokenPackage(f"{package.algorithm} {package.version}: {MODEL} cannot be read") from error
