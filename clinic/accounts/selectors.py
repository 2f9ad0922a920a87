"""What the pages of an administrator read: units that exist, and those the algorithms still ask for."""

from __future__ import annotations

from dataclasses import dataclass

from allauth.mfa.models import Authenticator
from django.db.models import Count, Q, QuerySet

from clinic.accounts.models import Unit, User
from ml import registry
from ml.contracts import Text

# Offered as names; an administrator may write them otherwise.
USUAL_NAMES = {
    "maternity": Text("Maternity", "Maternité"),
    "radiology": Text("Radiology", "Radiologie"),
    "sleep": Text("Sleep laboratory", "Laboratoire du sommeil"),
}


@dataclass(frozen=True, slots=True)
class Offer:
    """A unit that an algorithm works in and that nobody has created yet.

    Parameters
    ----------
    code
        What the algorithm's contract calls it.
    title
        What the algorithm is about.
    name
        The usual name, empty where there is none.
    """

    code: str
    title: Text
    name: Text


def offers() -> list[Offer]:
    """Return what is still to be created, in the order of the algorithms; one offer a code."""
    there = set(Unit.objects.values_list("code", flat=True))
    found: dict[str, Offer] = {}
    for contract in registry.contracts(clinical=True):
        if contract.unit not in there:
            usual = USUAL_NAMES.get(contract.unit, Text("", ""))
            found.setdefault(contract.unit, Offer(contract.unit, contract.title, usual))
    return list(found.values())


def units() -> QuerySet[Unit]:
    """Return all units by code, each with ``people``: how many members of staff there may log in."""
    return Unit.objects.annotate(people=Count("staff", filter=Q(staff__is_active=True))).order_by("code")


def has_second_factor(user: User) -> bool:
    """Return whether anything of a second factor is set up, recovery codes included."""
    return Authenticator.objects.filter(user=user).exists()
