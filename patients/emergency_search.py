"""Whose record somebody opens in an emergency: exactly one patient, or nobody, with a limit to guessing.

The page and the API ask here alike. Only searches that found nobody are counted: a night with twenty injured
is no guessing, and a genuine opening takes no attempt away from the next.
"""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from clinic.accounts import notices, throttles
from clinic.accounts.models import User
from clinic.audit.models import Action
from clinic.audit.recording import record
from ml.contracts import Problem, Refused, Text
from patients import emergency
from patients.models import EmergencyAccess, Patient

IDENTITY = ("record_number", "family_name", "given_name", "birth_date")
# Somebody in an emergency mistypes a number twice; whoever finds nobody eleven times seeks something else.
MOST_ATTEMPTS, ATTEMPT_SECONDS = 10, 3600
SHORTEST_REASON = 10
# So many openings within the hour stop nobody, and are worth a look.
MANY_OPENINGS = 10
NOBODY = Problem(
    "nobody_matches",
    Text(
        "Nobody matches exactly. Check the number, or the spelling of the name and the birth date.",
        "Aucun patient ne correspond exactement. Vérifiez le numéro, ou l’orthographe du nom et la date de "
        "naissance.",
    ),
)
STOPPED = Problem(
    "too_many_attempts",
    Text(
        "Too many attempts within an hour. Call the unit that cares for the patient.",
        "Trop de tentatives en une heure. Appelez l’unité qui prend en charge le patient.",
    ),
)
INCOMPLETE = Problem(
    "identity_incomplete",
    Text(
        "Type the whole record number, or family name, given name and birth date.",
        "Saisissez le numéro de dossier complet, ou le nom, le prénom et la date de naissance.",
    ),
)
EMPTY_REASON = Problem(
    "reason_says_nothing",
    Text(
        "Say it in a few words, for the unit’s lead who will read it: what happened, or who called you.",
        "Dites-le en quelques mots, pour le responsable de l’unité qui le lira : ce qui s’est passé, ou qui "
        "vous a appelé.",
    ),
    field="reason",
)
GUESSED = Text(
    "{name} tried to open records in an emergency more than 10 times within an hour. See the audit.",
    "{name} a tenté plus de 10 fois en une heure d’ouvrir un dossier en urgence. Voyez le journal.",
)
MANY = Text(
    "{name} has opened 10 records in an emergency within an hour. Nobody was stopped; see the audit.",
    "{name} a ouvert 10 dossiers en urgence en une heure. Rien n’a été bloqué ; voyez le journal.",
)


def check(identity: dict[str, Any], reason: str) -> list[Problem]:
    """Return what is wrong with a request before anybody is looked for."""
    named = identity.get("family_name") and identity.get("given_name") and identity.get("birth_date")
    problems = [] if identity.get("record_number") or named else [INCOMPLETE]
    return problems if emergency.says_something(reason) else [*problems, EMPTY_REASON]


def the_patient(user: User, identity: dict[str, Any]) -> Patient:
    """Return the one patient with that whole identity. Not for use within a transaction.

    Raises
    ------
    Refused
        When nobody, or more than one, has it; when too many such searches found nobody. Both are recorded.
    """
    key = str(user.pk)
    # Counted before it is looked at, so that attempts made at once cannot all pass; given back if it finds.
    tried = throttles.count("emergency", key, ATTEMPT_SECONDS)
    if tried > MOST_ATTEMPTS:
        if tried == MOST_ATTEMPTS + 1:
            record(Action.LOCK, actor=user, kind="emergency", detail={"attempts": MOST_ATTEMPTS})
            _alarm(user, GUESSED)
        raise Refused(STOPPED)
    patient = emergency.find(**identity)
    if patient is None:
        record(Action.SEARCH, actor=user, kind="emergency", detail=identity | {"found": []})
        raise Refused(NOBODY)
    throttles.give_back("emergency", key)
    return patient


def opened(user: User, patient: Patient, reason: str, category: str) -> EmergencyAccess:
    """Open the record for four hours, and tell the administrators of a remarkable number of openings."""
    there = emergency.current(user, patient)
    access = there or emergency.open(user, patient, reason, category=category)
    if there is None:
        number = throttles.count("emergency opening", str(user.pk), ATTEMPT_SECONDS)
        if number == MANY_OPENINGS:
            _alarm(user, MANY)
    return access


def _alarm(user: User, text: Text) -> None:
    page = reverse("audit_person", args=[user.pk])
    notices.notify(notices.administrators(), text.format(name=user.label), link=page)
