"""Answer many crash reports at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ml.package import Package
from ml.tabular.scoring import scorer

COLUMNS = ("probability_injury", "label", "threshold")


def answers(package: Package, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the result of each typed report, in order.

    Returns
    -------
    list of dict
        ``probability_injury`` (0–1), ``label`` (``"injury"`` at or above ``threshold``, else
        ``"no_injury"``), ``threshold``, and ``imputed``: the value used for each field not given.
    """
    ready = scorer(package)
    threshold = package.thresholds["best_f1"]
    return [
        {
            "probability_injury": round(float(probability), 6),
            "label": "injury" if probability >= threshold else "no_injury",
            "threshold": threshold,
            "imputed": ready.imputed(row),
        }
        for row, probability in zip(rows, ready.of_rows(rows), strict=True)
    ]
