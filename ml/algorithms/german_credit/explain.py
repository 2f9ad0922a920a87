"""Say which fields moved the score of an application."""

from __future__ import annotations

from typing import Any

from ml.algorithms.german_credit.contract import CONTRACT
from ml.contracts import Explanation, Loaded, Text
from ml.package import Package
from ml.tabular.explaining import explain_row

OUTCOME = Text("a bad credit", "un crédit défaillant")


def explain(package: Package, loaded: Loaded, result: dict[str, Any]) -> Explanation:
    """Return Shapley contributions of the fields to the log odds of a bad credit."""
    return explain_row(package, CONTRACT, loaded.data, OUTCOME)
