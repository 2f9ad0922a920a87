"""Tokens of programs: issued with scopes and an end, found by the hash of their secret, revoked."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection
from datetime import timedelta

from django.db import transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone, translation

from clinic.accounts import notices
from clinic.accounts.access import may_enter
from clinic.accounts.models import ApiToken, User
from clinic.accounts.roles import Role, Scope
from clinic.audit.models import Action
from clinic.audit.recording import record
from ml.contracts import Problem, Refused, Text

PREFIX = "vigie_"
DEFAULT_DAYS, MOST_DAYS = 30, 90
LOGIN = timedelta(hours=12)
# To ask for one of these is how a program confirms who is there, so none is issued at a page, and none lasts
# long: signing and emergencies as long as the confirmation of a person, exports as long as one takes.
SIGNING, EXPORTING = timedelta(minutes=15), timedelta(hours=1)
CONFIRMED = {Scope.SIGN: SIGNING, Scope.EMERGENCY: SIGNING, Scope.EXPORT: EXPORTING}
USE_NOTED_EVERY = timedelta(minutes=1)
WARNED_BEFORE = timedelta(days=3)
MOST_SERVING = 50
KEPT_AFTER_END = timedelta(days=400)

TOO_LONG = Problem(
    "token_too_long",
    Text(
        "A token lives 90 days at most, one that exports an hour, one that signs or opens a record in an "
        "emergency 15 minutes. Choose a shorter time.",
        "Un jeton vit 90 jours au plus, un jeton qui exporte une heure, un jeton qui signe ou ouvre un "
        "dossier en urgence 15 minutes. Choisissez une durée plus courte.",
    ),
    field="days",
)
UNCONFIRMED = Problem(
    "scope_needs_confirmation",
    Text(
        "Only a token issued with the password and the second factor may sign, export or open a record in an "
        "emergency. Ask for it at /api/token.",
        "Seul un jeton délivré avec le mot de passe et le second facteur peut signer, exporter ou ouvrir un "
        "dossier en urgence. Demandez-le à /api/token.",
    ),
    field="scopes",
)
NO_SCOPE = Problem(
    "token_without_scope",
    Text("Choose at least one scope.", "Choisissez au moins une portée."),
    field="scopes",
)
TOO_MANY = Problem(
    "too_many_tokens",
    Text(
        "You have 50 tokens that still serve. Revoke those you no longer need.",
        "Vous avez 50 jetons encore valables. Révoquez ceux dont vous n’avez plus besoin.",
    ),
)


def hashed(secret: str) -> str:
    """Return what is stored of a secret: plain SHA-256, as 256 random bits need no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


@transaction.atomic
def issue(
    *, owner: User, name: str, scopes: Collection[str], lifetime: timedelta, confirmed: bool = False
) -> tuple[ApiToken, str]:
    """Issue a token.

    Parameters
    ----------
    scopes
        Among :class:`clinic.accounts.roles.Scope`; none includes another.
    confirmed
        Whether password and second factor were given for this very token, without which it gets none of
        the scopes of :data:`CONFIRMED`.

    Returns
    -------
    ApiToken, str
        The token, and its secret, which is shown once.

    Raises
    ------
    ml.contracts.Refused
        Without a scope, for a life that is too long, or a scope that needs a confirmation.
    """
    chosen = [scope for scope in Scope.values if scope in scopes]
    if not chosen:
        raise Refused(NO_SCOPE)
    if CONFIRMED.keys() & set(chosen) and not confirmed:
        raise Refused(UNCONFIRMED)
    if not timedelta(0) < lifetime <= longest(chosen, timedelta(days=MOST_DAYS)):
        raise Refused(TOO_LONG)
    now = timezone.now()
    owner = User.objects.select_for_update().get(pk=owner.pk)
    owner.tokens.filter(expires_at__lt=now - KEPT_AFTER_END).delete()
    if owner.tokens.filter(revoked_at=None, expires_at__gt=now).count() >= MOST_SERVING:
        raise Refused(TOO_MANY)
    secret = PREFIX + secrets.token_urlsafe(32)
    token = ApiToken.objects.create(
        owner=owner,
        name=name,
        scopes=chosen,
        secret_hash=hashed(secret),
        hint=secret[-4:],
        expires_at=now + lifetime,
    )
    detail = {"name": name, "scopes": chosen, "expires_at": token.expires_at}
    record(Action.ISSUE, actor=owner, kind="token", object_id=str(token.pk), detail=detail)
    _tell_owner(token)
    return token, secret


def longest(scopes: Collection[str], otherwise: timedelta) -> timedelta:
    """Return how long a token of these scopes may live, ``otherwise`` if none of them is of short life."""
    return min([otherwise, *(lifetime for scope, lifetime in CONFIRMED.items() if scope in scopes)])


def _tell_owner(token: ApiToken) -> None:
    """Tell the owner of every token in their name: one they did not ask for is somebody else's."""
    end = timezone.localtime(token.expires_at)
    english, french = (_listed(token, language) for language in ("en", "fr"))
    text = Text(
        f"A token “{token.name}” was issued in your name: {english}; until {end:%Y-%m-%d %H:%M}. "
        "If you did not ask for it, revoke it and change your password.",
        f"Un jeton « {token.name} » a été délivré à votre nom : {french} ; jusqu’au {end:%d/%m/%Y %H:%M}. "
        "Si vous ne l’avez pas demandé, révoquez-le et changez de mot de passe.",
    )
    notices.notify([token.owner], text, link=reverse("token_list"))


def _listed(token: ApiToken, language: str) -> str:
    with translation.override(language):
        return ", ".join(token.scope_labels)


def find(secret: str) -> ApiToken | None:
    """Return the token of a secret if it serves and its owner may enter; its use is noted.

    The owner carries its scopes from here on: what an emergency opened is for tokens of that scope alone.
    """
    if not secret.startswith(PREFIX):
        return None
    token = ApiToken.objects.select_related("owner").filter(secret_hash=hashed(secret)).first()
    if token is None or not token.serving or not may_enter(token.owner) or token.owner.temporary_password:
        return None
    token.owner.token_scopes = frozenset(token.scopes)
    _note_use(token)
    return token


def _note_use(token: ApiToken) -> None:
    """Keep when the token was last used, at most once a minute, and tell the owner of its coming end."""
    now = timezone.now()
    stale = Q(last_used_at=None) | Q(last_used_at__lt=now - USE_NOTED_EVERY)
    if not ApiToken.objects.filter(stale, pk=token.pk).update(last_used_at=now):
        return
    ends_soon = token.expires_at - WARNED_BEFORE < now and token.expires_at - token.issued_at > WARNED_BEFORE
    if ends_soon and ApiToken.objects.filter(pk=token.pk, warned_at=None).update(warned_at=now):
        _warn(token)


def _warn(token: ApiToken) -> None:
    day = f"{timezone.localtime(token.expires_at):%Y-%m-%d}"
    text = Text(
        f"Your token “{token.name}” is in use and ends on {day}. Issue another one for the program.",
        f"Votre jeton « {token.name} » est utilisé et expire le {day}. Délivrez-en un autre au programme.",
    )
    notices.notify([token.owner], text, link=reverse("token_list"))


@transaction.atomic
def revoke(*, actor: User, token: ApiToken) -> bool:
    """Revoke a token; return whether it still served. Its owner is told when somebody else did it."""
    now = timezone.now()
    if not ApiToken.objects.filter(pk=token.pk, revoked_at=None, expires_at__gt=now).update(revoked_at=now):
        return False
    record(
        Action.REVOKE,
        actor=actor,
        kind="token",
        object_id=str(token.pk),
        detail={"name": token.name, "owner": token.owner.username},
    )
    if actor != token.owner:
        text = Text(
            f"An administrator revoked your token “{token.name}”.",
            f"Un administrateur a révoqué votre jeton « {token.name} ».",
        )
        notices.notify([token.owner], text, link=reverse("token_list"))
    return True


def revoke_all(owner: User) -> int:
    """End every token of somebody whose sessions end; return how many served."""
    now = timezone.now()
    ended = owner.tokens.filter(revoked_at=None, expires_at__gt=now).update(revoked_at=now)
    if ended:
        detail = {"owner": owner.username, "tokens": ended}
        record(Action.REVOKE, kind="token", detail=detail)
    return ended


def may_revoke(user: User, token: ApiToken) -> bool:
    """Return whether ``user`` may end a token: their own, an administrator any."""
    return user == token.owner or user.role == Role.ADMIN
