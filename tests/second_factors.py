"""Apps that show codes, for tests: the secret is invented, the codes are those of the moment asked for."""

from __future__ import annotations

import time

from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value

from clinic.accounts.models import User

SECRET = "JBSWY3DPEHPK3PXP"
PERIOD = 30


def app_of(user: User) -> TOTP:
    """Give ``user`` an app that shows codes."""
    return TOTP.activate(user, SECRET)


def code(steps: int = 0, *, secret: str = SECRET) -> str:
    """Return the code the app shows ``steps`` periods from now."""
    return format_hotp_value(hotp_value(secret, int(time.time()) // PERIOD + steps))
