"""Who reads what the models meet: model stewards, and administrators; who decides: stewards alone.

The pages name no patient and no small number.
"""

from __future__ import annotations

from django.http import Http404

from clinic.accounts.access import require
from clinic.accounts.models import Unit, User
from clinic.accounts.roles import Role
from clinic.rules import Rule
from ml import registry


def may_act(user: User) -> bool:
    """Whether somebody asks for reports, chooses references and acknowledges alerts."""
    return user.role == Role.STEWARD


def may_look(user: User) -> bool:
    """Whether somebody reads the pages."""
    return user.role in (Role.STEWARD, Role.ADMIN)


def require_steward(user: User) -> None:
    """Refuse, on record, whoever may only look."""
    require(user, Role.STEWARD)


def _look(user: User, algorithm: str = "", code: str = "", **_: object) -> None:
    require(user, Role.STEWARD, Role.ADMIN)
    _exists(algorithm, code)


def _decide(user: User, algorithm: str = "", code: str = "", **_: object) -> None:
    require_steward(user)
    _exists(algorithm, code)


def _exists(algorithm: str, code: str) -> None:
    """There is no such page for an algorithm without live studies, or for no unit."""
    clinical = [contract.name for contract in registry.contracts(clinical=True)]
    if algorithm and algorithm not in clinical:
        raise Http404
    if code and not Unit.objects.filter(code=code).exists():
        raise Http404


MONITORING = Rule("model stewards, and administrators to read: drift, performance, alerts", _look)
DECIDING = Rule("model stewards: references and alerts of the watch over drift", _decide)
