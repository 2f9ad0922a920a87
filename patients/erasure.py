"""Erasing a record: asked for by one person, approved by another, exported first, never under a legal hold.

What goes is said by named shredders, which every floor registers for its own rows (``AppConfig.ready``); a
worker has them do it (:mod:`predictions.erasing`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Model, QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise

from clinic.accounts import notices
from clinic.accounts.models import User
from clinic.audit.models import Action, Event
from clinic.audit.recording import record
from ml.contracts import Refused
from patients.erasure_access import may_decide
from patients.erasure_words import (
    ANOTHER_RELEASES,
    ASK_AGAIN,
    CHANGED,
    DECIDED,
    HELD,
    MOVED_ON,
    NO_GROUND,
    NO_REASON,
    NO_STUDY,
    NOT_TAKEN,
    OPEN_ALREADY,
    RELEASED_IT,
    SAME_PERSON,
    TO_DECIDE,
)
from patients.models import Erasure, ErasureState, LegalHold, Patient

KIND = "erasure"
"""In the audit, what such an event concerns."""
OPEN = (ErasureState.REQUESTED, ErasureState.APPROVED, ErasureState.ERASING, ErasureState.SHREDDING)


@dataclass(frozen=True, slots=True)
class Subject:
    """What is to be erased: a whole record, or one study of it."""

    patient: UUID
    study: UUID | None = None


@dataclass(frozen=True, slots=True)
class Amount:
    """How much a shredder would take."""

    rows: int
    files: int = 0
    size: int = 0


class Archive(Protocol):
    """Where an export is written."""

    def put(self, name: str, content: Any) -> None:
        """Add something that JSON can hold."""

    def copy(self, name: str, stored_name: str) -> bool:
        """Add a stored file; ``False`` when it does not open, which the manifest then says."""

    def write(self, name: str, content: bytes) -> None:
        """Add bytes."""


def nothing_to_export(subject: Subject, archive: Archive) -> None:
    """Add nothing: what it would hold is in the export of another shredder, or names nobody."""


@dataclass(frozen=True)
class Shredder:
    """One named kind of data and how it goes.

    Parameters
    ----------
    order
        Rows that refer to others go first.
    rows
        The rows of a subject, table by table, in the order in which they can be deleted.
    files
        Generated names of the files that go with them.
    models
        Every model whose rows it takes, for the test that no table was forgotten.
    before
        What has to be let go before the rows, such as a reference among themselves.
    busy
        Whether something is at work that would write into what is gone.
    """

    name: str
    title: str | Promise
    order: int
    rows: Callable[[Subject], Sequence[QuerySet[Any]]]
    models: tuple[type[Model], ...]
    files: Callable[[Subject], Iterable[tuple[str, int]]] = lambda subject: ()
    export: Callable[[Subject, Archive], None] = nothing_to_export
    before: Callable[[Subject], None] = lambda subject: None
    busy: Callable[[Subject], bool] = lambda subject: False

    def amount(self, subject: Subject) -> Amount:
        """Count what would go."""
        files = list(self.files(subject))
        return Amount(
            sum(rows.count() for rows in self.rows(subject)), len(files), sum(size for _name, size in files)
        )

    def shred(self, subject: Subject) -> Amount:
        """Delete the rows; the files follow once this is committed."""
        amount = self.amount(subject)
        self.before(subject)
        for rows in self.rows(subject):
            rows.delete()
        return amount


_shredders: dict[str, Shredder] = {}


def register(shredder: Shredder) -> None:
    """Add a shredder; called from ``AppConfig.ready``."""
    _shredders[shredder.name] = shredder


def shredders() -> list[Shredder]:
    """Return all shredders in the order they work."""
    return sorted(_shredders.values(), key=lambda one: one.order)


def preview(subject: Subject) -> list[tuple[Shredder, Amount]]:
    """Return what would go, and how much of it."""
    return [(shredder, shredder.amount(subject)) for shredder in shredders()]


def fingerprint(subject: Subject) -> str:
    """Return what tells one content of a record from another: SHA-256 over ids of rows and names of files."""
    running = hashlib.sha256()
    for shredder in shredders():
        for rows in shredder.rows(subject):
            ids = sorted(str(one) for one in rows.values_list("pk", flat=True))
            running.update(f"{shredder.name} {rows.model._meta.label} {' '.join(ids)}\n".encode())
        for name, size in sorted(shredder.files(subject)):
            running.update(f"{name} {size}\n".encode())
    return running.hexdigest()


def busy(subject: Subject) -> bool:
    """Return whether an erasure has to wait for something that is at work."""
    return any(shredder.busy(subject) for shredder in shredders())


def closed(patient_id: UUID) -> bool:
    """Return whether a record takes nothing new: its erasure was approved."""
    return Erasure.objects.filter(patient=patient_id, study=None, state__in=OPEN[1:]).exists()


def events_about(subject: Subject) -> int:
    """Count the audit events that stay, without their details."""
    about = {"study": subject.study} if subject.study else {"patient": subject.patient}
    return Event.objects.filter(**about).count()


def held(patient_id: UUID) -> QuerySet[LegalHold]:
    """Return the legal holds over a record that stand."""
    return LegalHold.objects.filter(patient=patient_id, released_at=None)


def open_erasure(patient_id: UUID) -> Erasure | None:
    """Return the erasure of a record that is under way."""
    return Erasure.objects.filter(patient=patient_id, state__in=OPEN).first()


def ask(
    *, user: User, patient: Patient, ground: str, reason: str, study: UUID | None = None, ours: Iterable[UUID]
) -> Erasure:
    """Ask for an erasure; its export is written at once, and those who may decide are told.

    Parameters
    ----------
    study
        One study, where not the whole record is to go.
    ours
        Studies of the record.

    Raises
    ------
    ml.contracts.Refused
        With every reason why not.
    """
    problems = [] if reason.strip() else [NO_REASON]
    problems += [] if ground in dict(Erasure._meta.get_field("ground").choices or ()) else [NO_GROUND]
    problems += [HELD] if held(patient.pk).exists() else []
    problems += [NO_STUDY] if study and study not in set(ours) else []
    if problems:
        raise Refused(*problems)
    try:
        with transaction.atomic():
            erasure = Erasure.objects.create(
                patient=patient.pk,
                study=study,
                ground=ground,
                reason=reason.strip()[:500],
                requested_by=user,
                requested_at=timezone.now(),
            )
            _record(Action.REQUEST, erasure, user, {"ground": ground, "reason": erasure.reason})
            people = {*notices.leads(patient.units.all()), *notices.administrators()} - {user}
            notices.notify(people, TO_DECIDE, link=reverse("erasure", args=[erasure.pk]))
    except IntegrityError as error:
        raise Refused(OPEN_ALREADY) from error
    return erasure


def approve(*, user: User, erasure: Erasure) -> None:
    """Agree as the second person; from here a worker erases.

    Raises
    ------
    ml.contracts.Refused
        When it is the same person, or the one who released a hold meanwhile; when a hold stands, the export
        was not taken or is not that of the record as it is now, or it is decided already.
    """
    if not may_decide(user, erasure):
        raise Refused(SAME_PERSON)
    if _released_since(user, erasure):
        raise Refused(RELEASED_IT)
    if held(erasure.patient).exists():
        raise Refused(HELD)
    if erasure.export_taken_at is None:
        raise Refused(NOT_TAKEN)
    if fingerprint(Subject(erasure.patient, erasure.study)) != erasure.content:
        export_again(erasure)
        raise Refused(CHANGED)
    _decide(erasure, ErasureState.APPROVED, Action.APPROVE, user)


def decline(*, user: User, erasure: Erasure) -> None:
    """Say no as the second person.

    Raises
    ------
    ml.contracts.Refused
        When it is the same person, or it is decided already.
    """
    if not may_decide(user, erasure):
        raise Refused(SAME_PERSON)
    _decide(erasure, ErasureState.DECLINED, Action.DECLINE, user)


def withdraw(*, user: User, erasure: Erasure) -> None:
    """Take back what one asked for.

    Raises
    ------
    ml.contracts.Refused
        When somebody else asked for it, or it is decided already.
    """
    if user.pk != erasure.requested_by_id:
        raise Refused(MOVED_ON)
    _decide(erasure, ErasureState.WITHDRAWN, Action.DECLINE, user)


def _released_since(user: User, erasure: Erasure) -> bool:
    """Whether ``user`` opened the way to what they would now decide."""
    since = LegalHold.objects.filter(patient=erasure.patient, released_at__gte=erasure.requested_at)
    return since.filter(released_by=user).exists()


def export_again(erasure: Erasure) -> None:
    """Have the export written anew, taken out and decided on: the record is not what it was."""
    before = Erasure.objects.filter(
        pk=erasure.pk, state__in=[ErasureState.REQUESTED, ErasureState.APPROVED]
    ).exclude(content="", state=ErasureState.REQUESTED)
    with transaction.atomic():
        if not before.update(
            state=ErasureState.REQUESTED, content="", export_taken_by=None, export_taken_at=None,
            decided_by=None, decided_at=None, sent_at=None,
        ):  # fmt: skip
            return
        _record(Action.REQUEST, erasure, None, {"why": "the record changed since its export"})
        link = reverse("erasure", args=[erasure.pk])
        notices.notify([erasure.requested_by], ASK_AGAIN, link=link)


def taken(*, user: User, erasure: Erasure) -> None:
    """Write down that somebody took this export out of the house, to its last byte."""
    same = Erasure.objects.filter(pk=erasure.pk, sha256=erasure.sha256, export_taken_at=None)
    same.exclude(content="").update(export_taken_by=user, export_taken_at=timezone.now())
    _record(Action.EXPORT, erasure, user, {"sha256": erasure.sha256, "size": erasure.size})


@transaction.atomic
def hold(*, user: User, patient: Patient, reason: str) -> LegalHold:
    """Put a record under a legal hold; an erasure that was approved and has not begun stops.

    Raises
    ------
    ml.contracts.Refused
        Without a reason.
    """
    if not reason.strip():
        raise Refused(NO_REASON)
    # The row of the patient is the lock: a hold comes before an erasure or finds nobody to protect.
    Patient.objects.select_for_update().get(pk=patient.pk)
    placed = LegalHold.objects.create(
        patient=patient, reason=reason.strip()[:500], placed_by=user, placed_at=timezone.now()
    )
    record(
        Action.HOLD, actor=user, patient=patient.pk, kind="hold", object_id=str(placed.pk),
        detail={"reason": placed.reason},
    )  # fmt: skip
    for erasure in Erasure.objects.filter(patient=patient.pk, state=ErasureState.APPROVED):
        stop(erasure)
    return placed


@transaction.atomic
def release(*, user: User, placed: LegalHold) -> None:
    """End a legal hold; what it stopped has to be asked for again.

    Raises
    ------
    ml.contracts.Refused
        When this person asked for an erasure of the record that waits, or that the hold stopped.
    """
    waiting = (ErasureState.REQUESTED, ErasureState.APPROVED, ErasureState.STOPPED)
    if Erasure.objects.filter(patient=placed.patient_id, requested_by=user, state__in=waiting).exists():
        raise Refused(ANOTHER_RELEASES)
    if placed.patient.holds.filter(pk=placed.pk, released_at=None).update(
        released_by=user, released_at=timezone.now()
    ):
        record(Action.RELEASE, actor=user, patient=placed.patient_id, kind="hold", object_id=str(placed.pk))


def stop(erasure: Erasure) -> None:
    """End an approved erasure that met a legal hold."""
    if Erasure.objects.filter(pk=erasure.pk, state=ErasureState.APPROVED).update(state=ErasureState.STOPPED):
        _record(Action.DECLINE, erasure, None, {"why": "legal hold"})


def certificate(erasure: Erasure) -> dict[str, Any]:
    """Return what is known of an erasure for good; it names nobody but staff."""
    return {
        "format": "vigie-erasure/1",
        "erasure": str(erasure.pk),
        "record": str(erasure.patient),
        "study": str(erasure.study) if erasure.study else None,
        "ground": erasure.ground,
        "state": erasure.state,
        "requested": {"by": erasure.requested_by.label, "at": erasure.requested_at.isoformat()},
        "decided": _who(erasure.decided_by, erasure.decided_at),
        "export": {"sha256": erasure.sha256, "size": erasure.size}
        | {"taken": _who(erasure.export_taken_by, erasure.export_taken_at)},
        "erased_at": erasure.erased_at.isoformat() if erasure.erased_at else None,
        "erased": erasure.log,
    }


def _who(user: User | None, at: Any) -> dict[str, str] | None:
    return {"by": user.label, "at": at.isoformat()} if user and at else None


def _decide(erasure: Erasure, state: ErasureState, action: Action, user: User) -> None:
    with transaction.atomic():
        waiting = Erasure.objects.filter(pk=erasure.pk, state=ErasureState.REQUESTED)
        if not waiting.update(state=state, decided_by=user, decided_at=timezone.now(), sent_at=None):
            raise Refused(MOVED_ON)
        _record(action, erasure, user, {"state": state})
        if state in DECIDED:
            link = reverse("erasure", args=[erasure.pk])
            notices.notify([erasure.requested_by], DECIDED[state], link=link)


def _record(action: Action, erasure: Erasure, user: User | None, detail: dict[str, Any]) -> None:
    record(
        action,
        actor=user,
        actor_label="" if user else "worker",
        patient=erasure.patient,
        study=erasure.study,
        kind=KIND,
        object_id=str(erasure.pk),
        detail=detail,
    )
