"""What of a patient this floor erases: who they are, their stays, emergency accesses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from patients.erasure import Archive, Shredder, Subject, register
from patients.models import EmergencyAccess, Encounter, LegalHold, Patient


def _stays(subject: Subject) -> Sequence[QuerySet[Any]]:
    return [] if subject.study else [Encounter.objects.filter(patient=subject.patient)]


def _person(subject: Subject) -> Sequence[QuerySet[Any]]:
    if subject.study:
        return []
    return [
        EmergencyAccess.objects.filter(patient=subject.patient),
        LegalHold.objects.filter(patient=subject.patient),
        Patient.units.through.objects.filter(patient=subject.patient),
        Patient.objects.filter(pk=subject.patient),
    ]


def _export(subject: Subject, archive: Archive) -> None:
    """Write who it is: an export of one study names its patient too."""
    patient = Patient.objects.prefetch_related("units").get(pk=subject.patient)
    stays = [] if subject.study else patient.encounters.select_related("unit")
    archive.put(
        "patient.json",
        {
            "record_number": patient.record_number,
            "family_name": patient.family_name,
            "given_name": patient.given_name,
            "birth_date": patient.birth_date,
            "sex": patient.sex,
            "research": {"said": patient.research, "recorded_at": patient.research_at},
            "units": [unit.code for unit in patient.units.all()],
            "encounters": [
                {
                    "unit": stay.unit.code,
                    "location": stay.location,
                    "from": stay.started_at,
                    "to": stay.ended_at,
                }
                for stay in stays
            ],
        },
    )


def register_all() -> None:
    """Register with :mod:`patients.erasure`."""
    register(
        Shredder(
            name="encounters",
            title=_("Stays"),
            order=80,
            rows=_stays,
            models=(Encounter,),
        )
    )
    register(
        Shredder(
            name="patient",
            title=_("Identity, units, emergency accesses and past legal holds"),
            order=90,
            rows=_person,
            models=(Patient, EmergencyAccess, LegalHold, Patient.units.through),
            export=_export,
        )
    )
