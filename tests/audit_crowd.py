"""Many writers and two sealers at once on the database of ``DATABASE_URL``; prints what the chain became.

A program of its own, because the tests' own database lives in memory, where nobody has to wait.
"""

from __future__ import annotations

import os
import threading
import time

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clinic.settings")
django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection, transaction  # noqa: E402

from clinic.audit.models import Action, Event, Seal, Waiting  # noqa: E402
from clinic.audit.recording import record  # noqa: E402
from clinic.audit.seal import seal_all  # noqa: E402
from clinic.audit.verify import verify  # noqa: E402

WRITERS, EACH = 4, 25


def write(number: int) -> None:
    """Write events; every fifth transaction takes its time, every seventh is rolled back."""
    for turn in range(EACH):
        with transaction.atomic():
            record(Action.VIEW, actor_label=f"writer {number}", detail={"turn": turn})
            if turn % 5 == 0:
                time.sleep(0.02)
            transaction.set_rollback(turn % 7 == 3)
    connection.close()


def seal(stop: threading.Event) -> None:
    """Seal without pause until told to stop."""
    while not stop.is_set():
        seal_all()
        time.sleep(0.005)
    connection.close()


def main() -> None:
    """Let them all loose, then look at the chain."""
    call_command("migrate", verbosity=0)
    stop = threading.Event()
    sealers = [threading.Thread(target=seal, args=(stop,)) for _ in range(2)]
    writers = [threading.Thread(target=write, args=(number,)) for number in range(WRITERS)]
    for thread in (*sealers, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    for thread in sealers:
        thread.join()
    seal_all()
    outcome = verify()
    order = list(Seal.objects.order_by("position").values_list("event_id", flat=True))
    print(  # noqa: T201
        f"events={Event.objects.count()} sealed={outcome.seals} waiting={Waiting.objects.count()} "
        f"ok={outcome.ok} late_commits={order != sorted(order)}"
    )


if __name__ == "__main__":
    main()
