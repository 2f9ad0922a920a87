"""Building the demo: again and again with the same end."""

from __future__ import annotations

import os
import secrets
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.core.management import CommandError
from django.db import transaction
from django.utils import timezone

from clinic.accounts.models import Unit, User
from clinic.accounts.roles import Role
from clinic.accounts.selectors import USUAL_NAMES
from ml.algorithms.haemorrhage.examples import ADMISSIONS, as_of
from patients import services
from patients.models import Patient, Research
from predictions import intake
from predictions.demo.people import STAFF, Invented, Person, patients
from predictions.models import Study


def folder() -> Path:
    """Return where the demo keeps its password, its films and its nights."""
    path = settings.DATA_DIR / "demo"
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def password() -> str:
    """Return ``DEMO_PASSWORD``, or one generated once and kept beside the data."""
    if chosen := os.environ.get("DEMO_PASSWORD", ""):
        return chosen
    kept = folder() / "password"
    if not kept.exists():
        kept.touch(mode=0o600)
        kept.write_text(secrets.token_urlsafe(12), "ascii")
    return kept.read_text("ascii")


def units() -> dict[str, Unit]:
    """Return the three units, made when they are missing."""
    return {
        code: Unit.objects.get_or_create(code=code, defaults={"name_fr": name.fr, "name_en": name.en})[0]
        for code, name in USUAL_NAMES.items()
    }


@transaction.atomic
def staff(secret: str, of: dict[str, Unit]) -> dict[str, User]:
    """Return the members of staff by user name, with ``secret`` as their password."""
    members = {str(person.role): _member(person, secret, of) for person in STAFF}
    for unit in of.values():
        if not unit.leads.exists():
            unit.leads.add(members[Role.PHYSICIAN])
    return members


def _member(person: Person, secret: str, of: dict[str, Unit]) -> User:
    user = User.objects.filter(username=person.role).first()
    if user is not None and not user.demo:
        raise CommandError(
            f"There is a member of staff called {person.role} who is not of the demo; nothing was changed."
        )
    user = user or User(username=person.role, demo=True)
    user.role, user.first_name, user.last_name = person.role, person.first_name, "Démo"
    if not user.check_password(secret):
        user.set_password(secret)
    user.save()
    user.units.set(of[code] for code in person.units)
    return user


def admit(of: dict[str, Unit], midwife: User) -> None:
    """Register the patients who are missing, each with an encounter, and send the filled-in forms."""
    for invented in patients(timezone.localdate()):
        patient = Patient.objects.filter(record_number=invented.record_number).first()
        if patient is None:
            patient = _register(invented, of)
        elif not patient.invented:
            raise CommandError(
                f"Record number {invented.record_number} belongs to a patient not of the demo."
            )
        if invented.admission:
            _assess(patient, invented.admission, midwife)


@transaction.atomic
def _register(invented: Invented, of: dict[str, Unit]) -> Patient:
    unit = of[invented.unit]
    patient = services.create_patient(
        user=None,
        record_number=invented.record_number,
        family_name=invented.family_name,
        given_name=invented.given_name,
        birth_date=invented.birth_date,
        sex=invented.sex,
        units=[unit],
        invented=True,
        research=Research.AGREED,
    )
    services.create_encounter(
        user=None,
        patient=patient,
        unit=unit,
        started_at=timezone.now() - timedelta(hours=2),
        location=invented.location,
    )
    return patient


def _assess(patient: Patient, admission: str, midwife: User) -> None:
    key = f"demo-{admission}"
    if Study.objects.filter(submitted_by=midwife, idempotency_key=key).exists():
        return
    _title, values = ADMISSIONS[admission]
    intake.submit(
        user=midwife,
        patient=patient,
        algorithm="haemorrhage",
        values=as_of(values, timezone.now() - timedelta(minutes=30)),
        idempotency_key=key,
        encounter=patient.encounters.first(),
    )
