"""Several processes that are shown the same codes at once, on the database of ``DATABASE_URL``.

Prints how many of them accepted the code of an app, a recovery code, and one of three attempts. A program of
its own, because the tests' own process sees its database through one connection.
"""

from __future__ import annotations

import os
import sys
import time

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clinic.settings")
django.setup()

from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402

from clinic.accounts import codes, throttles  # noqa: E402
from clinic.accounts.models import User  # noqa: E402
from ml.contracts import Refused  # noqa: E402
from tests import second_factors  # noqa: E402

PROCESSES, ATTEMPTS = 5, 3


def accepts(user: User, code: str) -> bool:
    """Show a code."""
    try:
        codes.check(user, code)
    except Refused:
        return False
    return True


def child(start: float, *shown: str) -> int:
    """Wait for the common moment, show every code, and return a bit for each that was accepted."""
    user = User.objects.get(username="crowd")
    time.sleep(max(0.0, start - time.time()))
    taken = [accepts(user, code) for code in shown]
    taken.append(throttles.hit("crowd", "alice", ATTEMPTS, 600))
    return sum(bit << number for number, bit in enumerate(taken))


def main() -> None:
    """Make the person and their codes, let all processes go at once, and count."""
    if "--migrate" in sys.argv:
        call_command("migrate", verbosity=0)
    user = User.objects.create(username="crowd", role="midwife")
    second_factors.app_of(user)
    shown = second_factors.code(1), RecoveryCodes.activate(user).get_unused_codes()[0]
    start = time.time() + 1.0
    # A process of its own has a connection of its own: none is inherited.
    connection.close()
    pids = []
    for _ in range(PROCESSES):
        if pid := os.fork():
            pids.append(pid)
        else:
            os._exit(child(start, *shown))
    taken = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
    app, recovery, attempts = (sum(mask >> bit & 1 for mask in taken) for bit in range(3))
    sys.stdout.write(f"app={app} recovery={recovery} attempts={attempts}\n")


if __name__ == "__main__":
    main()
