"""How many wrong passwords and codes are borne, from whom, and for how long.

Three counts guard the password: of an account from one address, of an account from anywhere, of an address.
None lasts longer than its window, and a browser in which somebody has logged in before is counted by itself
(a device cookie, as OWASP describes): an attacker who keeps an account locked from outside does not keep its
owner from their usual workstation. Codes are counted by account alone: whoever tries one knows the password.
What is tried within an open session counts against that session and nothing else: whoever finds a screen open
needed no password to get there.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from django.http import HttpRequest

from clinic.accounts import devices, notices, throttles
from clinic.accounts.models import User
from clinic.audit.context import client_address
from clinic.audit.models import Action
from clinic.audit.recording import record
from ml.contracts import Problem, Refused, Text

QUARTER, DAY = 15 * 60, 24 * 3600

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
ENDED = Problem(
    "session_ended",
    Text(
        "Five wrong passwords or codes were given in this session, so it has ended. Log in again: the "
        "account is not locked.",
        "Cinq mots de passe ou codes erronés ont été saisis dans cette session : elle est terminée. "
        "Reconnectez-vous : le compte n’est pas verrouillé.",
    ),
)
SESSION_CLOSED = Text(
    "Five wrong passwords or codes were given in an open session of {name}, and that session was ended. The "
    "account is not locked. If it was not {name}, somebody sat at a screen left open.",
    "Cinq mots de passe ou codes erronés ont été saisis dans une session ouverte de {name}, qui a été "
    "terminée. Le compte n’est pas verrouillé. Si ce n’était pas {name}, quelqu’un s’est servi d’un écran "
    "laissé ouvert.",
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
# As long as any session lasts: a right one gives the session a new key, and the count begins anew.
CONFIRMATIONS = Limit("confirmation", 5, DAY)
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
    if user is not None and (device := devices.known(request, user)):
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


def before_confirmation(request: HttpRequest) -> None:
    """Count an attempt to confirm the open session of ``request``.

    The last one borne is still looked at; unless :func:`confirmed` follows, the session ends with it.

    Raises
    ------
    Refused
        When too many were wrong.
    """
    key = request.session.session_key
    request.guesses = throttles.count(CONFIRMATIONS.scope, key, CONFIRMATIONS.seconds)
    if request.guesses > CONFIRMATIONS.most:
        raise Refused(ENDED)


def confirmed(request: HttpRequest) -> None:
    """Forget the attempts of the session before."""
    throttles.forget(CONFIRMATIONS.scope, request.session.session_key)
    request.guesses = 0


def spent(request: HttpRequest) -> bool:
    """Return whether the session of ``request`` has used up its guesses, and has to end."""
    return getattr(request, "guesses", 0) >= CONFIRMATIONS.most


def session_closed(request: HttpRequest) -> None:
    """Put the end of a session that was guessed at on record, once, and tell who should know."""
    if request.guesses > CONFIRMATIONS.most:
        return
    user = request.user
    detail = {"account": user.username, "limit": CONFIRMATIONS.scope, "attempts": CONFIRMATIONS.most}
    record(Action.LOCK, actor=user, kind="session", object_id=str(user.pk), detail=detail)
    notices.notify([user, *notices.administrators()], SESSION_CLOSED.format(name=user.username))


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
    for limit in (CODES, CODES_A_DAY):
        throttles.forget(limit.scope, str(user.pk))


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
    admins = [] if limit in (PAIR, DEVICE) else notices.administrators()
    notices.notify([user, *admins], text)
