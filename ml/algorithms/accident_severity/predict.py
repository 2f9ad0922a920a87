"""Score a crash report."""

from __future__ import annotations

from typing import Any

from ml.algorithms.accident_severity.batch import risks
from ml.contracts import Loaded
from ml.package import Package


def predict(package: Package, loaded: Loaded) -> dict[str, Any]:
    """Return the probability of an injury and its side of the threshold; keys as in :func:`risks`."""
    (result,) = risks(package, [loaded.data])
    return result
