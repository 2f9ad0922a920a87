"""The same admissions for both sides, as checked answers and as a matrix."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from ml import package as packages
from ml import registry
from ml.algorithms.haemorrhage import model
from ml.algorithms.haemorrhage.examples import EXAMPLES, as_of
from ml.contracts import Loaded, Source
from ml.package import Package

ROWS_PER_CALL = 20


def sources() -> list[Source]:
    """Return the invented admissions, repeated, as forms of this moment."""
    now = datetime.now(UTC)
    return [Source(values=as_of(EXAMPLES[i % len(EXAMPLES)], now)) for i in range(ROWS_PER_CALL)]


def loaded(package: Package) -> list[Loaded]:
    """Return the admissions checked and read."""
    load = registry.door("haemorrhage", "load").load
    return [load(source, package) for source in sources()]


def matrix() -> np.ndarray:
    """Return the admissions one-hot, shape (rows, levels beyond each reference); unknown is all zero."""
    package = packages.load("haemorrhage")
    factors = model.of(package).factors
    nothing: frozenset[str] = frozenset()
    return np.array(
        [
            [
                float(admission.data.allowed.get(factor.name, nothing) == {code})
                for factor in factors
                for code in factor.codes
                if code != factor.reference
            ]
            for admission in loaded(package)
        ]
    )
