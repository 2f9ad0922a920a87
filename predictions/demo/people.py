"""Who works and who is cared for in the demo. Nobody here exists."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from clinic.accounts.roles import Role


@dataclass(frozen=True, slots=True)
class Person:
    """A member of the demo's staff; the user name is the role."""

    role: Role
    first_name: str
    units: tuple[str, ...] = ()


STAFF = (
    Person(Role.MIDWIFE, "Alix", ("maternity",)),
    Person(Role.RADIOLOGIST, "Camille", ("radiology",)),
    Person(Role.TECHNICIAN, "Dominique", ("sleep",)),
    Person(Role.PHYSICIAN, "Maxime", ("maternity", "radiology", "sleep")),
    Person(Role.ADMIN, "Sacha"),
    Person(Role.STEWARD, "Lou"),
)


@dataclass(frozen=True, slots=True)
class Invented:
    """A patient of the demo, and the admission form filled in for her."""

    record_number: str
    family_name: str
    given_name: str
    sex: str
    birth_date: date
    unit: str
    location: str
    admission: str = ""


def patients(today: date) -> tuple[Invented, ...]:
    """Return the six patients; the child is four years old on whatever day it is."""
    had_birthday = (today.month, today.day) >= (2, 14)
    child_born = date(today.year - 4 - (not had_birthday), 2, 14)
    return (
        Invented("204811", "Lanterne", "Claire", "F", date(1995, 4, 12), "maternity", "Salle 4", "typical"),
        Invented(
            "204812", "Girouette", "Sophie", "F", date(1989, 1, 18), "maternity", "Salle 2",
            "previous_haemorrhage",
        ),
        Invented("204813", "Boussole", "Inès", "F", date(1986, 6, 2), "maternity", "Salle 1", "high_risk"),
        Invented(
            "204814", "Marée", "Anaïs", "F", date(1997, 2, 9), "maternity", "Urgences", "many_unknowns"
        ),
        Invented("204815", "Sémaphore", "Hugo", "M", child_born, "radiology", "Pédiatrie, lit 7"),
        Invented("204816", "Veilleuse", "Paul", "M", date(1972, 10, 21), "sleep", "Chambre 12"),
    )  # fmt: skip


CHILD, SLEEPER = "204815", "204816"
