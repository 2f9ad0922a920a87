"""Who sees and decides what runs beside the version in service: stewards, and who signs in the unit."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404

from clinic.accounts.access import kept_for
from clinic.accounts.models import User
from clinic.accounts.roles import NotForRole, Role
from clinic.audit.models import Action
from clinic.audit.recording import record
from clinic.rules import Rule
from ml import registry
from predictions.deployments.models import ANSWERING, Deployment
from predictions.versions.access import may_approve, may_decide


def for_user(user: User) -> QuerySet[Deployment]:
    """Return the deployments ``user`` may know of: all of them, or those that answer in their units.

    Whoever reads studies learns of no shadow.
    """
    everything = Deployment.objects.select_related("unit", "proposed_by", "decided_by", "ended_by")
    if user.role == Role.STEWARD:
        return everything
    theirs = [
        contract.name for contract in registry.contracts(clinical=True) if may_decide(user, contract.name)
    ]
    return everything.filter(algorithm__in=theirs, mode__in=ANSWERING)


def get_or_404(user: User, deployment_id: UUID) -> Deployment:
    """Return a deployment; ``Http404``, recorded, when ``user`` may not know of it or there is none."""
    found = for_user(user).filter(pk=deployment_id).first()
    if found is None:
        record(Action.REFUSED, actor=user, kind="deployment", object_id=str(deployment_id))
        raise Http404
    return found


def may_follow(user: User) -> bool:
    """Return whether ``user`` follows what runs beside the versions in service."""
    contracts = registry.contracts(clinical=True)
    return user.role == Role.STEWARD or any(may_decide(user, contract.name) for contract in contracts)


def _office(user: User, **_: object) -> None:
    if may_follow(user):
        return
    record(Action.REFUSED, actor=user, kind="page", detail={"needs": "steward or signer"})
    contracts = registry.contracts(clinical=True)
    raise NotForRole(dict.fromkeys((Role.STEWARD, *(role for each in contracts for role in each.sign_roles))))


def _known(user: User, deployment_id: UUID, **_: object) -> None:
    get_or_404(user, deployment_id)


def _second(user: User, deployment_id: UUID, **_: object) -> None:
    found = get_or_404(user, deployment_id)
    if not may_approve(user, found.algorithm, found.proposed_by):
        record(Action.REFUSED, actor=user, kind="deployment", object_id=str(found.pk))
        raise NotForRole(registry.contract(found.algorithm).sign_roles)


DEPLOYMENTS = Rule("model stewards, and those who sign in a unit", _office)
DEPLOYMENT = Rule("model stewards; of what answers studies, also those who sign in its unit", _known)
DECISION = Rule("those who sign in the unit, except who proposed it", _second)
STEWARDS = Rule("model stewards", kept_for(Role.STEWARD))
