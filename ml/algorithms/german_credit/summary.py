"""What is watched of a reference case: the fields of its form, probability and decision."""

from __future__ import annotations

from ml.algorithms.german_credit.contract import CONTRACT
from ml.contracts import Text
from ml.monitoring.watched import ReferenceCase

_CASE = ReferenceCase(
    CONTRACT,
    key="probability_bad",
    event="bad",
    said=Text("Predicted probability of a bad credit", "Probabilité prédite d’un mauvais crédit"),
)
WATCHED, row, score = _CASE.watched, _CASE.row, _CASE.score
