"""The list of who opened a record as a tagged, accessible PDF for the patient (PDF/UA-1)."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from ml.contracts import Text
from patients import disclosure
from patients.disclosure import Access
from predictions.models import Disclosure
from predictions.outputs import wording
from predictions.outputs.pdf_words import WORDS
from predictions.outputs.typeset import softened, typeset

TITLE = Text("Who opened your record", "Qui a consulté votre dossier")
NOTICE = Text(
    "Access list, right of access (GDPR, article 15)", "Liste des accès, droit d’accès (RGPD, article 15)"
)
WRITTEN = Text("Written on {at} by {who}", "Établie le {at} par {who}")
INTRODUCTION = (
    Text(
        "You have the right to know who used your data. This list shows everybody who opened, changed or "
        "tried "
        "to open your record in Vigie, the software that helps with your examinations, and what Vigie did by "
        "itself. Other software of the hospital keeps lists of its own.",
        "Vous avez le droit de savoir qui a utilisé vos données. Cette liste indique toutes les personnes "
        "qui "
        "ont ouvert, modifié ou tenté d’ouvrir votre dossier dans Vigie, le logiciel d’aide à l’analyse de "
        "vos "
        "examens, ainsi que ce que Vigie a fait automatiquement. Les autres logiciels de l’hôpital tiennent "
        "leurs propres listes.",
    ),
    Text(
        "The times are those of the hospital. What one person did several times in a day stands in one "
        "line. If "
        "you do not understand an access, or think it was not justified, ask the hospital’s data protection "
        "officer.",
        "Les heures sont celles de l’hôpital. Ce qu’une personne a fait plusieurs fois dans la journée "
        "figure "
        "sur une seule ligne. Si un accès vous surprend ou vous paraît injustifié, adressez-vous au "
        "délégué à "
        "la protection des données de l’hôpital.",
    ),
)
SUMMARY = Text(
    "{people} people, {accesses} accesses from {first} to {last}",
    "{people} personnes, {accesses} accès du {first} au {last}",
)
NOTHING = Text("Nobody opened this record.", "Personne n’a consulté ce dossier.")
EMERGENCIES = Text(
    "Opened in an emergency, outside the usual rules: {n}. These lines are marked.",
    "Ouvertures en urgence, hors des règles habituelles : {n}. Ces lignes sont signalées.",
)
EMERGENCY = Text("EMERGENCY", "URGENCE")
COLUMNS = {
    "when": Text("When", "Quand"),
    "who": Text("Who", "Qui"),
    "what": Text("What", "Quoi"),
    "times": Text("Times", "Fois"),
}


def render(found: Disclosure) -> bytes:
    """Set the list."""
    with tempfile.TemporaryDirectory(prefix="disclosure-") as name:
        return typeset("disclosure.typ", content(found), Path(name), found.created_at)


def content(found: Disclosure) -> dict[str, Any]:
    """Return what the template shows, every text already in the language asked for."""
    language, patient = found.language, found.patient
    at = wording.moment(found.created_at, language)
    state = WRITTEN.format(at=at, who="{who}").to(language)
    return {
        "language": language,
        "words": {key: text.to(language) for key, text in (WORDS | COLUMNS).items()},
        "title": TITLE.to(language),
        "short_state": wording.day(found.created_at.date(), language),
        "state": state.format(who=disclosure.written_by(found.created_by).to(language)),
        "signed": True,
        "dissent": None,
        "notice": NOTICE.to(language),
        "patient": {
            "name": str(patient),
            "short_name": wording.shortened(str(patient)),
            "record_number": patient.record_number,
            "birth_date": wording.day(patient.birth_date, language),
            "invented": patient.invented,
        },
        "introduction": [text.to(language) for text in INTRODUCTION],
        "summary": summary(found),
        "emergency": EMERGENCY.to(language),
        "rows": [_row(access, language) for access in disclosure.accesses(patient.pk)],
    }


def summary(found: Disclosure) -> list[str]:
    """Return the sentences above the list."""
    whole = disclosure.summary(found.patient_id)
    if whole.first is None or whole.last is None:
        return [NOTHING.to(found.language)]
    said = SUMMARY.format(
        people=whole.people,
        accesses=whole.accesses,
        first=wording.day(whole.first, found.language),
        last=wording.day(whole.last, found.language),
    )
    sentences = [said.to(found.language)]
    if whole.emergencies:
        sentences.append(EMERGENCIES.format(n=whole.emergencies).to(found.language))
    return sentences


def when(access: Access, language: str) -> str:
    """Write when it was: a moment, or from when to when on one day."""
    until = "" if f"{access.first:%H:%M}" == f"{access.last:%H:%M}" else f" – {access.last:%H:%M}"
    return wording.moment(access.first, language) + until


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
