"""A study for research: what was sent in and what came of it, in a ZIP that names nobody.

Images by PS3.15 (``ml.algorithms.chest_xray.deidentify``), recordings without a name in header or notes
(``ml.algorithms.sleep.anonymous``), the answers of a form without dates and free text, the result in numbers.
The pseudonym of a patient is the same in two exports only where the site set a research key.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import secrets
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, BinaryIO

import numpy as np
from django.conf import settings

from ml.algorithms.chest_xray import deidentify
from ml.algorithms.chest_xray.deidentify import Pseudonym
from ml.algorithms.sleep import anonymous, edf_header, identity
from ml.contracts import Contract, FieldKind, Problem, Refused, Severity, Text
from patients.validators import completed_years
from predictions import verdicts
from predictions.archive import Archive
from predictions.models import StudyFile
from predictions.outputs.facts import Facts
from predictions.storage import storage

FORMAT = "vigie-deidentified/1"
SHIFTED = "shifted"
LONGEST_SHIFT = 365
OLDEST = 89
NPZ = b"PK"
ARRAYS = ("features", "labels")
PLAIN = (FieldKind.NUMBER, FieldKind.INTEGER, FieldKind.CHOICE, FieldKind.TERNARY)
# What of a result is numbers and words of ours; everything else stays in the house.
RESULT = {
    "haemorrhage": ("risk",),
    "chest_xray": ("label", "probability"),
    "sleep": ("stages", "epoch_seconds"),
}
OF_IMAGES = ("number", "role", "view", "accepted", "label", "probability")
TIME_OF_DAY = Problem(
    "time_of_day",
    Text(
        "The recording keeps its time of day; its date is gone.",
        "L’enregistrement garde son heure ; sa date a disparu.",
    ),
    severity=Severity.WARN,
)


def render(facts: Facts, target: BinaryIO) -> None:
    """Write the ZIP; an image that says that text is burnt in is left out, and the manifest says so."""
    pseudonym = pseudonym_of(str(facts.study.patient_id))
    with Archive(target, _about(facts, pseudonym)) as archive:
        for file in facts.study.files.all():
            _put_file(facts, file, pseudonym, archive)
        if facts.study.values:
            born, at = facts.patient.birth_date, facts.study.submitted_at.date()
            archive.put("form.json", form(facts.contract, facts.study.values, born, at, pseudonym))
        archive.put("result.json", _result(facts))


def pseudonym_of(patient: str, key: bytes = b"") -> Pseudonym:
    """Return who a patient is called in an export.

    With a research key of the site it is the same each time; without one, nobody can tell that two exports
    are of one patient, nor can the site.

    Parameters
    ----------
    key
        Makes it the same wherever this is given, for exports that belong together.
    """
    key = key or settings.RESEARCH_KEY.encode() or secrets.token_bytes(32)
    own = hmac.new(key, b"patient" + patient.encode(), hashlib.sha256).digest()
    name = "VG-" + base64.b32encode(own[:8]).decode().rstrip("=")
    shift = -1 - int.from_bytes(own[8:12]) % LONGEST_SHIFT
    shifted = settings.RESEARCH_DATES == SHIFTED
    return Pseudonym(name, hmac.new(own, b"uid", hashlib.sha256).digest(), shift if shifted else None)


def form(
    contract: Contract, values: Mapping[str, Any], birth_date: date, at: date, pseudonym: Pseudonym
) -> dict[str, Any]:
    """Return the answers of a form: numbers and choices as they are, moments moved or gone, no free text."""
    kept: dict[str, Any] = {"age_years": _age(birth_date, at)}
    for field in contract.fields:
        value = values.get(field.name)
        if value is None or field.name == "birth_date":
            continue
        if field.kind in PLAIN:
            kept[field.name] = value
        elif field.kind in (FieldKind.DATE, FieldKind.DATETIME) and (moved := _moved(str(value), pseudonym)):
            kept[field.name] = moved
    return kept


def _age(birth_date: date, at: date) -> int | str:
    years = completed_years(birth_date, at)
    return f"{OLDEST + 1}+" if years > OLDEST else years


def _moved(written: str, pseudonym: Pseudonym) -> str:
    if pseudonym.shift_days is None:
        return ""
    try:
        return (datetime.fromisoformat(written) + timedelta(pseudonym.shift_days)).isoformat()
    except ValueError:
        return ""


def _about(facts: Facts, pseudonym: Pseudonym) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "subject": pseudonym.name,
        "linkable_by_the_site": bool(settings.RESEARCH_KEY),
        "dates": settings.RESEARCH_DATES,
        "algorithm": facts.study.algorithm,
        "package": {"version": facts.prediction.package_version, "sha256": facts.prediction.package_sha256},
        "sex": facts.patient.sex if facts.patient.sex in ("F", "M") else "",
        "note": Text(
            "Who gets this must not try to find out whom it is about. Look at every picture before it "
            "leaves.",
            "Le destinataire ne doit pas chercher à savoir de qui il s’agit. Regardez chaque image avant "
            "qu’elle ne sorte.",
        ).as_json(),
    }


def _put_file(facts: Facts, file: StudyFile, pseudonym: Pseudonym, archive: Archive) -> None:
    name = f"files/{file.number:02}"
    if facts.study.algorithm == "sleep":
        _put_recording(facts, file, name, archive)
        return
    with storage.open(file.name) as stream:
        content = stream.read()
    try:
        copied = deidentify.copy(content, pseudonym)
    except Refused as refusal:
        archive.left_out(name, refusal.problems[0].code)
        return
    warnings = [problem.as_json() for problem in copied.warnings]
    # What was searched for lettering; nothing where the pixels could not be read.
    said = {"removed": copied.removed, "lettering_searched": copied.looked_at, "warnings": warnings}
    archive.write(name + copied.suffix, copied.content, **said)


def _put_recording(facts: Facts, file: StudyFile, name: str, archive: Archive) -> None:
    with storage.open(file.name) as stream:
        head = stream.read(edf_header.MAIN_BYTES)
        if head.startswith(NPZ):
            stream.seek(0)
            archive.write(f"{name}.npz", _numbers(stream.read()))
            return
        header = edf_header.parse_main(head)
        named, patient = identity.of(header), facts.patient
        names = (
            patient.family_name, patient.given_name, patient.record_number,
            named.family_name, named.given_name, named.record_number,
        )  # fmt: skip
        suffix = ".bdf" if header.width == 3 else ".edf"
        with archive.entry(name + suffix, warnings=[TIME_OF_DAY.as_json()]) as entry:
            anonymous.copy(stream, entry, hide_date=True, names=names, strict=True)


def _numbers(content: bytes) -> bytes:
    """Return the arrays of a night of band powers and nothing else: the name of an array is free text too."""
    stream = io.BytesIO()
    with np.load(io.BytesIO(content), allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files if name in ARRAYS}
    np.savez(stream, **{name: array for name, array in arrays.items() if array.dtype.kind in "biuf"})
    return stream.getvalue()


def _result(facts: Facts) -> dict[str, Any]:
    shown = RESULT.get(facts.study.algorithm, ())
    found = {name: facts.result[name] for name in shown if name in facts.result}
    if images := facts.result.get("images"):
        found["images"] = [{name: image.get(name) for name in OF_IMAGES} for image in images]
    signed = facts.study.signatures.select_related("review", "hypnogram").last()
    if signed is not None:
        found["signed"] = {
            "verdict": verdicts.code(signed.review),
            "reason": verdicts.reason_code(signed.review),
        }
        if signed.hypnogram:
            found["signed"]["stages"] = signed.hypnogram.content.get("stages")
    return found
