"""Score a crash report."""

from __future__ import annotations

from typing import Any

from ml.algorithms.accident_severity.rows import answers
from ml.contracts import Loaded
from ml.package import Package


def predict(package: Package, loaded: Loaded) -> dict[str, Any]:
    """Return the probability of an injury and its side of the threshold; keys as in :func:`answers`."""
    (result,) = answers(package, [loaded.data])
    return result
