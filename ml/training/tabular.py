"""From a public table to a package: reading, statistics, files, MLflow; for any tabular algorithm."""

from __future__ import annotations

import csv
import gzip
import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

import numpy as np

from ml import package as packages
from ml.contracts import Contract, FieldKind, Problem, Severity, Text
from ml.package import Metric, Package
from ml.tabular.preparation import Table, table_of
from ml.tabular.scoring import BACKGROUND, INPUT, MODEL, OUTPUT, PREPARATION, STATISTICS
from ml.training.onnx_export import export
from ml.training.pipeline import TabularClassifier

Check = Callable[[Mapping[str, Any]], tuple[dict[str, Any], list[Problem]]]
BACKGROUND_ROWS = 32
LIBRARIES = ("numpy", "scikit-learn", "xgboost-cpu", "imbalanced-learn", "onnx")


class BadTable(ValueError):
    """A training table holds rows the contract refuses; the message counts the reasons."""


@dataclass(frozen=True)
class Training:
    """What a package says about how it was made.

    Parameters
    ----------
    data
        Name, source, licence, n and fingerprint of the training data.
    notes
        What happened: recipes compared, parameters found.
    """

    data: Mapping[str, Any]
    params: Mapping[str, Any]
    notes: Mapping[str, Any]
    thresholds: Mapping[str, float]
    intended_use: Text
    limits: tuple[Text, ...]


def columns_of(contract: Contract) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names of the numeric fields and of the categorical fields of a contract."""
    numeric = (FieldKind.NUMBER, FieldKind.INTEGER)
    numbers = tuple(f.name for f in contract.fields if f.kind in numeric)
    return numbers, tuple(f.name for f in contract.fields if f.name not in numbers)


def raw_rows(path: Path) -> Iterator[dict[str, str]]:
    """Yield the rows of a CSV file, gzipped or not, as strings by column name."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8", newline="") as stream:
        yield from csv.DictReader(stream)


def read_table(
    rows: Sequence[Mapping[str, Any]], check: Check, names: Sequence[str], *, tolerated: int = 0
) -> dict[str, np.ndarray]:
    """Read raw rows through an algorithm's own contract: what serving refuses, training never sees.

    Parameters
    ----------
    tolerated
        How many values may be refused; they count as not given.

    Raises
    ------
    BadTable
        When more values are refused.
    """
    typed, refused = [], Counter()
    for row in rows:
        values, problems = check(row)
        typed.append(values)
        refused.update(f"{p.field}: {p.code}" for p in problems if p.severity is Severity.REFUSE)
    if refused.total() > tolerated:
        reasons = ", ".join(f"{reason} ({count})" for reason, count in refused.most_common(5))
        raise BadTable(f"{refused.total()} values of the training table are refused: {reasons}")
    return table_of(typed, names)


def statistics(table: Table, numbers: Sequence[str], categories: Sequence[str]) -> dict[str, Any]:
    """Return what the training rows look like, for drift checks: quantiles and level counts."""
    found: dict[str, Any] = {}
    for name in numbers:
        values = table[name].astype(float)
        given = values[np.isfinite(values)]
        found[name] = {
            "kind": "number",
            "n": len(given),
            "missing": int(len(values) - len(given)),
            "mean": float(given.mean()),
            "sd": float(given.std()),
            "quantiles": {f"{q:.1f}": float(np.quantile(given, q)) for q in np.linspace(0, 1, 11)},
        }
    for name in categories:
        counts = Counter("" if value is None else str(value) for value in table[name])
        missing = counts.pop("", 0)
        found[name] = {
            "kind": "category",
            "n": counts.total(),
            "missing": missing,
            "counts": dict(sorted(counts.items())),
        }
    return found


def write_package(
    folder: Path,
    contract: Contract,
    model: TabularClassifier,
    table: Table,
    training: Training,
) -> Package:
    """Write ``folder`` (``.../<algorithm>/<version>``) anew and return the verified package.

    Parameters
    ----------
    table
        The training rows: statistics and background come from them.

    Notes
    -----
    It has no figures yet: :func:`complete` adds them, because some need the package itself.
    """
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    numbers, categories = columns_of(contract)
    (folder / MODEL).write_bytes(export(model).SerializeToString(deterministic=True))
    _write_json(folder / PREPARATION, model.preparation.as_json())
    _write_json(folder / STATISTICS, statistics(table, numbers, categories))
    _write_json(folder / BACKGROUND, background(table, seed=model.recipe.seed))
    return packages.write(folder, _manifest(folder, contract, model, training))


def complete(package: Package, metrics: Sequence[Metric], documents: Mapping[str, Any]) -> Package:
    """Return the package with these figures in its manifest and these JSON files beside it.

    Parameters
    ----------
    documents
        File name → contents, such as the curves behind the figures.
    """
    for name, document in documents.items():
        _write_json(package.folder / name, document)
    dropped = ("files", *packages.OUTSIDE_HASH)
    manifest = {key: value for key, value in package.manifest.items() if key not in dropped}
    return packages.write(package.folder, {**manifest, "metrics": [asdict(m) for m in metrics]})


def background(table: Table, *, seed: int, rows: int = BACKGROUND_ROWS) -> list[dict[str, Any]]:
    """Return training rows, drawn by ``seed``, that stand for "a typical case" in explanations."""
    n = len(next(iter(table.values())))
    drawn = np.sort(np.random.default_rng(seed).choice(n, size=min(rows, n), replace=False))
    return [{name: values[i] for name, values in table.items()} for i in drawn]


def champion(folder: Path) -> None:
    """Name the version in ``folder`` the one that serves, when none is named yet."""
    named = folder.parent / "CHAMPION"
    if not named.exists():
        named.write_text(f"{folder.name}\n", "utf-8")


def _manifest(
    folder: Path,
    contract: Contract,
    model: TabularClassifier,
    training: Training,
) -> dict[str, Any]:
    return {
        "algorithm": contract.name,
        "version": folder.name,
        "input": {
            "fields": [field.name for field in contract.fields],
            "features": list(model.preparation.features),
            "onnx": {"input": INPUT, "output": OUTPUT},
        },
        "thresholds": dict(training.thresholds),
        "metrics": [],
        "data": dict(training.data),
        "intended_use": training.intended_use.as_json(),
        "limits": [limit.as_json() for limit in training.limits],
        "training": {
            "params": dict(training.params),
            "recipe": _recipe(model),
            "libraries": {name: installed(name) for name in LIBRARIES},
            **training.notes,
        },
    }


def _recipe(model: TabularClassifier) -> dict[str, Any]:
    recipe = asdict(model.recipe)
    return {**recipe, "calibration_curve": asdict(model.calibration)}


def _write_json(path: Path, value: Any) -> None:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, indent=1, allow_nan=False)
    path.write_text(text + "\n", "utf-8")
