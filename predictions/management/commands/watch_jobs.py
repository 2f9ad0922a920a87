"""``manage.py watch_jobs``: find lost studies, trainings and documents, for as long as it runs."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import Error, close_old_connections, connection

from clinic import pulse
from clinic.processes import resident_bytes
from predictions.watch import Watch

log = logging.getLogger(__name__)

SWEEP_SECONDS = 3600
# After its start, so that one that is restarted more often than hourly throws away what is over all the same.
FIRST_SWEEP_SECONDS = 300
RETRY_SECONDS = 2.0
NAME = f"{pulse.WATCH}@{socket.gethostname()}"


class Command(BaseCommand):
    """Looks every few seconds, by a clock that nobody can set."""

    help = "Look after lost studies, trainings and documents until SIGTERM or Ctrl-C."

    def handle(self, *args: Any, **options: Any) -> None:
        """Look until told to stop."""
        os.umask(0o077)
        stop = threading.Event()
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: stop.set())
        self._follow(stop, Watch())

    def _follow(self, stop: threading.Event, watch: Watch) -> None:
        """Look until ``stop``. A database that is away or full is waited for: the rows do not run off."""
        sweep_at = time.monotonic() + FIRST_SWEEP_SECONDS
        while not stop.is_set():
            pause = settings.REAP_SECONDS
            try:
                watch.look()
                if time.monotonic() >= sweep_at:
                    watch.sweep()
                    sweep_at = time.monotonic() + SWEEP_SECONDS
                _say()
            except Error as error:
                log.warning("database does not answer", extra={"error": type(error).__name__})
                connection.close()
                pause = max(pause, RETRY_SECONDS)
            close_old_connections()
            stop.wait(pause)


def _say() -> None:
    """Say in the broker, for ``/health``, that somebody watches; without a broker there is nobody to tell."""
    try:
        pulse.say(NAME, [pulse.WATCH], resident_bytes=resident_bytes())
    except pulse.NoBroker:
        log.warning("broker does not answer")
