"""Signing out everywhere else: every other session, also one that no list knows, and every token."""

from __future__ import annotations

from collections.abc import Iterable

from allauth.core import context
from allauth.usersessions.adapter import DefaultUserSessionsAdapter
from allauth.usersessions.models import UserSession

from clinic.accounts import sessions


class SessionsAdapter(DefaultUserSessionsAdapter):
    """Ends tokens with the sessions: whoever suspects somebody else at their account means both."""

    def end_sessions(self, sessions_to_end: Iterable[UserSession]) -> None:
        """End everything of the person but the session they ask from."""
        request = context.request
        sessions.end_all(request.user, except_key=request.session.session_key)
