"""Log-in, log-out and the second factor, written to the audit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from allauth.account.signals import password_changed
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import (
    authentication_failed,
    authenticator_added,
    authenticator_removed,
    authenticator_reset,
)
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import receiver
from django.http import HttpRequest

from clinic.accounts import confirm, lockout, sessions
from clinic.accounts.models import User
from clinic.audit.models import Action
from clinic.audit.recording import record


@receiver(user_logged_in)
def logged_in(sender: Any, request: HttpRequest, user: User, **_: Any) -> None:
    """Record a log-in and start the clocks of the session; whoever logs in is confirmed."""
    sessions.begin(request.session)
    confirm.mark(request)
    record(Action.LOGIN, actor=user)


@receiver(user_logged_out)
def logged_out(sender: Any, request: HttpRequest, user: User | None, **_: Any) -> None:
    """Record a log-out, and whether a clock did it; a session that had already ended has nobody to name."""
    if user is not None:
        why = getattr(request, "session_over", None)
        record(Action.LOGOUT, actor=user, detail={"ended": why} if why else None)


@receiver(user_login_failed)
def login_failed(sender: Any, credentials: Mapping[str, Any], **_: Any) -> None:
    """Record a failed log-in, and the account tried if there is one.

    What was typed is not kept otherwise: people type their password into the field of the name.
    """
    user = User.objects.filter(username__iexact=credentials.get("username") or "").first()
    if user is None:
        record(Action.LOGIN_FAILED, kind="staff", detail={"account": "none of that name"})
    else:
        record(Action.LOGIN_FAILED, kind="staff", object_id=str(user.pk), detail={"account": user.username})


@receiver(authentication_failed)
def second_factor_failed(sender: Any, user: User, **_: Any) -> None:
    """Record a wrong code after a right password."""
    record(
        Action.LOGIN_FAILED,
        kind="staff",
        object_id=str(user.pk),
        detail={"account": user.username, "factor": "code"},
    )


@receiver(password_changed)
def password_was_changed(sender: Any, request: HttpRequest, user: User, **_: Any) -> None:
    """Record it, end every other session, and let the person in: the former password is gone."""
    User.objects.filter(pk=user.pk).update(temporary_password=False)
    sessions.end_all(user, except_key=request.session.session_key)
    lockout.forgive(user)
    record(Action.UPDATE, actor=user, kind="password", object_id=str(user.pk))


def _second_factor(change: str, request: HttpRequest, user: User, authenticator: Authenticator) -> None:
    """Record a change of the second factor; sessions opened with the former one end."""
    sessions.end_all(user, except_key=request.session.session_key)
    detail = {"type": authenticator.type, "change": change}
    record(Action.UPDATE, actor=user, kind="second factor", object_id=str(user.pk), detail=detail)


@receiver(authenticator_added)
def second_factor_added(
    sender: Any, request: HttpRequest, user: User, authenticator: Authenticator, **_: Any
) -> None:
    """Record a new second factor."""
    _second_factor("added", request, user, authenticator)


@receiver(authenticator_removed)
def second_factor_removed(
    sender: Any, request: HttpRequest, user: User, authenticator: Authenticator, **_: Any
) -> None:
    """Record that a second factor is gone."""
    _second_factor("removed", request, user, authenticator)


@receiver(authenticator_reset)
def second_factor_renewed(
    sender: Any, request: HttpRequest, user: User, authenticator: Authenticator, **_: Any
) -> None:
    """Record new recovery codes."""
    _second_factor("renewed", request, user, authenticator)
