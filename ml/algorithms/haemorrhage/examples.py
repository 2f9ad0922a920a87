"""Six invented admissions for a demonstration; no woman stands behind any of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from ml.contracts import Source, Text
from ml.package import Package

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


ADMISSIONS: dict[str, tuple[Text, dict[str, Any]]] = {
    "typical": (
        Text("Second birth, nothing of note", "Deuxième accouchement, rien à signaler"),
        {
            "admission_at": "2025-03-14T07:40:00+00:00",
            **NO_CONDITIONS,
            "birth_date": "1995-04-12", "gravidity": 2, "parity": 1, "gestation_weeks": 39,
            "gestation_days": 4, "height_cm": 166, "weight_kg": 61, "fetuses": 1,
            "presentation": "cephalic", "estimated_fetal_weight_g": 3350, "previous_caesareans": 0,
            "previous_pph": "none", "placenta": "normal", "onset": "spontaneous", "haemoglobin": 12.1,
            "haemoglobin_at": "2025-03-14T06:10:00+00:00", "platelets": 231,
            "platelets_at": "2025-03-14T06:10:00+00:00", "fibrinogen": 4.6,
            "fibrinogen_at": "2025-03-14T06:10:00+00:00",
        },
    ),
    "first_birth": (
        Text("First birth, induced after term", "Premier accouchement, déclenché après terme"),
        {
            "admission_at": "2025-03-14T04:40:00+00:00",
            **NO_CONDITIONS,
            "gestational_diabetes": "yes", "birth_date": "1998-09-30", "gravidity": 1, "parity": 0,
            "gestation_weeks": 41, "gestation_days": 3, "height_cm": 162, "weight_kg": 85, "fetuses": 1,
            "presentation": "cephalic", "estimated_fetal_weight_g": 4100, "placenta": "normal",
            "onset": "induced", "induction_method": "balloon", "haemoglobin": 11.4,
            "haemoglobin_at": "2025-03-13T08:40:00+00:00", "platelets": 188,
            "platelets_at": "2025-03-13T08:40:00+00:00",
        },
    ),
    "previous_haemorrhage": (
        Text("Previous haemorrhage and anaemia", "Antécédent d’hémorragie et anémie"),
        {
            "admission_at": "2025-03-14T08:40:00+00:00",
            **NO_CONDITIONS,
            "birth_date": "1989-01-18", "gravidity": 4, "parity": 2, "gestation_weeks": 38,
            "gestation_days": 6, "height_cm": 159, "weight_kg": 58, "fetuses": 1,
            "presentation": "cephalic", "estimated_fetal_weight_g": 3200, "previous_caesareans": 0,
            "previous_pph": "pph_1000", "placenta": "normal", "onset": "spontaneous", "haemoglobin": 9.6,
            "haemoglobin_at": "2025-03-14T08:10:00+00:00", "platelets": 164,
            "platelets_at": "2025-03-14T08:10:00+00:00", "fibrinogen": 3.9,
            "fibrinogen_at": "2025-03-14T08:10:00+00:00",
        },
    ),
    "high_risk": (
        Text("Praevia after two caesareans", "Placenta prævia après deux césariennes"),
        {
            "admission_at": "2025-03-14T06:40:00+00:00",
            **NO_CONDITIONS,
            "antepartum_bleeding": "yes", "birth_date": "1986-06-02", "gravidity": 3, "parity": 2,
            "gestation_weeks": 36, "gestation_days": 2, "height_cm": 168, "weight_kg": 74, "fetuses": 1,
            "presentation": "breech", "estimated_fetal_weight_g": 2750, "previous_caesareans": 2,
            "previous_pph": "none", "placenta": "praevia", "onset": "planned_caesarean",
            "haemoglobin": 10.2, "haemoglobin_at": "2025-03-14T04:40:00+00:00", "platelets": 142,
            "platelets_at": "2025-03-14T04:40:00+00:00", "fibrinogen": 3.4,
            "fibrinogen_at": "2025-03-14T04:40:00+00:00", "aptt_ratio": 1.02,
            "aptt_ratio_at": "2025-03-14T04:40:00+00:00",
        },
    ),
    "twins": (
        Text("Twins after ART, pre-eclampsia", "Jumeaux après AMP, prééclampsie"),
        {
            "admission_at": "2025-03-14T05:40:00+00:00",
            **NO_CONDITIONS,
            "preeclampsia": "yes", "art": "yes", "birth_date": "1988-11-25", "gravidity": 1, "parity": 0,
            "gestation_weeks": 36, "gestation_days": 5, "height_cm": 171, "weight_kg": 68, "fetuses": 2,
            "presentation": "cephalic", "estimated_fetal_weight_g": 2600, "placenta": "normal",
            "onset": "induced", "induction_method": "prostaglandin", "haemoglobin": 11.0,
            "haemoglobin_at": "2025-03-10T11:40:00+00:00", "platelets": 128,
            "platelets_at": "2025-03-14T02:40:00+00:00",
        },
    ),
    "many_unknowns": (
        Text("Arrived without a record", "Arrivée sans dossier"),
        {
            "admission_at": "2025-03-14T09:10:00+00:00",
            "birth_date": "1997-02-09", "parity": 3, "fetuses": 1, "presentation": "cephalic",
            "antepartum_bleeding": "no", "previous_pph": "unknown", "fibroids": "unknown",
            "onset": "spontaneous",
        },
    ),
}  # fmt: skip

EXAMPLES: tuple[dict[str, Any], ...] = tuple(values for _, values in ADMISSIONS.values())


def as_of(values: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Return an example with its times moved so that the admission is at ``now`` (aware)."""
    moved = now.replace(second=0, microsecond=0) - datetime.fromisoformat(values["admission_at"])
    return {
        name: (datetime.fromisoformat(value) + moved).isoformat() if name.endswith("_at") else value
        for name, value in values.items()
    }


COMPARED = ("risk", "interval", "threshold", "flagged")
"""What of an answer is held against the stored one."""


def sources(package: Package, folder: Path) -> list[Source]:
    """Return the examples as the loader takes them; ``folder`` is not needed."""
    return [Source(values=values) for values in EXAMPLES]
