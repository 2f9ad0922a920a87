"""``manage.py seal_audit``: chain committed events and anchor the chain, once or for as long as it runs."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError, close_old_connections, connection

from clinic.audit import alarms
from clinic.audit.anchors import sending
from clinic.audit.anchors.keys import NoKey
from clinic.audit.anchors.targets import configured
from clinic.audit.seal import seal_all

logger = logging.getLogger(__name__)
PAUSE_SECONDS = 0.25
ANCHOR_SECONDS = 1.0
RETRY_SECONDS = 1.0


class Command(BaseCommand):
    """Seals what waits."""

    help = "Chain the audit events that wait and anchor the chain; with --follow, until stopped."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add ``--follow``."""
        parser.add_argument("--follow", action="store_true", help="keep sealing until SIGTERM or Ctrl-C")

    def handle(self, *args: Any, follow: bool, **options: Any) -> None:
        """Seal once, or follow."""
        if not follow:
            self.stdout.write(f"{seal_all()} events sealed")
            self._anchor_once()
            return
        stop = threading.Event()
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: stop.set())
        configured()  # a target that cannot be read is told before anything begins
        # A thread of its own: a server that hangs must not hold up the sealing.
        with ThreadPoolExecutor(1) as pool:
            anchoring = pool.submit(_keep, look_after_anchors, ANCHOR_SECONDS, stop)
            _keep(seal_all, PAUSE_SECONDS, stop)
        anchoring.result()

    def _anchor_once(self) -> None:
        try:
            made = sending.anchor()
        except NoKey as error:
            self.stderr.write(f"not anchored: {error}")
            return
        sending.deliver()
        self.stdout.write(f"{made} anchors made")


def look_after_anchors() -> None:
    """Anchor what is due, send what waits, and raise or end alarms."""
    try:
        if sending.due():
            sending.anchor()
    except NoKey:
        logger.error("no key to sign anchors with", extra={"code": "unanchored"})
    sending.deliver()
    alarms.watch()


def _keep(work: Callable[[], object], pause: float, stop: threading.Event) -> None:
    """Do ``work`` until ``stop``, which whatever else goes wrong sets: the supervisor starts both again.

    A database that is away or busy is waited for: the events do not run off.
    """
    try:
        while not stop.is_set():
            wait = pause
            try:
                work()
            except DatabaseError:
                logger.warning("the database did not answer; this goes on when it does", exc_info=True)
                connection.close()
                wait = RETRY_SECONDS
            close_old_connections()
            stop.wait(wait)
    finally:
        stop.set()
        connection.close()
