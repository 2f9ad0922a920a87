"""Answer many credit applications at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ml.package import Package
from ml.tabular.scoring import scorer

COLUMNS = ("probability_bad", "label", "threshold")


def answers(package: Package, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the result of each typed application, in order.

    Returns
    -------
    list of dict
        ``probability_bad`` (0–1), ``label`` (``"bad"`` at or above ``threshold``, else
        ``"good"``), ``threshold``, and ``imputed``: the value used for each field not given.
    """
    ready = scorer(package)
    threshold = package.thresholds["costs"]
    return [
        {
            "probability_bad": round(float(probability), 6),
            "label": "bad" if probability >= threshold else "good",
            "threshold": threshold,
            "imputed": ready.imputed(row),
        }
        for row, probability in zip(rows, ready.of_rows(rows), strict=True)
    ]
