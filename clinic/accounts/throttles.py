"""Limits on how often something is tried, counted in the database so that they hold over several processes.

A window opens with the first attempt and closes by itself: nothing here shuts anybody out for good.
"""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.crypto import salted_hmac

from clinic.accounts.attempts import Attempts

# How far the clocks of two machines that serve together may be apart.
CLOCKS_APART = timedelta(minutes=1)


def hit(scope: str, key: str, limit: int, seconds: int) -> bool:
    """Count one attempt and return whether it is within the limit.

    Counted before what is tried is looked at, so that attempts made at once cannot all pass. Not for use
    within a transaction that may be rolled back: the count would be too.

    Parameters
    ----------
    scope
        What is counted, up to 30 characters.
    key
        Whose attempts: an account, an address. Only a keyed hash of it is stored.
    limit
        How many attempts are allowed in a window.
    seconds
        Length of the window, which the first attempt opens.
    """
    return count(scope, key, seconds) <= limit


def count(scope: str, key: str, seconds: int) -> int:
    """Count one attempt and return how many the window holds now."""
    length = timedelta(seconds=seconds)
    with transaction.atomic():
        row, new = Attempts.objects.select_for_update().get_or_create(
            scope=scope, key=hashed(key), defaults={"count": 0, "until": timezone.now() + length}
        )
        # Read after the row is ours: whoever waited for it must not take its window for one to come.
        now = timezone.now()
        # A window that closes much later than one opened now would: the clock was set back.
        if row.until <= now or row.until > now + length + CLOCKS_APART:
            row.count, row.until = 0, now + length
        row.count += 1
        row.save(update_fields=["count", "until"])
    if new:
        Attempts.objects.filter(until__lt=now).delete()
    return row.count


def remaining(scope: str, key: str) -> int:
    """Return how many seconds the open window still lasts, 0 when there is none."""
    row = Attempts.objects.filter(scope=scope, key=hashed(key)).first()
    return max(0, round((row.until - timezone.now()).total_seconds())) if row else 0


def give_back(scope: str, key: str) -> None:
    """Take one attempt back: it succeeded. The others of the window still count."""
    Attempts.objects.filter(scope=scope, key=hashed(key), count__gt=0).update(count=F("count") - 1)


def forget(scope: str, key: str) -> None:
    """Close the window at once."""
    Attempts.objects.filter(scope=scope, key=hashed(key)).delete()


def hashed(key: str) -> str:
    """Return what is stored instead of ``key``: people type their password into the field of the name."""
    return salted_hmac("clinic.accounts.throttles", key, algorithm="sha256").hexdigest()
