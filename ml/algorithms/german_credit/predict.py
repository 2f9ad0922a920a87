"""Score a credit application."""

from __future__ import annotations

from typing import Any

from ml.algorithms.german_credit.rows import answers
from ml.contracts import Loaded
from ml.package import Package


def predict(package: Package, loaded: Loaded) -> dict[str, Any]:
    """Return the probability of a bad credit and the decision; the keys are those of :func:`answers`."""
    (result,) = answers(package, [loaded.data])
    return result
