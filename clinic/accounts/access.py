"""Who may be let in, and who may open what is kept for some roles. Closed by default."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings

from clinic.accounts.models import User
from clinic.accounts.roles import NotForRole, Role
from clinic.audit.models import Action
from clinic.audit.recording import record
from clinic.rules import EVERYBODY, STAFF, Rule, declare


def may_enter(user: User) -> bool:
    """Return whether ``user`` may be signed in at all, by whatever means.

    A disabled person may not, and nobody of the demo under production settings: their password is known.
    """
    return user.is_active and not (user.demo and settings.PRODUCTION)


def require(user: User, *roles: Role) -> None:
    """Let nobody pass but ``roles``; the refusal is recorded.

    Raises
    ------
    NotForRole
        When ``user`` has none of ``roles``.
    """
    if user.is_authenticated and user.role in roles:
        return
    record(Action.REFUSED, actor=user, kind="page", detail={"needs": sorted(roles)})
    raise NotForRole(roles)


def kept_for(*roles: Role) -> Callable[..., None]:
    """Return the check of a rule that lets ``roles`` pass, whatever the address names."""

    def check(user: User, **_: Any) -> None:
        require(user, *roles)

    return check


ADMINISTRATORS = Rule("administrators", kept_for(Role.ADMIN))

# What a library's own views need before and beside log-in; its other addresses are open to staff, or closed.
_PUBLIC = ("account_login", "account_logout", "mfa_authenticate", "mfa_login_webauthn")
_OF_STAFF = (
    "account_change_password",
    "mfa_index",
    "mfa_activate_totp",
    "mfa_deactivate_totp",
    "mfa_view_recovery_codes",
    "mfa_generate_recovery_codes",
    "mfa_download_recovery_codes",
    "mfa_list_webauthn",
    "mfa_add_webauthn",
    "mfa_edit_webauthn",
    "mfa_remove_webauthn",
    "usersessions_list",
)


def declare_library() -> None:
    """Name the rules of the addresses of allauth; called from ``AppConfig.ready``."""
    declare(EVERYBODY, *_PUBLIC)
    declare(STAFF, *_OF_STAFF)
