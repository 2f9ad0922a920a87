"""Who sends batches, and who sees one: whoever sent it, while they may still ask that algorithm.

Those who submit to an algorithm in its unit, and model stewards. While an algorithm is evaluated in silence
in its unit, its clinicians get no answers this way either: asked at the upload, at every step that has more
answered, and by the worker before it answers. What was answered before stays theirs.
"""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404

from clinic.accounts.models import Unit, User
from clinic.accounts.roles import NotForRole, Role
from clinic.audit.models import Action
from clinic.audit.recording import record
from clinic.rules import Rule
from ml import registry
from ml.contracts import Contract, Refused
from predictions.access import may_submit
from predictions.batches import selectors
from predictions.batches.models import Batch
from predictions.batches.words import IN_SILENCE
from predictions.deployments.selectors import is_silent


def may_see(user: User, contract: Contract) -> bool:
    """Return whether ``user`` may open a batch of theirs that an algorithm answered."""
    return user.role == Role.STEWARD or (contract.clinical and may_submit(user, contract))


def may_send(user: User, contract: Contract) -> bool:
    """Return whether ``user`` may have many cases answered by an algorithm at once, today."""
    return may_see(user, contract) and not is_withheld(user, contract)


def is_withheld(user: User, contract: Contract) -> bool:
    """Return whether new answers of an algorithm are kept from ``user``: its unit evaluates it in silence."""
    return user.role != Role.STEWARD and _is_silent(contract)


def require_answers(user: User, batch: Batch) -> None:
    """Refuse to have more of a batch answered while its unit evaluates in silence; recorded.

    Raises
    ------
    ml.contracts.Refused
        With a sentence that says until when.
    """
    if is_withheld(user, batch.contract):
        detail = {"algorithm": batch.algorithm, "needs": "no silent evaluation"}
        record(Action.REFUSED, actor=user, kind="batch", object_id=str(batch.pk), detail=detail)
        raise Refused(IN_SILENCE)


def algorithms(user: User) -> list[Contract]:
    """Return the contracts of the algorithms that ``user`` may send batches to."""
    return [contract for contract in registry.contracts() if may_send(user, contract)]


def for_user(user: User) -> QuerySet[Batch]:
    """Return the batches of ``user`` whose time is not over, latest first."""
    names = [contract.name for contract in registry.contracts() if may_see(user, contract)]
    return selectors.kept().filter(created_by=user, algorithm__in=names)


def get_or_404(user: User, batch_id: UUID) -> Batch:
    """Return a batch, or refuse as if there were none; the refusal is recorded.

    Raises
    ------
    Http404
        When it is not theirs, its time is over, or there is none.
    """
    found = for_user(user).filter(pk=batch_id).first()
    if found is None:
        record(Action.REFUSED, actor=user, kind="batch", object_id=str(batch_id))
        raise Http404
    return found


def require_sender(user: User, algorithm: str) -> Contract:
    """Return the contract for whoever may send batches to an algorithm.

    Raises
    ------
    Http404
        When there is no such algorithm.
    NotForRole
        When their role or unit may not; recorded.
    """
    if algorithm not in registry.names():
        raise Http404
    contract = registry.contract(algorithm)
    if not may_send(user, contract):
        record(
            Action.REFUSED, actor=user, kind="batch", detail={"algorithm": algorithm, "needs": "submitter"}
        )
        raise NotForRole(_roles(contract))
    return contract


def _is_silent(contract: Contract) -> bool:
    unit = Unit.objects.filter(code=contract.unit).first()
    return unit is not None and is_silent(unit, contract.name)


def may_see_any(user: User) -> bool:
    """Return whether there is an algorithm of which ``user`` may open batches of theirs."""
    return any(may_see(user, contract) for contract in registry.contracts())


def _roles(*contracts: Contract) -> dict[str, None]:
    """Return who sends batches to some algorithms, each role once."""
    submit = (role for each in contracts if each.clinical for role in each.submit_roles)
    return dict.fromkeys((Role.STEWARD, *submit))


def _any(user: User, **_: object) -> None:
    if not may_see_any(user):
        record(Action.REFUSED, actor=user, kind="batch", detail={"needs": "submitter"})
        raise NotForRole(_roles(*registry.contracts(clinical=True)))


def _sender(user: User, algorithm: str, **_: object) -> None:
    require_sender(user, algorithm)


def _own(user: User, batch_id: UUID, **_: object) -> None:
    get_or_404(user, batch_id)


BATCHES = Rule("those who submit to an algorithm in its unit, and model stewards", _any)
NEW = Rule("those who submit to the algorithm in its unit, and model stewards", _sender)
BATCH = Rule("whoever sent the batch, while they may still ask its algorithm", _own)
