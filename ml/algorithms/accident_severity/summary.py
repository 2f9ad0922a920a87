"""What is watched of a reference case: the fields of its form, probability and decision."""

from __future__ import annotations

from ml.algorithms.accident_severity.contract import CONTRACT
from ml.contracts import Text
from ml.monitoring.watched import Row, Score, Study, Watched, form_row, number, of_form

PROBABILITY, EVENT = "probability_injury", "injury"
WATCHED = (
    *of_form(CONTRACT),
    Watched(
        "probability",
        Text("Predicted probability of an injury", "Probabilité prédite d’un blessé"),
        output=True,
    ),
    Watched("label", Text("Decision", "Décision"), numeric=False, output=True),
)


def row(study: Study) -> Row:
    """Return the watched values of one case."""
    result = study.result
    said = {"probability": number(result.get(PROBABILITY)), "label": result.get("label")}
    return form_row(CONTRACT, study.values) | said


def score(study: Study) -> Score | None:
    """Return probability and decision; ``None`` without an answer."""
    probability = number(study.result.get(PROBABILITY))
    return None if probability is None else Score(probability, study.result.get("label") == EVENT)
