"""A night as EDF+ annotations ("Sleep stage W", "Lights off", "EEG arousal"), for any polysomnogram reader.

Two sets in one file: what is reported, in the standard texts, and the model's draft, each of its texts
beginning with "AI draft" so that no reader takes it for the hypnogram. While nobody scored the night there is
one set, and the recording field says that it is a draft. What was screened begins with "AI screening". The
header names the patient as EDF+ asks (code, sex, birth date, name), in ASCII, within 80 characters.
"""

from __future__ import annotations

import io
import re
import unicodedata
from collections.abc import Iterator, Sequence
from datetime import date, datetime

import edfio

from ml.contracts import Problem, Refused, Text
from patients.models import Patient
from predictions.outputs import night as nights
from predictions.outputs.facts import Facts
from predictions.outputs.night import Mark, Night

# EDF+ gives the patient field 80 characters; what the code, sex and birth date leave goes to the name.
PATIENT_CHARACTERS = 80
EDF_SEX = {"F": "F", "M": "M"}
FIRST_YEAR, LAST_YEAR = 1985, 2084
# Bytes that EDF+ keeps for itself inside an annotation; a comment may hold lines and tabs.
RESERVED = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")

# Standard texts of https://edfplus.info/specs/edftexts.html, the last two of ours.
STAGE, LIGHTS_OFF, LIGHTS_ON, AROUSAL = "Sleep stage {}", "Lights off", "Lights on", "EEG arousal"
ARTEFACT, COMMENT, DRAFT = "Artefact", "Comment: {}", "AI draft: {}"
SCREENED = "AI screening: {}"
FALL = "Oxygen desaturation"
FLOW = {"apnoea": "Apnea", "hypopnoea": "Hypopnea", "reduction": "Flow reduction"}

NO_NIGHT = Problem(
    "no_hypnogram",
    Text("This result has no stages to write out.", "Ce résultat n’a pas de stades à exporter."),
)


def render(facts: Facts) -> bytes:
    """Write the night; the recording field says whether it is signed, and who staged it.

    Raises
    ------
    ml.contracts.Refused
        When the result is not a night.
    """
    if not facts.result.get("stages"):
        raise Refused(NO_NIGHT)
    night = nights.of(facts)
    start = _start(night)
    written = edfio.Edf(
        signals=[],
        patient=_patient(facts.patient),
        recording=edfio.Recording(
            startdate=start.date() if start else None, equipment_code="Vigie", additional=_said(night)
        ),
        starttime=start.time() if start else None,
        annotations=sorted(_annotations(night), key=lambda one: one.onset),
    )
    stream = io.BytesIO()
    written.write(stream)
    return stream.getvalue()


def _said(night: Night) -> tuple[str, ...]:
    """Return what the recording field says: signed or draft, staged by whom, simulated."""
    signature = night.facts.signature
    if signature:
        state = f"signed_v{signature.version}"
    else:
        state = "scored_not_signed" if night.scored else "AI_draft_not_signed"
    staged = ("scored_by_a_person",) if night.scored else ("staged_by_AI",)
    return (state, *staged, *(("simulated",) if night.result.get("simulated") else ()))


def _annotations(night: Night) -> Iterator[edfio.EdfAnnotation]:
    """Yield the reported set and, where a person scored, the draft."""
    seconds = night.seconds
    for epoch, stage in enumerate(night.stages):
        yield edfio.EdfAnnotation(epoch * seconds, seconds, STAGE.format(stage))
    for at, text in ((night.lights_off, LIGHTS_OFF), (night.lights_on, LIGHTS_ON)):
        if at is not None:
            yield edfio.EdfAnnotation(_exact(at), None, text)
    yield from _marks(night.arousals, AROUSAL)
    yield from _marks(night.artefacts, ARTEFACT)
    for epoch, text in night.comments:
        # Behind a word of ours: a comment that reads "Sleep stage N3" must not be taken for a stage.
        yield edfio.EdfAnnotation(epoch * seconds, None, COMMENT.format(RESERVED.sub(" ", text)))
    yield from _marks(night.falls, SCREENED.format(FALL))
    for kind, marks in night.pauses.items():
        yield from _marks(marks, SCREENED.format(FLOW.get(kind, kind)))
    if night.scored:
        for stage, first, count in nights.runs(night.draft):
            text = DRAFT.format(STAGE.format(stage))
            yield edfio.EdfAnnotation(first * seconds, count * seconds, text)


def _marks(marks: Sequence[Mark], text: str) -> Iterator[edfio.EdfAnnotation]:
    for mark in marks:
        yield edfio.EdfAnnotation(_exact(mark.onset), _exact(mark.seconds), text)


def _exact(seconds: float) -> float:
    """Return a time to the millisecond: nobody marks finer, and every reader shows as many digits."""
    return round(seconds, 3)


def _start(night: Night) -> datetime | None:
    """Return when the recording began, as far as EDF can hold it (whole seconds, 1985 to 2084)."""
    start = night.start.replace(microsecond=0) if night.start else None
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
