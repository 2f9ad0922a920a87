"""Who sees which patient: staff of a clinical role, the patients of their units. Everybody else none."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet
from django.http import Http404

from clinic.accounts.access import require
from clinic.accounts.models import Unit, User
from clinic.accounts.roles import CLINICAL
from clinic.audit.models import Action
from clinic.audit.recording import record
from patients import emergency
from patients.models import Patient


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


def require_clinical(user: User) -> None:
    """Raise ``PermissionDenied``, recorded, unless ``user`` cares for patients."""
    require(user, *CLINICAL)


def shared_units(user: User, patient: Patient) -> QuerySet[Unit]:
    """Return the units in which ``user`` cares for ``patient``."""
    return user.units.filter(patients=patient)
