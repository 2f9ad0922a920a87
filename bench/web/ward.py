"""A maternity unit with sixty answered studies, and the cookie of the midwife who looks at them."""

from __future__ import annotations

import secrets
from datetime import timedelta
from pathlib import Path

from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from bench.web import COOKIE
from ml.algorithms.haemorrhage.examples import EXAMPLES, as_of
from patients.models import Patient
from predictions import intake, lease, run
from predictions.demo import building

STUDIES = 60


def prepare(folder: Path) -> None:
    """Make the database and write the cookie into ``folder``."""
    call_command("migrate", verbosity=0)
    units = building.units()
    midwife = building.staff(secrets.token_urlsafe(16), units)["midwife"]
    building.admit(units, midwife)
    patients = list(Patient.objects.filter(units=units["maternity"]))
    for number in range(STUDIES):
        patient = patients[number % len(patients)]
        values = as_of(EXAMPLES[number % len(EXAMPLES)], timezone.now() - timedelta(minutes=number))
        study = intake.submit(
            user=midwife,
            patient=patient,
            algorithm="haemorrhage",
            values=values,
            idempotency_key=f"k{number}",
        )
        if claimed := lease.claim(study.pk):
            run.run(claimed)
    client = Client()
    client.force_login(midwife)
    cookies = "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())
    (folder / COOKIE).write_text(cookies, "ascii")
