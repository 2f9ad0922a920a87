"""Codes of an app and recovery codes: each serves once, whichever process it is shown to first."""

from __future__ import annotations

import time

from allauth.core.internal.cryptokit import compare_user_code, normalize_user_code
from allauth.mfa import app_settings
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from allauth.mfa.utils import decrypt
from django.db import IntegrityError, transaction
from django.db.models import Q

from clinic.accounts import lockout
from clinic.accounts.attempts import LastCode
from clinic.accounts.models import User
from ml.contracts import Problem, Refused, Text

WRONG = Problem("wrong_code", Text("This code is wrong.", "Ce code est erroné."))
WRONG_KEY = Problem(
    "wrong_key",
    Text(
        "This passkey was not accepted. Try again, or use your password.",
        "Cette clé d’accès n’a pas été acceptée. Réessayez ou utilisez votre mot de passe.",
    ),
)
USED = Problem(
    "used_code",
    Text(
        "This code has served already. Wait until your app shows the next one.",
        "Ce code a déjà servi. Attendez que votre application affiche le suivant.",
    ),
)


def check(user: User, code: str) -> Authenticator:
    """Accept a code of the app or a recovery code of ``user``, once.

    Raises
    ------
    Refused
        When the code is wrong, has served before, or too many wrong ones were tried.
    """
    lockout.before_code(user)
    factor = match(user, code)
    lockout.code_accepted(user)
    return factor


def match(user: User, code: str) -> Authenticator:
    """Accept a code of the app or a recovery code, once; whoever calls counts the attempts.

    Raises
    ------
    Refused
        When the code is wrong or has served before.
    """
    factors = {factor.type: factor for factor in Authenticator.objects.filter(user=user)}
    code = normalize_user_code(code)
    if factor := factors.get(Authenticator.Type.TOTP):
        step = matching_step(decrypt(factor.data["secret"]), code)
        if step is not None and not spend(user, step):
            raise Refused(USED)
        if step is not None:
            return factor
    factor = factors.get(Authenticator.Type.RECOVERY_CODES)
    # Locks its row while it looks: a recovery code shown twice at once is accepted once.
    if factor is not None and RecoveryCodes(factor).validate_code(code):
        return factor
    raise Refused(WRONG)


def matching_step(secret: str, code: str) -> int | None:
    """Return the latest time step whose code is ``code`` (RFC 6238), ``None`` when it is none of now."""
    for step in sorted(yield_hotp_counters_from_time(), reverse=True):
        if compare_user_code(actual=code, expected=format_hotp_value(hotp_value(secret, step))):
            return step
    return None


def spend(user: User, step: int) -> bool:
    """Mark the code of a time step as used; return whether it was not, nor a later one.

    One conditional update decides between processes. A step from the future, left by a clock that was set
    back since, does not shut the person out.
    """
    latest = int(time.time()) // app_settings.TOTP_PERIOD + app_settings.TOTP_TOLERANCE
    if LastCode.objects.filter(Q(step__lt=step) | Q(step__gt=latest), user=user).update(step=step):
        return True
    try:
        with transaction.atomic():
            LastCode.objects.create(user=user, step=step)
    except IntegrityError:
        return False
    return True
