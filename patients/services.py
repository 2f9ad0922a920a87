"""Creating and changing patients and encounters; every change writes its event."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from clinic.accounts.models import Unit, User
from clinic.audit.models import Action
from clinic.audit.recording import record
from patients import consent, emergency
from patients.models import Encounter, Patient, Research

# Long enough for the next shift to notice a wrong click, too short to stay another admission on an old one.
REOPENABLE = timedelta(hours=24)
FIELDS = ("record_number", "family_name", "given_name", "birth_date", "sex", "research")


def _tidy(fields: dict[str, Any]) -> dict[str, Any]:
    """Return ``fields`` as they are stored: numbers in capitals, names without stray spaces."""
    tidy = dict(fields)
    if "record_number" in tidy:
        tidy["record_number"] = tidy["record_number"].upper()
    for name in tidy.keys() & {"family_name", "given_name"}:
        tidy[name] = " ".join(tidy[name].split())
    return tidy


def _snapshot(patient: Patient) -> dict[str, Any]:
    return {name: getattr(patient, name) for name in FIELDS} | {
        "units": sorted(patient.units.values_list("code", flat=True))
    }


@transaction.atomic
def create_patient(
    *,
    user: User | None,
    record_number: str,
    family_name: str,
    given_name: str,
    birth_date: date,
    sex: str,
    units: Collection[Unit],
    invented: bool = False,
    research: str = Research.UNKNOWN,
) -> Patient:
    """Create a patient of ``units``.

    Parameters
    ----------
    user
        Who does it; ``None`` for the demo, whose patients are ``invented``.

    Raises
    ------
    django.db.IntegrityError
        When the record number is taken; the form looks first.
    """
    identity = {
        "record_number": record_number,
        "family_name": family_name,
        "given_name": given_name,
        "birth_date": birth_date,
        "sex": sex,
    }
    patient = Patient(**_tidy(identity), invented=invented, research=research)
    if research != Research.UNKNOWN:
        _asked(patient, user)
    patient.save(force_insert=True)
    patient.units.set(units)
    record(Action.CREATE, actor=user, patient=patient.pk, kind="patient", detail=_snapshot(patient))
    return patient


@transaction.atomic
def update_patient(*, user: User, patient: Patient, units: Collection[Unit], **changes: Any) -> Patient:
    """Change a patient's identity or units; the event keeps what was there before.

    Raises
    ------
    TypeError
        For a change that is not one of :data:`FIELDS`.
    """
    if unknown := set(changes) - set(FIELDS):
        raise TypeError(f"no such field of a patient: {', '.join(sorted(unknown))}")
    before = _snapshot(Patient.objects.select_for_update().get(pk=patient.pk))
    for name, value in _tidy(changes).items():
        setattr(patient, name, value)
    if patient.research != before["research"]:
        _asked(patient, user)
    patient.save()
    patient.units.set(units)
    after = _snapshot(patient)
    changed = {name: [before[name], after[name]] for name in after if before[name] != after[name]}
    said = changed.pop("research", None)
    if changed:
        record(Action.UPDATE, actor=user, patient=patient.pk, kind="patient", detail=changed)
    if said:
        record(Action.UPDATE, actor=user, patient=patient.pk, kind="research", detail={"research": said})
        consent.changed(patient)
    return patient


def _asked(patient: Patient, user: User | None) -> None:
    """Keep who recorded what the patient says of research, and when."""
    patient.research_at, patient.research_by = timezone.now(), user


@transaction.atomic
def create_encounter(
    *,
    user: User | None,
    patient: Patient,
    unit: Unit,
    started_at: datetime,
    ended_at: datetime | None = None,
    location: str = "",
) -> Encounter:
    """Open an encounter of ``patient`` with ``unit``; marked if that has the record in an emergency only."""
    by_unit = user is None or patient.units.filter(pk=unit.pk).exists()
    encounter = Encounter.objects.create(
        patient=patient,
        unit=unit,
        started_at=started_at,
        ended_at=ended_at,
        location=location,
        emergency=None if by_unit else emergency.current(user, patient),
    )
    record(
        Action.CREATE,
        actor=user,
        patient=patient.pk,
        kind="encounter",
        object_id=str(encounter.pk),
        detail={"unit": unit.code, "started_at": started_at, "ended_at": ended_at, "location": location},
    )
    return encounter


@transaction.atomic
def end_encounter(*, user: User, encounter: Encounter, at: datetime) -> bool:
    """End an encounter that goes on; return whether it still did."""
    if not Encounter.objects.filter(pk=encounter.pk, ended_at=None).update(ended_at=at):
        return False
    record(
        Action.UPDATE,
        actor=user,
        patient=encounter.patient_id,
        kind="encounter",
        object_id=str(encounter.pk),
        detail={"ended_at": at},
    )
    return True


def may_reopen(encounter: Encounter, at: datetime) -> bool:
    """Return whether an encounter ended so lately that its end may still be taken back.

    Not once the patient has another open one in the same unit: two would go on at the same time.
    """
    if encounter.ended_at is None or encounter.ended_at < at - REOPENABLE:
        return False
    going_on = Encounter.objects.filter(patient=encounter.patient_id, unit=encounter.unit_id, ended_at=None)
    return not going_on.exists()


@transaction.atomic
def reopen_encounter(*, user: User, encounter: Encounter, at: datetime) -> bool:
    """Take back the end of an encounter; return whether that was still possible."""
    locked = Encounter.objects.select_for_update().get(pk=encounter.pk)
    if not may_reopen(locked, at):
        return False
    ended_at = locked.ended_at
    locked.ended_at = None
    locked.save(update_fields=["ended_at"])
    record(
        Action.UPDATE,
        actor=user,
        patient=locked.patient_id,
        kind="encounter",
        object_id=str(locked.pk),
        detail={"ended_at": None, "instead_of": ended_at},
    )
    return True
