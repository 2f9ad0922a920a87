"""Units, staff, patients and encounters for tests; everybody is plainly invented."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta
from itertools import count
from typing import Any

from django.utils import timezone

from clinic.accounts import tokens
from clinic.accounts.models import Unit, User
from clinic.accounts.roles import Role, Scope
from patients.models import Encounter, Patient

PASSWORD = "a lantern on a ladder"
UNIT_NAMES = {
    "maternity": ("Maternité", "Maternity"),
    "radiology": ("Radiologie", "Radiology"),
    "sleep": ("Laboratoire du sommeil", "Sleep laboratory"),
}

_numbers = count(900_001)


def unit(code: str = "maternity") -> Unit:
    """Return the unit of that code, made when there is none."""
    name_fr, name_en = UNIT_NAMES.get(code, (code, code))
    return Unit.objects.get_or_create(code=code, defaults={"name_fr": name_fr, "name_en": name_en})[0]


def staff(username: str, role: Role, *units: Unit, password: str = "", **fields: Any) -> User:
    """Make a member of staff; without ``password`` only ``client.force_login`` lets them in."""
    fields.setdefault("first_name", username.title())
    fields.setdefault("last_name", "Invented")
    fields.setdefault("language", "en")
    user = User(username=username, role=role, **fields)
    user.set_password(password or None)
    user.save()
    user.units.set(units)
    return user


def patient(*units: Unit, **fields: Any) -> Patient:
    """Make a patient of ``units`` (maternity when none is named)."""
    fields.setdefault("record_number", str(next(_numbers)))
    fields.setdefault("family_name", "Lantern")
    fields.setdefault("given_name", "Claire")
    fields.setdefault("birth_date", date(1994, 3, 2))
    fields.setdefault("sex", "F")
    made = Patient.objects.create(**fields)
    made.units.set(units or [unit()])
    return made


def patients(number: int, *units: Unit) -> Collection[Patient]:
    """Make ``number`` patients with names of their own."""
    return [patient(*units, family_name=f"Lantern{index:03}") for index in range(number)]


def encounter(of: Patient, **fields: Any) -> Encounter:
    """Make an encounter that began two hours ago in the first of the patient's units."""
    fields.setdefault("unit", of.units.first())
    fields.setdefault("started_at", timezone.now() - timedelta(hours=2))
    fields.setdefault("location", "Room 4")
    return Encounter.objects.create(patient=of, **fields)


def token(owner: User, *scopes: Scope) -> str:
    """Return the secret of a new token; without scopes named for all of them, for a quarter of an hour."""
    scopes = scopes or tuple(Scope)
    lifetime = tokens.longest(scopes, timedelta(days=1))
    return tokens.issue(owner=owner, name="test", scopes=scopes, lifetime=lifetime, confirmed=True)[1]
