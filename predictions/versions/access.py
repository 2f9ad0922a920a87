"""Who proposes a version, and who decides on it: never the same person."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NoReturn

from django.db.models import QuerySet
from django.http import Http404

from clinic.accounts.access import require
from clinic.accounts.models import User
from clinic.accounts.roles import NotForRole, Role
from clinic.audit.models import Action
from clinic.audit.recording import record
from clinic.rules import Rule
from ml import registry


def may_decide(user: User, algorithm: str) -> bool:
    """Return whether ``user`` decides what serves: a signer of the unit; an office where there is none."""
    contract = registry.contract(algorithm)
    if not contract.clinical:
        return user.role in decide_roles(algorithm)
    return user.role in decide_roles(algorithm) and user.units.filter(code=contract.unit).exists()


def decide_roles(algorithm: str) -> tuple[str, ...]:
    """Return the roles of those who decide what serves of an algorithm."""
    contract = registry.contract(algorithm)
    return tuple(contract.sign_roles) if contract.clinical else (Role.STEWARD, Role.ADMIN)


def may_approve(user: User, algorithm: str, proposed_by: User) -> bool:
    """Return whether ``user`` may be the second person for what ``proposed_by`` proposed."""
    return user.pk != proposed_by.pk and may_decide(user, algorithm)


def may_return(user: User, algorithm: str) -> bool:
    """Return whether ``user`` may go back to the former version: at night whoever signs must not wait."""
    return user.role == Role.STEWARD or may_decide(user, algorithm)


def deciders(algorithm: str) -> QuerySet[User]:
    """Return who may decide on a version of an algorithm and may log in."""
    contract = registry.contract(algorithm)
    people = User.objects.filter(is_active=True)
    if not contract.clinical:
        return people.filter(role__in=(Role.STEWARD, Role.ADMIN))
    return people.filter(role__in=contract.sign_roles, units__code=contract.unit).distinct()


def _known(algorithm: str) -> None:
    if algorithm not in registry.names():
        raise Http404


def _stewards(user: User, algorithm: str, **_: object) -> None:
    require(user, Role.STEWARD)
    _known(algorithm)


def _anybody(user: User, algorithm: str, **_: object) -> None:
    _known(algorithm)


def _deciders(user: User, algorithm: str, **_: object) -> None:
    _known(algorithm)
    if not may_decide(user, algorithm):
        _refuse(user, algorithm, decide_roles(algorithm))


def _refuse(user: User, algorithm: str, roles: Iterable[str]) -> NoReturn:
    record(Action.REFUSED, actor=user, kind="model", object_id=algorithm, detail={"needs": "decider"})
    raise NotForRole(dict.fromkeys(roles))


def _who_rolls_back(user: User, algorithm: str, **_: object) -> None:
    _known(algorithm)
    if not may_return(user, algorithm):
        _refuse(user, algorithm, (Role.STEWARD, *decide_roles(algorithm)))


VERSIONS = Rule("everybody who is logged in, for an algorithm that exists", _anybody)
PROPOSALS = Rule("model stewards, for an algorithm that exists", _stewards)
DECISIONS = Rule(
    "those who sign in the algorithm's unit; stewards and administrators for a reference task", _deciders
)
WAY_BACK = Rule("model stewards, and those who sign in the algorithm's unit", _who_rolls_back)
