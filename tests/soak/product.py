"""The product as ``make run`` starts it, and everything that can be done to it without any privilege."""

from __future__ import annotations

import json
import os
import resource
import signal
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from pathlib import Path

from celery import Celery
from django.db import Error, connection, transaction

from predictions import queue
from predictions.models import Study
from predictions.states import PENDING
from tests.machine import ROOT
from tests.probe import clock
from tests.servers import LiveStack, running_stack
from tests.soak.plan import Happening
from tests.ward import children

HELD_SECONDS = 6
"""How long something stays wrong: half a lease (below), so that what is in hand has to outlive it."""
CUT_SECONDS = 0.2
"""Between two cuts of every connection of the database."""
GONE_SECONDS = 0.1
"""Between two looks whether killed processes are gone."""
HOUR = 3600


class Product:
    """The running product in a folder, which survives being killed as a whole."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = folder / "clock"
        self._context: AbstractContextManager[LiveStack]
        self.stack: LiveStack

    def start(self) -> None:
        """Start it, or start it again, and wait until it says it is ready."""
        paths = [str(ROOT / "tests/soak/hook"), str(ROOT)]
        environment = {
            clock.NAME: str(self.clock),
            "PYTHONPATH": os.pathsep.join(paths),
            "VIGIE_STUDY_LEASE_SECONDS": "12",
            "VIGIE_STUDY_RESEND_SECONDS": "6",
            "VIGIE_REAP_SECONDS": "1",
        }
        if url := os.environ.get("DATABASE_URL"):
            environment["DATABASE_URL"] = url
        self._context = running_stack(self.folder, **environment)
        self.stack = self._context.__enter__()

    def stop(self) -> None:
        """Stop it in good order."""
        self._context.__exit__(None, None, None)

    def do(self, happening: Happening) -> None:
        """Have something go wrong; it is over when this returns, and the product on its own again."""
        HAPPENINGS[happening.what](self, happening)

    def kill(self, *services: str) -> None:
        """Kill services at once; their supervisor starts them again."""
        pids = self.stack.pids()
        for service in services:
            with suppress(ProcessLookupError):
                os.kill(pids[service], signal.SIGKILL)

    def every_process(self) -> list[int]:
        """Return the processes of all services but the broker, children included."""
        found = [pid for name, pid in self.stack.pids().items() if name != "broker"]
        for pid in list(found):
            with suppress(OSError):
                found += children(pid)
        return found

    def send_again(self, study: str) -> None:
        """Deliver the message of a study once more."""
        lines = (self.folder / "broker/valkey.conf").read_text("utf-8").splitlines()
        said = dict(line.split(" ", 1) for line in lines)
        app = Celery(broker=f"redis://:{said['requirepass']}@127.0.0.1:{said['port']}/0")
        name = Study.objects.get(pk=study).contract.queue
        with suppress(OSError, app.connection().connection_errors[0]):
            app.send_task(queue.ANALYSE, kwargs={"study_id": study}, queue=name, retry=False)


def _kill_child(product: Product, happening: Happening) -> None:
    worker = product.stack.pids()[happening.worker]
    with suppress(OSError):
        for child in children(worker):
            os.kill(child, signal.SIGKILL)


def _killer(*services: str) -> Callable[[Product, Happening], None]:
    return lambda product, happening: product.kill(*(services or (happening.worker,)))


def _hang_broker(product: Product, happening: Happening) -> None:
    broker = product.stack.pids()["broker"]
    os.kill(broker, signal.SIGSTOP)
    time.sleep(HELD_SECONDS)
    os.kill(broker, signal.SIGCONT)


def _hold_database(product: Product, happening: Happening) -> None:
    """Hold SQLite's one lock for writing; end the connections of PostgreSQL, again and again."""
    deadline = time.monotonic() + HELD_SECONDS
    if connection.vendor == "sqlite":
        with suppress(Error), transaction.atomic():
            time.sleep(HELD_SECONDS)
        return
    while time.monotonic() < deadline:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        time.sleep(CUT_SECONDS)


def _fill_disk(product: Product, happening: Happening) -> None:
    """Leave every process no room for a byte: RLIMIT_FSIZE needs no privilege and can be lifted again."""
    for size in (0, resource.RLIM_INFINITY):
        for pid in product.every_process():
            with suppress(ProcessLookupError):
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
        time.sleep(HELD_SECONDS if size == 0 else 0)


def _jump(hours: int) -> Callable[[Product, Happening], None]:
    """Set the clock, and after a while set it right again: a jump in either direction."""

    def jump(product: Product, happening: Happening) -> None:
        clock.jump(product.clock, hours * HOUR)
        time.sleep(HELD_SECONDS)
        clock.jump(product.clock, -hours * HOUR)

    return jump


def _send_twice(product: Product, happening: Happening) -> None:
    for study in Study.objects.order_by("-submitted_at").values_list("pk", flat=True)[:10]:
        product.send_again(str(study))


def _kill_everything(product: Product, happening: Happening) -> None:
    product.stack.supervisor.kill()
    product.stack.supervisor.wait()
    services = json.loads((product.folder / "stack.json").read_text("utf-8"))["services"]
    while any(Path(f"/proc/{pid}").exists() for pid in services.values()):
        time.sleep(GONE_SECONDS)
    (product.folder / "stack.json").unlink()
    product.start()


HAPPENINGS: dict[str, Callable[[Product, Happening], None]] = {
    "pool child killed": _kill_child,
    "worker killed": _killer(),
    "broker killed": _killer("broker"),
    "broker hung": _hang_broker,
    "web server killed": _killer("web"),
    "watch killed": _killer("watch"),
    "sealer killed": _killer("sealer"),
    "database held or cut": _hold_database,
    "disk full": _fill_disk,
    "clock set forward": _jump(30),
    "clock set back": _jump(-30),
    "messages sent twice": _send_twice,
    "everything killed": _kill_everything,
}


def under_way() -> list[str]:
    """Return the studies that wait or run."""
    return [str(pk) for pk in Study.objects.filter(state__in=PENDING).values_list("pk", flat=True)]
