"""``manage.py create_demo``: invented staff, patients, admissions, films and a night to try it all with."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from patients.models import Patient
from predictions.demo import building, films, nights
from predictions.demo.people import CHILD, SLEEPER, STAFF


class Command(BaseCommand):
    """Build the demo, again with the same end, and print how to use it."""

    help = "Create demo staff, patients, admissions, films and a simulated night; refused in production."

    def handle(self, *args: Any, **options: Any) -> None:
        """Create what is missing and tell the logins."""
        if settings.PRODUCTION:
            raise CommandError(
                "The demo has known passwords and invented patients; it is refused under production settings."
            )
        secret = building.password()
        of = building.units()
        staff = building.staff(secret, of)
        building.admit(of, staff["midwife"])
        drawn = building.folder() / "films"
        child = Patient.objects.get(record_number=CHILD)
        films.send(drawn, child, staff["radiologist"])
        films.read_earlier(staff["radiologist"])
        sleeper = Patient.objects.get(record_number=SLEEPER)
        nights.send(building.folder(), sleeper, staff["technician"])
        self._tell(secret, str(nights.write(building.folder(), sleeper)), str(drawn), child)

    def _tell(self, secret: str, night: str, drawn: str, child: Patient) -> None:
        lines = [f"  {person.role:<12} {', '.join(person.units) or '-'}" for person in STAFF]
        self.stdout.write(
            "\n".join(
                [
                    f"Demo logins (password of all: {secret})",
                    *lines,
                    "",
                    "To try: four admissions are already filled in.",
                    "For the technician a simulated night is staged already, to be scored;",
                    f"  another one is to be sent: {night}",
                    "For the radiologist three X-ray studies are sent already: two views of today to be read,"
                    " an earlier",
                    f"  one that is signed, and one that is refused. Their drawn films lie in {drawn}",
                    "  Or bring a frontal chest X-ray of a child aged 1 to 5: JPEG, PNG or DICOM",
                    "  (for example from the public Kermany set, Mendeley rscbjbr9sj).",
                    "  A DICOM file that names its patient must name"
                    f" {child.family_name}^{child.given_name}, number {child.record_number},"
                    f" born {child.birth_date:%Y-%m-%d}.",
                ]
            )
        )
