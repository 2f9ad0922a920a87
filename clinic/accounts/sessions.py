"""How long a session lasts, and how all sessions of a person end at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import StrEnum
from importlib import import_module

from allauth.core import context
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.sessions.backends.base import SessionBase
from django.db import transaction
from django.db.models import F
from django.http import HttpRequest
from django.urls import reverse

from clinic.accounts.models import User

BEGAN, SEEN = "began_at", "seen_at"
# How much of the idle time may pass before a request is written down as a sign of life again.
TOUCH_SHARE = 20

_enders: list[Callable[[User], object]] = []


class End(StrEnum):
    """Why a session is over."""

    IDLE = "idle"
    ABSOLUTE = "absolute"
    GUESSED = "guessed"


def begin(session: SessionBase) -> None:
    """Start both clocks of a session; called when somebody logs in."""
    session[BEGAN] = session[SEEN] = time.time()


def left(session: SessionBase) -> tuple[float, float]:
    """Return the seconds until the session ends for want of a sign of life, and at the latest.

    A session without its clocks, or with one in the future, has none left.
    """
    now = time.time()
    idle = _since(session, SEEN, now)
    age = _since(session, BEGAN, now)
    latest = settings.SESSION_COOKIE_AGE - age
    return min(settings.IDLE_SECONDS - idle, latest), latest


def over(session: SessionBase) -> End | None:
    """Return why the session is over, or ``None`` while it lasts."""
    idle, latest = left(session)
    if latest <= 0:
        return End.ABSOLUTE
    return End.IDLE if idle <= 0 else None


def touch(session: SessionBase) -> None:
    """Write down a sign of life, unless one was written a moment ago."""
    if time.time() - session.get(SEEN, 0) > settings.IDLE_SECONDS / TOUCH_SHARE:
        session[SEEN] = time.time()


def is_sign_of_life(request: HttpRequest) -> bool:
    """Return whether somebody is there: a page that refreshes or saves itself is nobody's presence.

    Of what scripts send only the message that a key or pointer was used counts (``idle.js``): a field that
    loses the focus saves a draft, also when nothing but our own warning took it. Browsers say what is a
    navigation; a program without that header is taken at its word.
    """
    if request.path == reverse("session_stay"):
        return True
    mode = request.headers.get("Sec-Fetch-Mode", "")
    if mode:
        return mode == "navigate"
    return "HX-Request" not in request.headers and request.path != reverse("session_state")


def also_end(ender: Callable[[User], object]) -> None:
    """Have ``ender`` called whenever all sessions of a person end: tokens end with them."""
    _enders.append(ender)


@transaction.atomic
def end_all(user: User, except_key: str | None = None) -> None:
    """End every session of ``user``, and every token.

    Sessions are bound to a number kept with the person, so that also one that nobody knows of ends.

    Parameters
    ----------
    except_key
        Key of the one session that goes on: that of whoever changes their own password.
    """
    User.objects.filter(pk=user.pk).update(session_generation=F("session_generation") + 1)
    user.refresh_from_db(fields=["session_generation"])
    for session in UserSession.objects.filter(user=user).exclude(session_key=except_key):
        session.end()
    if except_key:
        _go_on(user, except_key)
    for ender in _enders:
        ender(user)


def _go_on(user: User, key: str) -> None:
    """Bind the session of ``key`` to the new number; the one of the request of the moment in its memory."""
    request = context.request
    if request is not None and request.session.session_key == key:
        request.session[HASH_SESSION_KEY] = user.get_session_auth_hash()
        return
    store = import_module(settings.SESSION_ENGINE).SessionStore(key)
    store[HASH_SESSION_KEY] = user.get_session_auth_hash()
    store.save()


def _since(session: SessionBase, clock: str, now: float) -> float:
    began = session.get(clock)
    return now - began if isinstance(began, float) and began <= now else float("inf")
