"""Who reads what the models meet: model stewards. The pages name no patient and no small number."""

from __future__ import annotations

from django.http import Http404

from clinic.accounts.access import require
from clinic.accounts.models import Unit, User
from clinic.accounts.roles import Role
from clinic.rules import Rule
from ml import registry


def _steward(user: User, algorithm: str = "", code: str = "", **_: object) -> None:
    """Let stewards pass; there is no such page for an algorithm without live studies, or for no unit."""
    require(user, Role.STEWARD)
    clinical = [contract.name for contract in registry.contracts(clinical=True)]
    if algorithm and algorithm not in clinical:
        raise Http404
    if code and not Unit.objects.filter(code=code).exists():
        raise Http404


MONITORING = Rule("model stewards: drift, performance, alerts", _steward)
