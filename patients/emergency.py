"""Emergency access: one record, one person, four hours, with a reason that the unit's lead is told.

It opens the record for reading, and for studies and stays in the person's own units; what lasts beyond it
(identity, units, signatures, erasure) stays with those whose unit has the patient: ``patients.access``.
"""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.functional import Promise

from clinic.accounts import notices
from clinic.accounts.models import User
from clinic.accounts.roles import Scope
from clinic.audit.models import Action
from clinic.audit.recording import record
from ml.contracts import Text
from patients.folding import fold
from patients.models import EmergencyAccess, EmergencyReason, Patient

LASTS = timedelta(hours=4)
WORDS, DIFFERENT_LETTERS = 2, 5


def says_something(reason: str) -> bool:
    """Return whether a reason is two words at least, and not one key held down; no more is asked at 3 a.m."""
    words = [word for word in fold(reason).split() if word.isalpha() and len(word) > 1]
    return len(words) >= WORDS and len(set("".join(words))) >= DIFFERENT_LETTERS


def running(user: User) -> QuerySet[EmergencyAccess]:
    """Return the emergency accesses that open records to ``user`` now.

    A person confirms an emergency, and so does a program with a token of that scope: to any other token of
    theirs, whoever holds it, what they opened stays closed.
    """
    if user.token_scopes is not None and Scope.EMERGENCY not in user.token_scopes:
        return EmergencyAccess.objects.none()
    return _running(user)


def _running(user: User) -> QuerySet[EmergencyAccess]:
    now = timezone.now()
    return EmergencyAccess.objects.filter(user=user, ended_at=None, opened_at__lte=now, expires_at__gt=now)


def current(user: User, patient: Patient | UUID) -> EmergencyAccess | None:
    """Return the emergency access by which ``user`` has the record of ``patient`` open, if any."""
    key = patient.pk if isinstance(patient, Patient) else patient
    return running(user).filter(patient=key).order_by("-expires_at").first()


def mark(user: User, patient: UUID) -> UUID | None:
    """Return the id of that access, for the audit, whatever they came with; ``None`` without one."""
    return _running(user).filter(patient=patient).values_list("pk", flat=True).first()


def marks(user: User) -> dict[UUID, UUID]:
    """Return the ids of all these accesses, by patient: for a list that shows several."""
    return dict(_running(user).values_list("patient", "pk"))


def find(
    *, record_number: str = "", family_name: str = "", given_name: str = "", birth_date: date | None = None
) -> Patient | None:
    """Return the one patient of the hospital with exactly that record number, or that name and birth date.

    Accents and case aside. Nobody is returned when several match: a list would be a way to browse.
    """
    if record_number:
        found = Patient.objects.filter(record_number__iexact=record_number.strip())
        if birth_date:
            found = found.filter(birth_date=birth_date)
    elif family_name and given_name and birth_date:
        exact = fold(f"{family_name} {given_name}")
        found = Patient.objects.filter(search_name=exact, birth_date=birth_date)
    else:
        return None
    matching = list(found[:2])
    return matching[0] if len(matching) == 1 else None


@transaction.atomic
def open(
    user: User, patient: Patient, reason: str, *, category: str = EmergencyReason.OTHER
) -> EmergencyAccess:
    """Open a record for four hours and tell the leads of its units; what is open already stays as it is.

    Raises
    ------
    ValueError
        For a person who cares for no patients, an empty reason or an unknown category; the form looks first.
    """
    if not user.clinical or not reason.strip() or category not in EmergencyReason.values:
        raise ValueError("an emergency access needs clinical staff, a reason and a known category")
    # The row of the person is the lock: two requests at once would open, and tell, twice.
    User.objects.select_for_update().get(pk=user.pk)
    if (there := current(user, patient)) is not None:
        return there
    now = timezone.now()
    access = EmergencyAccess.objects.create(
        user=user,
        patient=patient,
        category=category,
        reason=" ".join(reason.split()),
        opened_at=now,
        expires_at=now + LASTS,
    )
    record(
        Action.BREAK_GLASS,
        actor=user,
        patient=patient.pk,
        kind="patient",
        object_id=str(access.pk),
        detail={"category": category, "reason": access.reason, "until": access.expires_at},
    )
    _tell(access)
    return access


@transaction.atomic
def end(access: EmergencyAccess) -> bool:
    """End an access before its time; return whether it still ran."""
    now = timezone.now()
    open_still = Q(pk=access.pk, ended_at=None, expires_at__gt=now)
    event = {
        "actor": access.user,
        "patient": access.patient_id,
        "kind": "patient",
        "object_id": str(access.pk),
    }
    if not EmergencyAccess.objects.select_for_update().filter(open_still).exists():
        return False
    record(Action.END_ACCESS, **event)
    EmergencyAccess.objects.filter(open_still).update(ended_at=now)
    return True


def _tell(access: EmergencyAccess) -> None:
    """Tell the leads of the patient's units; managers, who see no patients, are led to the audit.

    The typed reason may name the patient, so it stays with the record, where the notice leads.
    """
    who, why = access.user.label, _in_both(EmergencyReason(access.category).label)
    text = Text(
        f"{who} opened a record of your unit in an emergency, for four hours. Reason: {why.en}.",
        f"{who} a ouvert en urgence un dossier de votre unité, pour quatre heures. Motif : {why.fr}.",
    )
    people = [person for person in notices.leads(access.patient.units.all()) if person != access.user]
    for clinical, page in ((True, "patient"), (False, "audit_patient")):
        notices.notify(
            [person for person in people if person.clinical == clinical],
            text,
            link=reverse(page, args=[access.patient_id]),
            about=f"patient:{access.patient_id}",
        )


def _in_both(label: Promise) -> Text:
    with translation.override("en"):
        english = str(label)
    with translation.override("fr"):
        return Text(english, str(label))


def lately(patient: Patient) -> QuerySet[EmergencyAccess]:
    """Return the latest emergency accesses to a record, for those who answer for it."""
    return patient.emergencies.select_related("user").order_by("-opened_at")[:10]
