"""Finding patients."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.db.models import Case, Q, QuerySet, When
from django.utils.translation import gettext as _

from clinic.accounts.models import Unit, User
from patients.access import for_user
from patients.folding import fold
from patients.models import Encounter, Patient
from patients.timeline import Entry


def _named(name: str) -> Q:
    condition = Q()
    for word in fold(name).split():
        condition &= Q(search_name__contains=word)
    return condition


def search(
    user: User, *, name: str = "", record_number: str = "", birth_date: date | None = None
) -> QuerySet[Patient]:
    """Return the patients ``user`` may see that match everything given; nobody when nothing is given.

    Parameters
    ----------
    name
        Parts of family and given name in any order, accents and case aside.
    record_number
        Its beginning.
    """
    if not (fold(name) or record_number or birth_date):
        return Patient.objects.none()
    found = for_user(user).filter(_named(name))
    if record_number:
        found = found.filter(record_number__istartswith=record_number.strip())
    if birth_date:
        found = found.filter(birth_date=birth_date)
    return found


def same_person(*, family_name: str, given_name: str, birth_date: date) -> QuerySet[Patient]:
    """Return the patients of the whole hospital with that name, folded, and that birth date."""
    return Patient.objects.filter(search_name=fold(f"{family_name} {given_name}"), birth_date=birth_date)


def names(ids: Collection[UUID]) -> Mapping[UUID, str]:
    """Name patients for the audit pages, record number last."""
    found = Patient.objects.filter(pk__in=ids)
    return {patient.pk: f"{patient} · {patient.record_number}" for patient in found}


def find(text: str) -> Collection[UUID]:
    """Return whom an auditor may mean by a record number or a part of a name; at most 200."""
    condition = Q(record_number__iexact=text.strip())
    if fold(text):
        condition |= _named(text)
    return list(Patient.objects.filter(condition).values_list("pk", flat=True)[:200])


def present_stay(user: User | AnonymousUser, patient: Patient) -> Encounter | None:
    """Return where the patient is now: in a unit of ``user`` if there is such a stay, else in one that has
    the record, and last what was opened in an emergency; the latest of each.
    """
    units = user.units.values("pk") if user.is_authenticated else Unit.objects.none()
    going_on = patient.encounters.filter(ended_at=None).select_related("unit")
    ranked = going_on.annotate(
        rank=Case(When(unit__in=units, then=0), When(emergency=None, then=1), default=2)
    )
    return ranked.order_by("rank", "-started_at").first()


def encounters(user: User, patient: Patient) -> list[Entry]:
    """Return the beginnings and ends of a patient's stays, for the timeline."""
    entries = []
    for encounter in patient.encounters.select_related("unit"):
        place = f"{encounter.unit}, {encounter.location}" if encounter.location else str(encounter.unit)
        if encounter.emergency_id:
            place = f"{place} – {_('opened in an emergency')}"
        entries.append(Entry(at=encounter.started_at, kind="encounter", title=_("Arrived"), detail=place))
        if encounter.ended_at:
            entries.append(Entry(at=encounter.ended_at, kind="encounter", title=_("Left"), detail=place))
    return entries
