"""Signing out everywhere else: every other session, also one that no list knows, and every token."""

from __future__ import annotations

from collections.abc import Iterable

from allauth.core import context
from allauth.usersessions.adapter import DefaultUserSessionsAdapter
from allauth.usersessions.models import UserSession
from django.db import transaction

from clinic.accounts import sessions
from clinic.audit.models import Action
from clinic.audit.recording import record


class SessionsAdapter(DefaultUserSessionsAdapter):
    """Ends tokens with the sessions: whoever suspects somebody else at their account means both."""

    def end_sessions(self, sessions_to_end: Iterable[UserSession]) -> None:
        """End everything of the person but the session they ask from."""
        request = context.request
        with transaction.atomic():
            sessions.end_all(request.user, except_key=request.session.session_key)
            detail = {"ended": "others"}
            record(
                Action.LOGOUT,
                actor=request.user,
                kind="session",
                object_id=str(request.user.pk),
                detail=detail,
            )
