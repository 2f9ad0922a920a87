"""Score a crash report."""

from __future__ import annotations

from typing import Any

from ml.contracts import Loaded
from ml.package import Package
from ml.tabular.scoring import scorer


def predict(package: Package, loaded: Loaded) -> dict[str, Any]:
    """Return the probability that somebody was injured.

    Returns
    -------
    dict
        ``probability_injury`` (0–1), ``label`` (``"injury"`` at or above ``threshold``, else
        ``"no_injury"``), ``threshold``, and ``imputed``: the value used for each field not given.
    """
    ready = scorer(package)
    probability = ready.probability(loaded.data)
    threshold = package.thresholds["best_f1"]
    return {
        "probability_injury": round(probability, 6),
        "label": "injury" if probability >= threshold else "no_injury",
        "threshold": threshold,
        "imputed": ready.imputed(loaded.data),
    }
