"""The list of who opened a record as a tagged, accessible PDF for the patient (PDF/UA-1)."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from django.utils import timezone

from patients import disclosure
from patients.disclosure import Access
from predictions.models import Disclosure
from predictions.outputs import disclosure_words as said
from predictions.outputs import wording
from predictions.outputs.disclosure_words import COLUMNS, EMERGENCY, when
from predictions.outputs.pdf_words import WORDS
from predictions.outputs.typeset import softened, typeset


def render(found: Disclosure) -> bytes:
    """Set the list."""
    with tempfile.TemporaryDirectory(prefix="disclosure-") as name:
        return typeset("disclosure.typ", content(found), Path(name), found.created_at)


def content(found: Disclosure) -> dict[str, Any]:
    """Return what the template shows, every text already in the language asked for."""
    language, patient = found.language, found.patient
    at = wording.moment(found.created_at, language)
    state = said.WRITTEN.format(at=at, who="{who}").to(language)
    return {
        "language": language,
        "words": {key: text.to(language) for key, text in (WORDS | COLUMNS).items()},
        "title": said.TITLE.to(language),
        "short_state": wording.day(timezone.localdate(found.created_at), language),
        "state": state.format(who=disclosure.written_by(found.created_by).to(language)),
        "signed": True,
        "dissent": None,
        "notice": said.NOTICE.to(language),
        "patient": {
            "name": str(patient),
            "short_name": wording.shortened(str(patient)),
            "record_number": patient.record_number,
            "birth_date": wording.day(patient.birth_date, language),
            "invented": patient.invented,
        },
        "introduction": [text.to(language) for text in said.INTRODUCTION],
        "summary": summary(found),
        "emergency": EMERGENCY.to(language),
        "rows": [_row(access, language) for access in disclosure.accesses(patient.pk)],
    }


def summary(found: Disclosure) -> list[str]:
    """Return the sentences above the list."""
    whole = disclosure.summary(found.patient_id)
    if whole.first is None or whole.last is None:
        return [said.NOTHING.to(found.language)]
    counted = said.SUMMARY.format(
        people=whole.people,
        accesses=whole.accesses,
        first=wording.day(whole.first, found.language),
        last=wording.day(whole.last, found.language),
    )
    sentences = [counted.to(found.language)]
    if whole.emergencies:
        sentences.append(said.EMERGENCIES.format(n=whole.emergencies).to(found.language))
    return sentences


def _row(access: Access, language: str) -> dict[str, Any]:
    role = access.role.to(language) if access.role else ""
    return {
        "when": when(access, language),
        "who": softened(access.who.to(language)),
        "role": role,
        "what": access.what.to(language),
        "times": str(access.times),
        "emergency": access.emergency,
    }
