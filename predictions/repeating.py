"""Erasures once more, after a restore: what two persons agreed on before is not asked for again."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from clinic.accounts.models import User
from clinic.audit.models import Action
from clinic.audit.recording import record
from patients import erasure as erasures
from patients.erasure import Subject
from patients.erasure_list import Entry
from patients.models import Erasure, ErasureState, Patient
from predictions import erasing
from predictions.models import Study

GONE, ERASED, HELD, WAITS, NOBODY = "not here", "erased", "legal hold", "waits", "staff unknown"


def subject_of(entry: Entry) -> Subject | None:
    """Return what of this database an erasure was of, ``None`` where it holds nothing of it."""
    patient = next((pk for pk in Patient.objects.values_list("pk", flat=True) if entry.is_record(pk)), None)
    if patient is None or entry.study is None:
        return Subject(patient) if patient else None
    of_record = Study.objects.filter(patient=patient).values_list("pk", flat=True)
    study = next((pk for pk in of_record if entry.is_study(pk)), None)
    return Subject(patient, study) if study else None


def repeat(entry: Entry) -> str:
    """Erase again what a restored database still holds; return what became of it.

    Returns
    -------
    str
        One of the words above: nothing of it is here, it is erased, a legal hold stands, an analysis still
        runs, or the two persons who agreed are not both in this database.
    """
    subject = subject_of(entry)
    if subject is None:
        return GONE
    if erasures.held(subject.patient).exists():
        return HELD
    if erasures.busy(subject):
        return WAITS
    people = {
        one.username: one for one in User.objects.filter(username__in=(entry.requested_by, entry.decided_by))
    }
    if len(people) < 2:
        return NOBODY
    again = _approved(entry, subject, people)
    erasing.work(again)
    return ERASED if Erasure.objects.get(pk=again).state == ErasureState.DONE else WAITS


@transaction.atomic
def _approved(entry: Entry, subject: Subject, people: dict[str, User]) -> UUID:
    """Put the erasure back to where two persons had agreed on it; others of the record make room."""
    others = Erasure.objects.filter(patient=subject.patient, state__in=erasures.OPEN).exclude(
        pk=entry.erasure
    )
    others.update(state=ErasureState.WITHDRAWN)
    said = entry.certificate
    Erasure.objects.update_or_create(
        pk=entry.erasure,
        defaults={
            "patient": subject.patient,
            "study": subject.study,
            "ground": said["ground"],
            "state": ErasureState.APPROVED,
            "requested_by": people[entry.requested_by],
            "requested_at": parse_datetime(said["requested"]["at"]),
            "decided_by": people[entry.decided_by],
            "decided_at": parse_datetime(said["decided"]["at"]),
            # Its export was taken out before it was erased the first time.
            "content": erasures.fingerprint(subject),
            "sent_at": timezone.now(),
        },
    )
    record(
        Action.APPROVE, patient=subject.patient, study=subject.study, kind=erasures.KIND,
        object_id=str(entry.erasure), detail={"why": "repeated after a restore"},
    )  # fmt: skip
    return entry.erasure
