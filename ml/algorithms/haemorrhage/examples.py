"""Six invented admissions for a demonstration; no woman stands behind any of them.

Times are given in hours before the moment of loading, because an admission may not lie in the future
and a result grows stale.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from ml.contracts import Text

NO_CONDITIONS = {
    "antepartum_bleeding": "no",
    "preeclampsia": "no",
    "severe_preeclampsia": "no",
    "gestational_hypertension": "no",
    "gestational_diabetes": "no",
    "polyhydramnios": "no",
    "fibroids": "no",
    "anticoagulant": "no",
    "bleeding_disorder": "no",
    "chorioamnionitis": "no",
    "fetal_death": "no",
    "art": "no",
    "refuses_transfusion": "no",
}


@dataclass(frozen=True, slots=True)
class Example:
    """One invented admission.

    Parameters
    ----------
    answers
        Form values without times.
    admitted_hours_ago
        Hours between admission and now.
    results_hours_before
        Per laboratory value, hours between its result and the admission.
    """

    name: str
    title: Text
    answers: Mapping[str, Any]
    admitted_hours_ago: float
    results_hours_before: Mapping[str, float] = field(default_factory=dict)

    def values(self, now: datetime) -> dict[str, Any]:
        """Return the filled-in form as if loaded at ``now`` (aware), ready for JSON."""
        admission = (now - timedelta(hours=self.admitted_hours_ago)).replace(second=0, microsecond=0)
        times = {
            f"{name}_at": (admission - timedelta(hours=hours)).isoformat()
            for name, hours in self.results_hours_before.items()
        }
        return {"admission_at": admission.isoformat(), **self.answers, **times}


EXAMPLES = (
    Example(
        "typical",
        Text("Second birth, nothing of note", "Deuxième accouchement, rien à signaler"),
        {
            **NO_CONDITIONS,
            "birth_date": "1995-04-12", "gravidity": 2, "parity": 1,
            "gestation_weeks": 39, "gestation_days": 4, "height_cm": 166, "weight_kg": 61,
            "fetuses": 1, "presentation": "cephalic", "estimated_fetal_weight_g": 3350,
            "previous_caesareans": 0, "previous_pph": "none", "placenta": "normal",
            "onset": "spontaneous", "haemoglobin": 12.1, "platelets": 231, "fibrinogen": 4.6,
        },
        2,
        {"haemoglobin": 1.5, "platelets": 1.5, "fibrinogen": 1.5},
    ),
    Example(
        "first_birth",
        Text("First birth, induced after term", "Premier accouchement, déclenché après terme"),
        {
            **NO_CONDITIONS,
            "birth_date": "1998-09-30", "gravidity": 1, "parity": 0,
            "gestation_weeks": 41, "gestation_days": 3, "height_cm": 162, "weight_kg": 85,
            "fetuses": 1, "presentation": "cephalic", "estimated_fetal_weight_g": 4100,
            "placenta": "normal", "gestational_diabetes": "yes",
            "onset": "induced", "induction_method": "balloon", "haemoglobin": 11.4, "platelets": 188,
        },
        5,
        {"haemoglobin": 20, "platelets": 20},
    ),
    Example(
        "previous_haemorrhage",
        Text("Previous haemorrhage and anaemia", "Antécédent d’hémorragie et anémie"),
        {
            **NO_CONDITIONS,
            "birth_date": "1989-01-18", "gravidity": 4, "parity": 2,
            "gestation_weeks": 38, "gestation_days": 6, "height_cm": 159, "weight_kg": 58,
            "fetuses": 1, "presentation": "cephalic", "estimated_fetal_weight_g": 3200,
            "previous_caesareans": 0, "previous_pph": "pph_1000", "placenta": "normal",
            "onset": "spontaneous", "haemoglobin": 9.6, "platelets": 164, "fibrinogen": 3.9,
        },
        1,
        {"haemoglobin": 0.5, "platelets": 0.5, "fibrinogen": 0.5},
    ),
    Example(
        "high_risk",
        Text("Praevia after two caesareans", "Placenta prævia après deux césariennes"),
        {
            **NO_CONDITIONS,
            "birth_date": "1986-06-02", "gravidity": 3, "parity": 2,
            "gestation_weeks": 36, "gestation_days": 2, "height_cm": 168, "weight_kg": 74,
            "fetuses": 1, "presentation": "breech", "estimated_fetal_weight_g": 2750,
            "previous_caesareans": 2, "previous_pph": "none", "placenta": "praevia",
            "antepartum_bleeding": "yes",
            "onset": "planned_caesarean", "haemoglobin": 10.2, "platelets": 142, "fibrinogen": 3.4,
            "aptt_ratio": 1.02,
        },
        3,
        {"haemoglobin": 2, "platelets": 2, "fibrinogen": 2, "aptt_ratio": 2},
    ),
    Example(
        "twins",
        Text("Twins after ART, pre-eclampsia", "Jumeaux après AMP, prééclampsie"),
        {
            **NO_CONDITIONS,
            "birth_date": "1988-11-25", "gravidity": 1, "parity": 0,
            "gestation_weeks": 36, "gestation_days": 5, "height_cm": 171, "weight_kg": 68,
            "fetuses": 2, "presentation": "cephalic", "estimated_fetal_weight_g": 2600,
            "placenta": "normal", "preeclampsia": "yes", "art": "yes",
            "onset": "induced", "induction_method": "prostaglandin", "haemoglobin": 11.0, "platelets": 128,
        },
        4,
        {"haemoglobin": 90, "platelets": 3},
    ),
    Example(
        "many_unknowns",
        Text("Arrived without a record", "Arrivée sans dossier"),
        {
            "birth_date": "1997-02-09", "parity": 3, "fetuses": 1, "presentation": "cephalic",
            "antepartum_bleeding": "no", "previous_pph": "unknown", "fibroids": "unknown",
            "onset": "spontaneous",
        },
        0.5,
    ),
)  # fmt: skip
