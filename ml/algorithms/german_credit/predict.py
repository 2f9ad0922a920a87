"""Score a credit application."""

from __future__ import annotations

from typing import Any

from ml.contracts import Loaded
from ml.package import Package
from ml.tabular.scoring import scorer


def predict(package: Package, loaded: Loaded) -> dict[str, Any]:
    """Return the probability of a bad credit and the decision at the package's threshold.

    Returns
    -------
    dict
        ``probability_bad`` (0–1), ``label`` (``"bad"`` at or above ``threshold``, else
        ``"good"``), ``threshold``, and ``imputed``: the value used for each field not given.
    """
    ready = scorer(package)
    probability = ready.probability(loaded.data)
    threshold = package.thresholds["costs"]
    return {
        "probability_bad": round(probability, 6),
        "label": "bad" if probability >= threshold else "good",
        "threshold": threshold,
        "imputed": ready.imputed(loaded.data),
    }
