"""Who sees figures of agreement: model stewards, and the staff of the unit whose work it is.

Stewards see counts and no patient. Figures that would rate one person are for that person and for the leads
of the unit; everybody else sees people pooled, and only where enough of them are.
"""

from __future__ import annotations

from uuid import UUID

from django.http import Http404

from clinic.accounts.models import Unit, User
from clinic.accounts.roles import NotForRole, Role
from clinic.audit.models import Action
from clinic.audit.recording import record
from clinic.rules import Rule
from ml import registry
from ml.contracts import Contract
from predictions.agreement.models import Report

KIND = "agreement"


def offers(user: User) -> list[tuple[Contract, Unit]]:
    """Return the algorithms, each with its unit, of whose agreement ``user`` may see reports."""
    units = {unit.code: unit for unit in Unit.objects.all()}
    found = [(each, units[each.unit]) for each in registry.contracts(clinical=True) if each.unit in units]
    return [(contract, unit) for contract, unit in found if _may_see(user, contract, unit)]


def may_ask(user: User, contract: Contract, unit: Unit) -> bool:
    """Return whether ``user`` has reports counted: stewards, signers and leads of the unit."""
    signs = user.role in contract.sign_roles and works_in(user, unit)
    return user.role == Role.STEWARD or signs or leads(user, unit)


def leads(user: User, unit: Unit) -> bool:
    """Return whether ``user`` is one of the leads of a unit, and works there."""
    return user.clinical and works_in(user, unit) and unit.leads.filter(pk=user.pk).exists()


def works_in(user: User, unit: Unit) -> bool:
    """Return whether ``user`` is of the staff of a unit."""
    return user.units.filter(pk=unit.pk).exists()


def get_or_404(user: User, agreement_id: UUID) -> Report:
    """Return a report, or refuse as if there were none; the refusal is recorded.

    Raises
    ------
    Http404
        When there is none, or its unit is not theirs.
    """
    report = Report.objects.select_related("unit", "asked_by").filter(pk=agreement_id).first()
    if report is None or not _may_see(user, report.contract, report.unit):
        record(Action.REFUSED, actor=user, kind=KIND, object_id=str(agreement_id))
        raise Http404
    return report


def _may_see(user: User, contract: Contract, unit: Unit) -> bool:
    if user.role == Role.STEWARD:
        return True
    return user.clinical and works_in(user, unit) and (user.role in _roles(contract) or leads(user, unit))


def _roles(contract: Contract) -> tuple[str, ...]:
    return (*contract.submit_roles, *contract.sign_roles)


def _readers(user: User, **_: object) -> None:
    if not offers(user):
        record(Action.REFUSED, actor=user, kind="page", detail={"needs": KIND})
        working = (role for each in registry.contracts(clinical=True) for role in _roles(each))
        raise NotForRole(dict.fromkeys((Role.STEWARD, *working)))


def _report(user: User, agreement_id: UUID, **_: object) -> None:
    get_or_404(user, agreement_id)


READERS = Rule("model stewards, and those who work with an algorithm in its unit", _readers)
REPORT = Rule("model stewards, and the staff of the report's unit", _report)
