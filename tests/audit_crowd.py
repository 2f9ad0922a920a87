"""Many writers and two sealers at once on the database of ``DATABASE_URL``; prints what the chain became.

With ``paced``, writers alone at the pace of a busy ward, while the product's own sealer follows: prints how
far it fell behind. A program of its own, because the tests' own database is seen by one connection alone.
"""

from __future__ import annotations

import os
import sys
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


class StallMeter(threading.Thread):
    """Measures for how long this machine let nobody work: no lag of a sealer can be less than that."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.worst = 0.0

    def run(self) -> None:
        """Sleep, and see how much longer it took."""
        while True:
            before = time.monotonic()
            time.sleep(0.02)
            self.worst = max(self.worst, time.monotonic() - before - 0.02)


def write_paced(number: int, seconds: float) -> None:
    """Write an event and the change it describes some twenty times a second."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with transaction.atomic():
            record(Action.VIEW, actor_label=f"writer {number}", detail={"a": 1})
        time.sleep(0.05)
    connection.close()


def paced(seconds: float = 4) -> None:
    """Write beside a sealer that follows, then say how far behind the event it was with each seal."""
    meter = StallMeter()
    meter.start()
    writers = [threading.Thread(target=write_paced, args=(number, seconds)) for number in range(WRITERS)]
    for thread in writers:
        thread.start()
    for thread in writers:
        thread.join()
    deadline = time.monotonic() + 20
    while Waiting.objects.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    # What waited while the sealer was still starting is no lag of its.
    seals = Seal.objects.filter(event__actor_label__startswith="writer").select_related("event")
    lags = sorted((seal.sealed_at - seal.event.at).total_seconds() for seal in seals)
    print(  # noqa: T201
        f"events={Event.objects.count()} sealed={Seal.objects.count()} median={lags[len(lags) // 2]:.3f} "
        f"worst={lags[-1]:.3f} stall={meter.worst:.3f} ok={verify().ok}"
    )


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
    paced() if "paced" in sys.argv else main()
