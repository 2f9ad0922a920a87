"""Who sees which patient: staff of a clinical role, the patients of their units and those they opened in an
emergency. Everybody else none.
"""

from __future__ import annotations

from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import Http404

from clinic.accounts.access import kept_for
from clinic.accounts.models import Unit, User
from clinic.accounts.roles import CLINICAL
from clinic.audit.models import Action
from clinic.audit.recording import record
from clinic.rules import Rule
from patients import emergency
from patients.models import Encounter, Patient


def for_user(user: User) -> QuerySet[Patient]:
    """Return the patients ``user`` may see: those of their units, and those opened in an emergency."""
    if not (user.is_authenticated and user.clinical):
        return Patient.objects.none()
    opened = emergency.running(user).filter(patient=OuterRef("pk"))
    return Patient.objects.filter(_shared(user) | Exists(opened))


def of_units(user: User) -> QuerySet[Patient]:
    """Return the patients of the units of ``user``: whom they answer for beyond an emergency."""
    if not (user.is_authenticated and user.clinical):
        return Patient.objects.none()
    return Patient.objects.filter(_shared(user))


def _shared(user: User) -> Exists:
    return Exists(Patient.units.through.objects.filter(patient=OuterRef("pk"), unit__staff=user))


def get_or_404(user: User, patient_id: UUID) -> Patient:
    """Return the patient, or refuse as if there were none; the refusal is recorded.

    Raises
    ------
    Http404
        When ``user`` may not see the patient, or there is none. Call it outside a transaction, or the
        record of the refusal is rolled back with it.
    """
    patient = for_user(user).filter(pk=patient_id).first()
    if patient is None:
        exists = Patient.objects.filter(pk=patient_id).exists()
        record(
            Action.REFUSED,
            actor=user,
            patient=patient_id if exists else None,
            kind="patient",
            object_id=str(patient_id),
        )
        raise Http404
    return patient


def shared_units(user: User, patient: Patient) -> QuerySet[Unit]:
    """Return the units in which ``user`` cares for ``patient``."""
    return user.units.filter(patients=patient)


def acting_units(user: User, patient: Patient) -> QuerySet[Unit]:
    """Return the units in which ``user`` may act for ``patient``: in an emergency, any of their own."""
    if emergency.current(user, patient):
        return user.units.all()
    return shared_units(user, patient)


def stays(user: User, patient: Patient) -> QuerySet[Encounter]:
    """Return the stays that ``user`` may end: of the units they share with the patient, and what was opened
    in an emergency, which nobody else would ever end.
    """
    shared = shared_units(user, patient)
    theirs = Q(unit__in=shared)
    if shared.exists():
        theirs |= Q(emergency__isnull=False)
    return patient.encounters.filter(theirs).select_related("unit")


def answers_for(user: User, patient_id: UUID) -> bool:
    """Return whether the record is open to ``user`` by their unit, and not by an emergency alone."""
    return of_units(user).filter(pk=patient_id).exists()


def require_own(user: User, patient_id: UUID) -> None:
    """Let nobody pass for whom the record is not open by their unit; the refusal is recorded.

    Raises
    ------
    Http404
        When ``user`` may not see the patient at all.
    PermissionDenied
        When they see the record in an emergency only, which changes nothing that outlasts it.
    """
    get_or_404(user, patient_id)
    if not answers_for(user, patient_id):
        record(Action.REFUSED, actor=user, patient=patient_id, kind="patient", detail={"needs": "unit"})
        raise PermissionDenied


def _record(user: User, patient_id: UUID, **_: object) -> None:
    get_or_404(user, patient_id)


def _own_record(user: User, patient_id: UUID, **_: object) -> None:
    require_own(user, patient_id)


CARERS = Rule("staff who care for patients", kept_for(*CLINICAL))
RECORD = Rule("whoever sees the patient", _record)
OWN_RECORD = Rule("staff of the patient's units", _own_record)
