"""How many wrong passwords and codes are borne, from whom, and for how long.

Three counts guard the password: of an account from one address, of an account from anywhere, of an address.
None lasts longer than its window, and a browser in which somebody has logged in before is counted by itself
(a device cookie, as OWASP describes): an attacker who keeps an account locked from outside does not keep its
owner from their usual workstation. Codes are counted by account alone: whoever tries one knows the password.
"""

from __future__ import annotations

import ipaddress
import secrets
from dataclasses import dataclass

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare, salted_hmac

from clinic.accounts import notices, throttles
from clinic.accounts.models import User
from clinic.audit.context import client_address
from clinic.audit.models import Action
from clinic.audit.recording import record
from ml.contracts import Problem, Refused, Text

QUARTER, DAY = 15 * 60, 24 * 3600
DEVICE_DAYS, MOST_PEOPLE = 90, 20
SALT = "vigie_device"

TOO_MANY = Problem(
    "too_many_attempts",
    Text(
        "Too many attempts. Wait a quarter of an hour, or ask an administrator.",
        "Trop de tentatives. Attendez un quart d’heure, ou adressez-vous à un administrateur.",
    ),
)
LOCKED = Text(
    "Too many wrong passwords or codes were tried for the account {name}. It opens again by itself within "
    "{wait}; from a browser its owner has used before it can still be entered.",
    "Trop de mots de passe ou de codes erronés ont été essayés pour le compte {name}. Il se rouvre de "
    "lui-même en {wait} ; il reste accessible depuis un navigateur que son titulaire a déjà utilisé.",
)
WAITS = {QUARTER: Text("15 minutes", "15 minutes"), DAY: Text("24 hours", "24 heures")}


@dataclass(frozen=True, slots=True)
class Limit:
    """How many attempts a window bears."""

    scope: str
    most: int
    seconds: int


PAIR = Limit("account at address", 5, QUARTER)
ACCOUNT = Limit("account", 20, QUARTER)
ADDRESS = Limit("address", 100, QUARTER)
DEVICE = Limit("account on device", 10, QUARTER)
CODES = Limit("code", 5, QUARTER)
CODES_A_DAY = Limit("code a day", 20, DAY)
CONFIRMATIONS = Limit("confirmation", 5, QUARTER)
PASSKEYS = Limit("passkey", 60, 60)
RECORDED = Limit("refusal on record", 20, QUARTER)

Taken = list[tuple[Limit, str]]


def before_password(request: HttpRequest, username: str) -> Taken:
    """Count an attempt with a password and return what was counted, for :func:`right_password`.

    The narrowest count comes first: whoever hammers from one address uses up that count alone.

    Raises
    ------
    Refused
        When one of the counts is full.
    """
    user = User.objects.filter(username__iexact=username).first()
    name, place = username.casefold(), network(request)
    counts = [(PAIR, f"{name} {place}"), (ACCOUNT, name), (ADDRESS, place)]
    if user is not None and (device := _device(request, user)):
        counts = [(DEVICE, f"{user.pk} {device}")]
    for limit, key in counts:
        _count(limit, key, user)
    return counts


def right_password(counted: Taken) -> None:
    """Take the attempt back, but not the wrong ones before it: they may have been somebody else's."""
    for limit, key in counted:
        throttles.give_back(limit.scope, key)


def before_code(user: User) -> None:
    """Count an attempt with a code.

    Raises
    ------
    Refused
        When too many were wrong.
    """
    for limit in (CODES, CODES_A_DAY):
        _count(limit, str(user.pk), user)


def code_accepted(user: User) -> None:
    """Forget the wrong codes before the right one; those of the day lose only this attempt."""
    throttles.forget(CODES.scope, str(user.pk))
    throttles.give_back(CODES_A_DAY.scope, str(user.pk))


def before_confirmation(user: User) -> None:
    """Count an attempt to confirm a session that is open.

    Raises
    ------
    Refused
        When too many were wrong.
    """
    _count(CONFIRMATIONS, str(user.pk), user)


def confirmed(user: User) -> None:
    """Forget the attempts before."""
    throttles.forget(CONFIRMATIONS.scope, str(user.pk))


def before_passkey(request: HttpRequest) -> None:
    """Count an attempt to log in with a passkey alone: nothing can be guessed, but much be computed.

    Raises
    ------
    Refused
        When one address sends too many.
    """
    _count(PASSKEYS, network(request), None)


def is_news(request: HttpRequest) -> bool:
    """Return whether one more refusal of an address is put on record: nobody fills the audit from outside."""
    return throttles.hit(RECORDED.scope, network(request), RECORDED.most, RECORDED.seconds)


def forgive(user: User) -> None:
    """Open an account again: an administrator gave it a new password or took its second factor away."""
    throttles.forget(ACCOUNT.scope, user.username.casefold())
    for limit in (CODES, CODES_A_DAY, CONFIRMATIONS):
        throttles.forget(limit.scope, str(user.pk))


def remember(request: HttpRequest, response: HttpResponse, user: User) -> None:
    """Mark the browser as one in which ``user`` has logged in."""
    if _device(request, user):
        return
    people = _devices(request)
    people.pop(str(user.pk), None)
    device = secrets.token_urlsafe(12)
    kept = dict(list(people.items())[1 - MOST_PEOPLE :]) | {str(user.pk): [device, _mark(user, device)]}
    response.set_cookie(
        settings.DEVICE_COOKIE_NAME,
        signing.dumps(kept, salt=SALT),
        max_age=DEVICE_DAYS * DAY,
        httponly=True,
        secure=settings.SESSION_COOKIE_SECURE,
        samesite="Strict",
    )


def network(request: HttpRequest) -> str:
    """Return the address that is counted: of IPv6 the /64, all of which one machine may use."""
    address = client_address(request)
    if address is None:
        return "unknown"
    parsed = ipaddress.ip_address(address)
    return str(ipaddress.ip_network((parsed, 64), strict=False)) if parsed.version == 6 else address


def _count(limit: Limit, key: str, user: User | None) -> None:
    tried = throttles.count(limit.scope, key, limit.seconds)
    if tried == limit.most + 1:
        _locked(limit, user)
    if tried > limit.most:
        raise Refused(TOO_MANY)


def _locked(limit: Limit, user: User | None) -> None:
    """Put the closing of a count on record, once in a window, and tell who should know."""
    whose = {"account": user.username} if user else {}
    record(
        Action.LOCK,
        kind="staff",
        object_id=str(user.pk) if user else "",
        detail={**whose, "limit": limit.scope, "attempts": limit.most, "seconds": limit.seconds},
    )
    if user is None:
        return
    wait = WAITS[limit.seconds]
    text = Text(
        LOCKED.en.format(name=user.username, wait=wait.en), LOCKED.fr.format(name=user.username, wait=wait.fr)
    )
    # A few slips at one's own desk concern nobody else.
    admins = [] if limit in (PAIR, DEVICE, CONFIRMATIONS) else notices.administrators()
    notices.notify([user, *admins], text)


def _devices(request: HttpRequest) -> dict[str, list[str]]:
    try:
        return signing.loads(
            request.COOKIES.get(settings.DEVICE_COOKIE_NAME, ""), salt=SALT, max_age=DEVICE_DAYS * DAY
        )
    except signing.BadSignature:
        return {}


def _device(request: HttpRequest, user: User) -> str:
    """Return which browser of ``user`` this is, empty when it is none."""
    device, mark = _devices(request).get(str(user.pk), ["", ""])
    return device if device and constant_time_compare(mark, _mark(user, device)) else ""


def _mark(user: User, device: str) -> str:
    """Bind a browser to the password of then: a new password makes every browser a stranger."""
    return salted_hmac(SALT, f"{user.pk} {device} {user.password}", algorithm="sha256").hexdigest()
