"""Who may ask for an erasure, follow it, decide on it, and hold or release a record."""

from __future__ import annotations

from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import Http404

from clinic.accounts.models import User
from clinic.accounts.roles import Role
from clinic.audit.models import Action
from clinic.audit.recording import record
from clinic.rules import Rule
from patients import access
from patients.models import Erasure, LegalHold

CUSTODIANS = frozenset({Role.PHYSICIAN, Role.RADIOLOGIST})


def may_ask(user: User, patient_id: UUID) -> bool:
    """Return whether ``user`` answers for the record: a physician, or a lead of one of its units."""
    if not access.answers_for(user, patient_id):
        return False
    return user.role in CUSTODIANS or user.leads.filter(patients=patient_id).exists()


def may_see(user: User, erasure: Erasure) -> bool:
    """Return whether ``user`` may follow an erasure: administrators, and who answers for the record."""
    own = user.pk in (erasure.requested_by_id, erasure.decided_by_id)
    return own or user.role == Role.ADMIN or may_ask(user, erasure.patient)


def may_decide(user: User, erasure: Erasure) -> bool:
    """Return whether ``user`` may be the second person: an administrator, or a lead of one of the units."""
    if user.pk == erasure.requested_by_id or not user.is_active:
        return False
    return user.role == Role.ADMIN or (
        may_ask(user, erasure.patient) and user.leads.filter(patients=erasure.patient).exists()
    )


def may_release(user: User, placed: LegalHold) -> bool:
    """Return whether ``user`` may end a legal hold: an administrator, or a lead of one of the units."""
    return user.role == Role.ADMIN or user.leads.filter(patients=placed.patient_id).exists()


def find_or_404(user: User, erasure_id: UUID) -> Erasure:
    """Return an erasure that ``user`` may follow, or refuse as if there were none; recorded.

    Raises
    ------
    Http404
        When there is none, or none for them.
    """
    erasure = Erasure.objects.select_related("requested_by", "decided_by", "export_taken_by").filter(
        pk=erasure_id
    )
    found = erasure.first()
    if found is None or not may_see(user, found):
        _refused(user, found.patient if found else None, "erasure")
        raise Http404
    return found


def _refused(user: User, patient: UUID | None, needs: str) -> None:
    record(Action.REFUSED, actor=user, patient=patient, kind="erasure", detail={"needs": needs})


def _custodian(user: User, patient_id: UUID, **_: object) -> None:
    access.get_or_404(user, patient_id)
    if not may_ask(user, patient_id):
        _refused(user, patient_id, "custodian")
        raise PermissionDenied


def _follower(user: User, erasure_id: UUID, **_: object) -> None:
    find_or_404(user, erasure_id)


def _taker(user: User, erasure_id: UUID, **_: object) -> None:
    """An export names the patient: it is for those who answer for the record."""
    found = find_or_404(user, erasure_id)
    if not may_ask(user, found.patient):
        _refused(user, found.patient, "custodian")
        raise PermissionDenied


def _office(user: User, **_: object) -> None:
    if user.role == Role.ADMIN or user.role in CUSTODIANS or user.leads.exists():
        return
    _refused(user, None, "office")
    raise PermissionDenied


def _releaser(user: User, hold_id: UUID, **_: object) -> None:
    placed = LegalHold.objects.filter(pk=hold_id, released_at=None).first()
    if placed is None:
        raise Http404
    if not may_release(user, placed):
        _refused(user, placed.patient_id, "office")
        raise PermissionDenied


CUSTODY = Rule("physicians and leads who answer for the record", _custodian)
FOLLOWING = Rule("administrators, and who answers for the record", _follower)
EXPORT = Rule("who answers for the record", _taker)
OFFICE = Rule("administrators, physicians and leads", _office)
RELEASE = Rule("administrators and leads of the patient's units", _releaser)
