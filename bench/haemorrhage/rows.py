"""The same admissions for both sides: as forms, as checked answers, as level codes, as a matrix."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from ml import package as packages
from ml import registry
from ml.algorithms.haemorrhage import answers, contract, model
from ml.algorithms.haemorrhage.examples import EXAMPLES, as_of
from ml.contracts import Loaded, Source
from ml.package import Package

ROWS_PER_CALL = 20
BATCH = "batch.json"


def sources() -> list[Source]:
    """Return the invented admissions, repeated, as forms of this moment."""
    now = datetime.now(UTC)
    return [Source(values=as_of(EXAMPLES[i % len(EXAMPLES)], now)) for i in range(ROWS_PER_CALL)]


def loaded(package: Package) -> list[Loaded]:
    """Return the admissions checked and read."""
    load = registry.door("haemorrhage", "load").load
    return [load(source, package) for source in sources()]


def batch(folder: Path) -> list[dict[str, Any]]:
    """Return the synthetic admissions that :mod:`bench.haemorrhage.births` wrote, checked."""
    forms = json.loads((folder / BATCH).read_text("utf-8"))
    return [contract.check(form)[0] for form in forms]


def matrix(typed: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """Return admissions one-hot, shape (rows, levels beyond each reference); unknown is all zero."""
    coefficients = model.of(packages.load("haemorrhage"))
    column = {
        (factor.name, frozenset({code})): number
        for number, (factor, code) in enumerate(
            (factor, code)
            for factor in coefficients.factors
            for code in factor.codes
            if code != factor.reference
        )
    }
    found = np.zeros((len(typed), len(column)))
    for row, answer in zip(found, typed, strict=True):
        said = answers.allowed(coefficients, answer).items()
        row[[column[level] for level in said if level in column]] = 1
    return found
