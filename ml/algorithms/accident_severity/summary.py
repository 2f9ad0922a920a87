"""What is watched of a reference case: the fields of its form, probability and decision."""

from __future__ import annotations

from ml.algorithms.accident_severity.contract import CONTRACT
from ml.contracts import Text
from ml.monitoring.watched import ReferenceCase

_CASE = ReferenceCase(
    CONTRACT,
    key="probability_injury",
    event="injury",
    said=Text("Predicted probability of an injury", "Probabilité prédite d’un blessé"),
)
WATCHED, row, score = _CASE.watched, _CASE.row, _CASE.score
