"""Say which fields moved the score of a crash report."""

from __future__ import annotations

from typing import Any

from ml.algorithms.accident_severity.contract import CONTRACT
from ml.contracts import Explanation, Loaded, Text
from ml.package import Package
from ml.tabular.explaining import explain_row

OUTCOME = Text("an injury", "une blessure")


def explain(package: Package, loaded: Loaded, result: dict[str, Any]) -> Explanation:
    """Return Shapley contributions of the fields to the log odds of an injury."""
    return explain_row(package, CONTRACT, loaded.data, OUTCOME)
