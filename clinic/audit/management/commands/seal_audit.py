"""``manage.py seal_audit``: chain committed events, once or for as long as it runs."""

from __future__ import annotations

import logging
import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import OperationalError, close_old_connections, connection

from clinic.audit.seal import seal_all

logger = logging.getLogger(__name__)
PAUSE_SECONDS = 0.5
RETRY_SECONDS = 5.0


class Command(BaseCommand):
    """Seals what waits."""

    help = "Chain the audit events that wait; with --follow, every half second until stopped."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add ``--follow``."""
        parser.add_argument("--follow", action="store_true", help="keep sealing until SIGTERM or Ctrl-C")

    def handle(self, *args: Any, follow: bool, **options: Any) -> None:
        """Seal once, or follow."""
        if not follow:
            self.stdout.write(f"{seal_all()} events sealed")
            return
        stop = threading.Event()
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: stop.set())
        self._follow(stop)

    def _follow(self, stop: threading.Event) -> None:
        """Seal until ``stop``. A database that is away or busy is waited for: the events do not run off."""
        while not stop.is_set():
            pause = PAUSE_SECONDS
            try:
                seal_all()
            except OperationalError:
                logger.warning("the database did not answer; sealing goes on when it does", exc_info=True)
                connection.close()
                pause = RETRY_SECONDS
            close_old_connections()
            stop.wait(pause)
