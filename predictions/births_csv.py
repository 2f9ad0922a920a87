"""The wards' own births as the CSV a hospital model is trained with: what was known, and what was measured.

One row per birth whose blood loss is recorded, of mothers who were told and agree (``patients.consent``): the
answers of one assessment made before it, and the loss.
Nobody is named: a mother is a keyed hash of her record, the same for all her births here, her birth date is
an age, and no time of day is written.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml
from django.utils import timezone
from django.utils.crypto import salted_hmac

from clinic.audit.models import Action
from clinic.audit.recording import record
from ml import registry
from ml.contracts import Text
from patients import consent
from patients.models import Encounter
from patients.validators import completed_years
from predictions import outcomes
from predictions.models import BloodLoss, LossMethod, Study
from predictions.states import State

FIRST, LAST = "first", "last"
ANSWERED = (State.READY, State.SIGNED)
PSEUDONYM = "vigie.births_csv.mother"
PSEUDONYM_DIGITS = 16
# Field of the form or of the mapping, unit of the mapping; the column has the field's own name.
UNITS = {
    "mother": "",
    "admission_at": "",
    "age": "years",
    "gravidity": "",
    "parity": "before",
    "gestation_weeks": "weeks+days",
    "height_cm": "cm",
    "weight_kg": "kg",
    "fetuses": "",
    "estimated_fetal_weight_g": "g",
    "previous_caesareans": "",
    "previous_pph": "",
    "placenta": "",
    "antepartum_bleeding": "",
    "preeclampsia": "",
    "severe_preeclampsia": "",
    "gestational_hypertension": "",
    "gestational_diabetes": "",
    "polyhydramnios": "",
    "fibroids": "",
    "anticoagulant": "",
    "bleeding_disorder": "",
    "chorioamnionitis": "",
    "fetal_death": "",
    "art": "",
    "onset": "",
    "haemoglobin": "g/dL",
    "platelets": "G/L",
    "blood_loss_ml": "mL",
}
DEFINITION = Text(
    "Blood loss within 24 hours of the birth, as recorded on the ward ({methods})",
    "Pertes sanguines dans les 24 heures suivant l’accouchement, saisies dans le service ({methods})",
)


@dataclass(frozen=True, slots=True)
class Export:
    """A table of births and how to read it.

    Parameters
    ----------
    csv
        UTF-8, commas, decimal points.
    mapping
        ``mapping.yaml``: which column holds what, in which unit.
    births
        Rows.
    severe
        How many of them lost 1000 mL or more.
    left_out
        What is not in the table, by reason.
    """

    csv: str
    mapping: str
    births: int
    severe: int
    left_out: LeftOut


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What an export does not hold, so that nobody takes it for every birth.

    Parameters
    ----------
    unassessed
        Births with a blood loss and no assessment before it.
    unmeasured
        Assessed births without a blood loss.
    homeless
        Assessments that belong to no stay, so that no blood loss can be theirs.
    not_asked, refused, kept_back
        Births that could be in it, of mothers whom nobody asked, who refuse, and who are about to be erased
        or under a legal hold.
    """

    unassessed: int
    unmeasured: int
    homeless: int
    not_asked: int = 0
    refused: int = 0
    kept_back: int = 0

    def told(self) -> list[str]:
        """Say each reason that left something out, in English, as the command does."""
        reasons = (
            (self.unassessed, "with a blood loss but no assessment sent before it", "birth", "births"),
            (self.unmeasured, "with an assessment but no blood loss recorded", "birth", "births"),
            (self.homeless, "without a stay, so without a blood loss", "assessment", "assessments"),
            (self.not_asked, "of mothers whom nobody asked about research", "birth", "births"),
            (self.refused, "of mothers who refuse", "birth", "births"),
            (self.kept_back, "of mothers under a legal hold or about to be erased", "birth", "births"),
        )
        return [f"{counted(n, one, many)} {why}" for n, why, one, many in reasons if n]


def counted(number: int, one: str, many: str) -> str:
    """Write a number of things: "1 birth", "2 births"."""
    return f"{number} {one if number == 1 else many}"


def export(*, which: str = LAST, invented: bool = False) -> Export:
    """Write every birth with a blood loss and an assessment before it; each is recorded as taken out.

    Parameters
    ----------
    which
        ``"last"``: the answers nearest to the birth; ``"first"``: those at arrival.
    invented
        Whether the invented patients of the demo are written too.
    """
    rows, losses, patients = [], [], []
    why: Counter[str] = Counter()
    found = list(births(which, invented))
    barred = consent.barred(encounter.patient_id for encounter, _loss, _study in found)
    for encounter, loss, study in found:
        if study is None:
            why["unassessed"] += 1
        elif encounter.patient_id in barred:
            why[barred[encounter.patient_id]] += 1
        else:
            rows.append(row(study, loss, mother=pseudonym(encounter.patient_id)))
            losses.append(loss)
            patients.append(encounter.patient_id)
    made = Export(
        written(rows, list(UNITS)),
        mapping(losses),
        len(rows),
        sum(loss.severe for loss in losses),
        _left_out(why, invented),
    )
    _record(made, patients)
    return made


def written(rows: list[dict[str, Any]], columns: list[str]) -> str:
    """Return rows as CSV."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, fieldnames=columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _left_out(why: Counter[str], invented: bool) -> LeftOut:
    answered = Study.objects.filter(algorithm=outcomes.ALGORITHM, state__in=ANSWERED)
    if not invented:
        answered = answered.filter(patient__invented=False)
    unmeasured = answered.filter(encounter__isnull=False, encounter__blood_losses__isnull=True)
    return LeftOut(
        unassessed=why["unassessed"],
        not_asked=why[consent.UNASKED],
        refused=why[consent.REFUSED],
        kept_back=why[consent.HOLD] + why[consent.ERASURE],
        unmeasured=unmeasured.order_by().values("encounter").distinct().count(),
        homeless=answered.filter(encounter=None).count(),
    )


def births(which: str, invented: bool) -> Iterator[tuple[Encounter, BloodLoss, Study | None]]:
    """Yield every birth with a blood loss, and the assessment that goes with it, ``None`` without one."""
    stays = Encounter.objects.filter(blood_losses__isnull=False).distinct().order_by("started_at", "pk")
    if not invented:
        stays = stays.filter(patient__invented=False)
    for encounter in stays.select_related("patient").iterator(chunk_size=500):
        loss = encounter.blood_losses.last()
        before = encounter.studies.filter(
            algorithm=outcomes.ALGORITHM,
            state__in=ANSWERED,
            submitted_at__lt=outcomes.end_of_minute(loss.measured_at),
        ).order_by("submitted_at")
        yield encounter, loss, before.first() if which == FIRST else before.last()


def row(study: Study, loss: BloodLoss, *, mother: str, by_month: bool = False) -> dict[str, Any]:
    """Return one birth.

    Parameters
    ----------
    mother
        What stands for her.
    by_month
        Whether the day of admission becomes the first of its month.
    """
    values, patient = registry.door(outcomes.ALGORITHM, "contract").check(study.values)[0], study.patient
    day = timezone.localtime(values["admission_at"] or study.submitted_at).date()
    known = {name: values.get(name) for name in UNITS}
    known |= {
        "mother": mother,
        "admission_at": (day.replace(day=1) if by_month else day).isoformat(),
        "age": completed_years(patient.birth_date, day),
        "gestation_weeks": _gestation(values),
        "blood_loss_ml": loss.millilitres,
    }
    return {name: "" if value is None else value for name, value in known.items()}


def pseudonym(patient: Any) -> str:
    """Return what stands for a mother outside: the same for all her births, and nobody's without the key."""
    return salted_hmac(PSEUDONYM, str(patient), algorithm="sha256").hexdigest()[:PSEUDONYM_DIGITS]


def _gestation(values: Mapping[str, Any]) -> str | None:
    weeks, days = values.get("gestation_weeks"), values.get("gestation_days")
    if weeks is None:
        return None
    return f"{weeks}+{days or 0}"


def mapping(losses: list[BloodLoss]) -> str:
    """Return ``mapping.yaml``: which column holds what, and how the losses were measured."""
    counts = [(label, sum(loss.method == code for loss in losses)) for code, label in LossMethod.choices]
    methods = ", ".join(f"{label} {count}" for label, count in counts)
    columns = {name: {"column": name} | ({"unit": unit} if unit else {}) for name, unit in UNITS.items()}
    outcome = {"definition": DEFINITION.en.format(methods=methods), "window_hours": 24}
    return yaml.safe_dump({"columns": columns, "outcome": outcome}, allow_unicode=True, sort_keys=False)


def _record(made: Export, patients: list[Any]) -> None:
    sha256 = hashlib.sha256(made.csv.encode()).hexdigest()
    detail = {"births": made.births, "severe": made.severe, "sha256": sha256}
    record(Action.DOWNLOAD, kind="births", detail=detail)
    for patient in sorted(set(patients), key=str):
        record(Action.DOWNLOAD, patient=patient, kind="births", detail={"sha256": sha256})
