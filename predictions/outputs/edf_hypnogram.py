"""A night's stages as EDF+ annotations ("Sleep stage W"), for any reader of polysomnograms.

The header names the patient as EDF+ asks (code, sex, birth date, name), in ASCII, within 80 characters.
"""

from __future__ import annotations

import io
import re
import unicodedata
from datetime import date, datetime

import edfio

from ml.contracts import Problem, Refused, Text
from patients.models import Patient
from predictions.outputs.facts import Facts

# EDF+ gives the patient field 80 characters; what the code, sex and birth date leave goes to the name.
PATIENT_CHARACTERS = 80
EDF_SEX = {"F": "F", "M": "M"}
FIRST_YEAR, LAST_YEAR = 1985, 2084

NO_NIGHT = Problem(
    "no_hypnogram",
    Text("This result has no stages to write out.", "Ce résultat n’a pas de stades à exporter."),
)


def render(facts: Facts) -> bytes:
    """Write the hypnogram; the recording field says whether it is an unsigned draft.

    Raises
    ------
    ml.contracts.Refused
        When the result is not a night.
    """
    if not facts.result.get("stages"):
        raise Refused(NO_NIGHT)
    start = _start(facts)
    state = f"signed_v{facts.signature.version}" if facts.signature else "AI_draft_not_signed"
    simulated = ("simulated",) if facts.result.get("simulated") else ()
    hypnogram = edfio.Edf(
        signals=[],
        patient=_patient(facts.patient),
        recording=edfio.Recording(
            startdate=start.date() if start else None, equipment_code="Vigie", additional=(state, *simulated)
        ),
        starttime=start.time() if start else None,
        annotations=_annotations(facts),
    )
    stream = io.BytesIO()
    hypnogram.write(stream)
    return stream.getvalue()


def _annotations(facts: Facts) -> list[edfio.EdfAnnotation]:
    seconds = facts.result["epoch_seconds"]
    return [
        edfio.EdfAnnotation(index * seconds, seconds, f"Sleep stage {stage}")
        for index, stage in enumerate(facts.result["stages"])
    ]


def _start(facts: Facts) -> datetime | None:
    """Return when the recording began, as far as EDF can hold it (whole seconds, 1985 to 2084)."""
    said = facts.result.get("start")
    start = datetime.fromisoformat(said).replace(microsecond=0, tzinfo=None) if said else None
    return start if start and FIRST_YEAR <= start.year <= LAST_YEAR else None


def _patient(patient: Patient) -> edfio.Patient:
    code = ascii_word(patient.record_number) or "X"
    room = PATIENT_CHARACTERS - len(f"{code} F {_edf_day(patient.birth_date)} ")
    name = f"{ascii_word(patient.family_name)}_{ascii_word(patient.given_name)}".strip("_")
    return edfio.Patient(
        code=code,
        sex=EDF_SEX.get(patient.sex, "X"),
        birthdate=patient.birth_date,
        name=name[:room].rstrip("_") or "X",
    )


def _edf_day(value: date) -> str:
    return f"{value.day:02}-XXX-{value.year}"


def ascii_word(text: str) -> str:
    """Return a text without accents, other than ASCII characters dropped, spaces as underscores."""
    decomposed = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii")
    return re.sub(r"[^!-~]+", "_", decomposed.strip())
