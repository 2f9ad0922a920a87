"""What is watched of an assessment: the answers of the form, age and BMI, risk and decision."""

from __future__ import annotations

from ml.algorithms.haemorrhage.contract import CONTRACT
from ml.contracts import Text
from ml.monitoring.watched import Row, Score, Study, Watched, form_row, number, of_form

# Height and weight count through the BMI; a day of gestation is noise beside the week.
WITHOUT = ("gestation_days", "height_cm", "weight_kg")
WATCHED = (
    Watched("age", Text("Age", "Âge"), unit="y"),
    Watched("bmi", Text("BMI before pregnancy", "IMC avant la grossesse"), unit="kg/m²"),
    *of_form(CONTRACT, without=WITHOUT),
    Watched("known", Text("Questions answered", "Questions renseignées")),
    Watched("risk", Text("Predicted risk", "Risque prédit"), output=True),
    Watched(
        "flagged",
        Text("Decision", "Décision"),
        numeric=False,
        output=True,
        levels={"yes": Text("flagged", "signalée"), "no": Text("not flagged", "non signalée")},
    ),
)


def row(study: Study) -> Row:
    """Return the watched values of one study."""
    result = study.result
    answers = form_row(CONTRACT, study.values)
    found = {name: value for name, value in answers.items() if name not in WITHOUT}
    found |= {"age": number(result.get("age")), "bmi": number(result.get("bmi"))}
    found["known"] = number((result.get("known") or [None])[0])
    found["risk"] = number(result.get("risk"))
    found["flagged"] = None if result.get("flagged") is None else "yes" if result["flagged"] else "no"
    return found


def score(study: Study) -> Score | None:
    """Return risk and decision; ``None`` without an answer."""
    risk = number(study.result.get("risk"))
    return None if risk is None or study.refused else Score(risk, bool(study.result.get("flagged")))
