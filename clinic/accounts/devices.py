"""Which browsers people have logged in from: a signed cookie, as OWASP describes its device cookie.

One browser of a shared workstation knows many people. Of each it keeps 18 bytes, so that a hundred fit: a
browser takes 4,096 characters of a cookie. Whoever logged in longest ago goes first.
"""

from __future__ import annotations

import secrets
import struct
import time

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.http import urlsafe_base64_decode, urlsafe_base64_encode

from clinic.accounts.models import User

DAYS, MOST_PEOPLE = 90, 100
DAY = 24 * 3600
SALT = "vigie_device"
NAME_BYTES, MARK_BYTES = 12, 8
# Number of the person, day of their last log-in, what binds them to their password of then.
ENTRY = struct.Struct(f">QH{MARK_BYTES}s")

People = dict[int, tuple[int, bytes]]


def known(request: HttpRequest, user: User) -> str:
    """Return the name of this browser if ``user`` has logged in with it lately, else an empty one."""
    name, people = _read(request)
    day, mark = people.get(user.pk, (0, b""))
    fresh = _today() - day < DAYS
    return name.hex() if fresh and constant_time_compare(mark, _mark(user, name)) else ""


def remember(request: HttpRequest, response: HttpResponse, user: User) -> None:
    """Mark the browser as one in which ``user`` has logged in just now."""
    name, people = _read(request)
    name = name or secrets.token_bytes(NAME_BYTES)
    people.pop(user.pk, None)
    people[user.pk] = _today(), _mark(user, name)
    lately = list(people.items())[-MOST_PEOPLE:]
    entries = b"".join(ENTRY.pack(pk, day, mark) for pk, (day, mark) in lately)
    response.set_cookie(
        settings.DEVICE_COOKIE_NAME,
        signing.TimestampSigner(salt=SALT).sign(urlsafe_base64_encode(name + entries)),
        max_age=DAYS * DAY,
        httponly=True,
        secure=settings.SESSION_COOKIE_SECURE,
        samesite="Strict",
    )


def _read(request: HttpRequest) -> tuple[bytes, People]:
    """Return the name of the browser and who has logged in with it, longest ago first."""
    cookie = request.COOKIES.get(settings.DEVICE_COOKIE_NAME, "")
    try:
        kept = urlsafe_base64_decode(signing.TimestampSigner(salt=SALT).unsign(cookie, max_age=DAYS * DAY))
        entries = list(ENTRY.iter_unpack(kept[NAME_BYTES:]))
    except (signing.BadSignature, ValueError, struct.error):
        return b"", {}
    return kept[:NAME_BYTES], {pk: (day, mark) for pk, day, mark in entries}


def _mark(user: User, name: bytes) -> bytes:
    """Bind a browser to the password of then: a new password makes every browser a stranger.

    Short, because the cookie as a whole is signed: nobody can try marks.
    """
    bound = f"{user.pk} {name.hex()} {user.password}"
    return salted_hmac(SALT, bound, algorithm="sha256").digest()[:MARK_BYTES]


def _today() -> int:
    return int(time.time() // DAY)
