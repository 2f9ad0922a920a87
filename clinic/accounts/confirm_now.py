"""Confirming for one single act, however lately the session was confirmed.

What outlives the session, such as a token, is not given to whoever finds it open: a log-in of ten minutes ago
says nothing of who sits there now.
"""

from __future__ import annotations

import time

from django.http import HttpRequest

from clinic.accounts import confirm

ASKED = "confirm_asked_at"
# A passkey is touched before the form is sent, so it counts for a moment.
TOUCH_SECONDS = 120


def ask(request: HttpRequest) -> None:
    """Take the confirmation of the session away: the form that is shown next asks for one of its own."""
    request.session.pop(confirm.CONFIRMED, None)
    request.session[ASKED] = time.time()


def given(request: HttpRequest) -> bool:
    """Return whether the form came with a right password or code, or a passkey was touched meanwhile.

    It serves once. Why it was refused is kept for :func:`clinic.accounts.confirm.problem`.
    """
    asked, at = request.session.pop(ASKED, None), request.session.get(confirm.CONFIRMED)
    if asked and at and asked < at and time.time() - at < TOUCH_SECONDS:
        return True
    request.session.pop(confirm.CONFIRMED, None)
    return confirm.accept(request)
