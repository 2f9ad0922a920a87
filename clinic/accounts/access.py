"""Who may be let in, and who may open what is kept for some roles. Closed by default."""

from __future__ import annotations

from django.conf import settings
from django.core.exceptions import PermissionDenied

from clinic.accounts.models import User
from clinic.accounts.roles import Role
from clinic.audit.models import Action
from clinic.audit.recording import record


def may_enter(user: User) -> bool:
    """Return whether ``user`` may be signed in at all, by whatever means.

    A disabled person may not, and nobody of the demo under production settings: their password is known.
    """
    return user.is_active and not (user.demo and settings.PRODUCTION)


def require(user: User, *roles: Role) -> None:
    """Let nobody pass but ``roles``; the refusal is recorded.

    Raises
    ------
    PermissionDenied
        When ``user`` has none of ``roles``.
    """
    if user.is_authenticated and user.role in roles:
        return
    record(Action.REFUSED, actor=user, kind="page", detail={"needs": sorted(roles)})
    raise PermissionDenied
