"""Packages as models in MLflow: every file of them, signature and input example, found again by id."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.entities.model_registry import ModelVersion
from mlflow.models import ModelSignature, infer_signature
from mlflow.tracking import MlflowClient
from mlflow.types import ColSpec, DataType, Schema, TensorSpec

from ml import registry
from ml.contracts import Contract, FieldKind, InputKind
from ml.package import BrokenPackage, Package
from ml.training import served, store
from ml.training.served import FILE, OPTIONS, Graph

NAME, MODELS = "model", "models:/"
MODEL_ID = "model.id"
SHA256, VERSION, ORIGIN, SERVES = "package.sha256", "package.version", "origin", "serves"
TRACKED, LATER = "tracked training", "registered from the package; its training was not tracked here"
# What answering needs; MLflow would otherwise run the model in a process of its own to find out.
NEEDED = ("onnxruntime", "numpy", "pandas", "mlflow")
EXAMPLES = 3
SHORTEST = 2  # of a length that a graph leaves open


def register(package: Package, run_id: str, *, origin: str = TRACKED) -> str:
    """Log a package to the open run, make it a version of its algorithm in the registry, and return that.

    A package that has one already gets no second: two trainings with one seed are one version.

    Parameters
    ----------
    origin
        How the registry came by it, as a tag: :data:`TRACKED` or :data:`LATER`.
    """
    client = MlflowClient()
    found = registered(package.algorithm).get(package.sha256)
    if found is None:
        _make_place(package.algorithm)
        model_id = log_model(package)
        found = client.create_model_version(
            package.algorithm,
            f"{MODELS}{model_id}",
            run_id,
            tags={
                SHA256: package.sha256,
                VERSION: package.version,
                SERVES: str(package.serves).lower(),
                ORIGIN: origin,
                "created": package.manifest["created"],
            },
            description=f"{package.version}: {package.intended_use.en}",
            model_id=model_id,
        )
    client.set_tag(run_id, MODEL_ID, found.source.removeprefix(MODELS))
    client.set_tag(run_id, "registered.version", str(found.version))
    return str(found.version)


def registered(algorithm: str) -> dict[str, ModelVersion]:
    """Return the registry's versions of an algorithm by the hash of their package, the newest of each."""
    client, token, found = MlflowClient(), None, []
    while token is None or token:
        page = client.search_model_versions(f"name='{algorithm}'", page_token=token)
        found += page
        token = page.token or ""
    return {v.tags[SHA256]: v for v in sorted(found, key=lambda v: int(v.version)) if SHA256 in v.tags}


def _make_place(algorithm: str) -> None:
    """Give an algorithm its place in the registry, when it has none."""
    client = MlflowClient()
    if not client.search_registered_models(f"name='{algorithm}'"):
        client.create_registered_model(algorithm, description=registry.contract(algorithm).purpose.en)


def log_model(package: Package) -> str:
    """Log a package as a model of the open run and return its id."""
    signature, example = described(package)
    info = mlflow.pyfunc.log_model(
        name=NAME,
        loader_module=served.__name__,
        data_path=str(package.folder),
        signature=signature,
        input_example=example,
        metadata={
            "algorithm": package.algorithm,
            "version": package.version,
            "package.sha256": package.sha256,
        },
        pip_requirements=[f"{name}=={installed(name)}" for name in NEEDED],
    )
    return info.model_id


def load_model(model_id: str) -> mlflow.pyfunc.PyFuncModel:
    """Return a logged package by its id, as the tag ``model.id`` of its run has it, ready to be asked.

    Raises
    ------
    mlflow.exceptions.MlflowException
        When the store has no such model.
    ml.package.BrokenPackage
        When a byte of the package changed.
    """
    store.connect()
    return mlflow.pyfunc.load_model(f"{MODELS}{model_id}")


def described(package: Package) -> tuple[ModelSignature, pd.DataFrame | np.ndarray]:
    """Return what a package takes and gives, and an input example that it was asked with just now.

    Raises
    ------
    ml.package.BrokenPackage
        When it cannot answer the example: it was made for another version of the code.
    """
    answers = served.of(package)
    if isinstance(answers, Graph):
        return _of_graph(answers)
    contract = registry.contract(package.algorithm)
    with tempfile.TemporaryDirectory() as folder:
        sources = registry.door(package.algorithm, "examples").sources(package, Path(folder))[:EXAMPLES]
        example = served.table(contract, sources)
    try:
        answered = answers.predict(example)
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        about = f"package {package.algorithm} {package.version}"
        raise BrokenPackage(f"{about} does not answer the examples of its algorithm: {error}") from error
    given = infer_signature(None, _without_whole(answered))
    return ModelSignature(inputs=Schema(_columns(contract)), outputs=given.outputs), example


def _of_graph(graph: Graph) -> tuple[ModelSignature, np.ndarray]:
    shape = graph.shape()
    sizes = tuple(SHORTEST if size < 0 else size for size in shape)
    example = np.random.default_rng(0).normal(size=sizes).astype(np.float32)
    outputs = infer_signature(None, graph.predict(example)).outputs
    inputs = Schema([TensorSpec(np.dtype(np.float32), shape)])
    return ModelSignature(inputs=inputs, outputs=outputs), example


def _columns(contract: Contract) -> Sequence[ColSpec]:
    if contract.input_kind is InputKind.FILE:
        return [ColSpec(DataType.binary, FILE), ColSpec(DataType.string, OPTIONS, required=False)]
    columns = []
    for field in contract.fields:
        number = field.kind in (FieldKind.NUMBER, FieldKind.INTEGER)
        columns.append(
            ColSpec(DataType.double if number else DataType.string, field.name, required=field.required)
        )
        if field.timed:
            columns.append(ColSpec(DataType.string, f"{field.name}_at", required=False))
    return columns


def _without_whole(answers: pd.DataFrame) -> pd.DataFrame:
    """Return whole numbers as floats: a column of them could not say "missing"."""
    whole: dict[Any, type] = dict.fromkeys(answers.select_dtypes("integer").columns, float)
    return answers.astype(whole)
