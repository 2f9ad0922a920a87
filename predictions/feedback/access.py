"""Who asks for a training set, who lets it be made, who takes it: always two persons.

A model steward asks and takes; an administrator, or a lead of the unit whose work it is, decides. Nobody
decides on what they asked for themselves.
"""

from __future__ import annotations

from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import Http404

from clinic.accounts.access import kept_for
from clinic.accounts.models import User
from clinic.accounts.roles import Role
from clinic.audit.models import Action
from clinic.audit.recording import record
from clinic.rules import Rule
from ml import registry
from ml.contracts import Contract
from predictions.feedback.models import Request, RequestState

KIND = "training_set"
WRITTEN = ("haemorrhage", "chest_xray", "sleep")
"""Algorithms of which training sets can be written."""


def algorithms(user: User) -> tuple[str, ...]:
    """Return the algorithms whose requests ``user`` follows."""
    if user.role in (Role.STEWARD, Role.ADMIN):
        return WRITTEN
    return tuple(name for name in WRITTEN if leads(user, registry.contract(name)))


def leads(user: User, contract: Contract) -> bool:
    """Return whether ``user`` leads the unit of an algorithm, and works there."""
    units = user.units.filter(code=contract.unit)
    return user.clinical and user.is_active and units.filter(leads=user).exists()


def may_decide(user: User, asked: Request) -> bool:
    """Return whether ``user`` may be the second person."""
    if asked.state != RequestState.ASKED or user.pk == asked.asked_by_id or not user.is_active:
        return False
    return user.role == Role.ADMIN or leads(user, asked.contract)


def get_or_404(user: User, request_id: UUID) -> Request:
    """Return a request, or refuse as if there were none; recorded."""
    found = Request.objects.select_related("asked_by", "decided_by").filter(pk=request_id).first()
    if found is None or found.algorithm not in algorithms(user):
        record(Action.REFUSED, actor=user, kind=KIND, object_id=str(request_id))
        raise Http404
    return found


def _followers(user: User, **_: object) -> None:
    if not algorithms(user):
        record(Action.REFUSED, actor=user, kind="page", detail={"needs": KIND})
        raise PermissionDenied


def _request(user: User, request_id: UUID, **_: object) -> None:
    get_or_404(user, request_id)


def _decision(user: User, request_id: UUID, **_: object) -> None:
    asked = get_or_404(user, request_id)
    # Of one that is decided already, the page says so.
    if user.role == Role.STEWARD or user.pk == asked.asked_by_id:
        record(Action.REFUSED, actor=user, kind=KIND, object_id=str(request_id), detail={"needs": "another"})
        raise PermissionDenied


FOLLOWERS = Rule("model stewards, administrators and leads of units", _followers)
REQUEST = Rule("model stewards, administrators and leads of the unit", _request)
DECISION = Rule("administrators and leads of the unit, never who asked", _decision)
STEWARDS = Rule("model stewards", kept_for(Role.STEWARD))
