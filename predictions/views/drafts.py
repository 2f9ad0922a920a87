"""Half-filled forms, kept on the server in the session of whoever fills them in.

Nothing that identifies is left in a browser that others use after; logging out forgets the drafts.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from django.http import HttpRequest
from django.utils import timezone

SESSION_KEY = "drafts"
KEPT = 10


def read(request: HttpRequest, algorithm: str, patient: UUID) -> tuple[dict[str, str], datetime | None]:
    """Return the answers kept for this form and when they were saved; nothing when there are none."""
    draft = request.session.get(SESSION_KEY, {}).get(_key(algorithm, patient))
    if draft is None:
        return {}, None
    return draft["values"], datetime.fromisoformat(draft["saved_at"])


def save(request: HttpRequest, algorithm: str, patient: UUID, values: Mapping[str, str]) -> datetime:
    """Keep the answers; the oldest draft of this person makes room when there are many."""
    drafts = request.session.get(SESSION_KEY, {})
    saved_at = timezone.now()
    drafts.pop(_key(algorithm, patient), None)
    drafts[_key(algorithm, patient)] = {"values": dict(values), "saved_at": saved_at.isoformat()}
    request.session[SESSION_KEY] = dict(list(drafts.items())[-KEPT:])
    return saved_at


def forget(request: HttpRequest, algorithm: str, patient: UUID) -> None:
    """Drop the draft of a form that was sent or started again."""
    drafts = request.session.get(SESSION_KEY, {})
    if drafts.pop(_key(algorithm, patient), None) is not None:
        request.session[SESSION_KEY] = drafts


def _key(algorithm: str, patient: UUID) -> str:
    return f"{algorithm}:{patient}"
