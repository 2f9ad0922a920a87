"""``make run``: the whole product on this machine, with demo staff and patients."""

from __future__ import annotations

import os
from io import StringIO
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, connections

from clinic.catalogues import compile_catalogues
from clinic.stack import CannotRun, Stack, only_one, require_broker, require_free
from predictions.vault.checks import unfit

DEFAULT_PORT = "8000"


class Command(BaseCommand):
    """Prepare the database and the demo, start every service, and stop them all at the end."""

    help = "Run web server, broker, workers, clock and sealer on this machine, with demo data."
    requires_system_checks = ()
    requires_migrations_checks = False

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until a signal to stop."""
        if settings.PRODUCTION:
            raise CommandError("the demo does not run under production settings; use docker compose")
        # Database, logs and uploads hold what patients told: nobody else on this machine may read them.
        os.umask(0o077)
        try:
            port = _port(os.environ.get("PORT", DEFAULT_PORT))
            with only_one(settings.DATA_DIR):
                require_free(port)
                if elsewhere := os.environ.get("REDIS_URL"):
                    require_broker(elsewhere)
                if problem := unfit():
                    raise CannotRun(f"the storage key does not fit: {problem}")
                welcome = self._prepare()
                stack = Stack(
                    root=settings.BASE_DIR,
                    data=settings.DATA_DIR,
                    port=port,
                    environment=os.environ,
                    say=self._say,
                )
                self._say("starting the web server, the broker and the workers")
                stack.run(lambda: self._welcome(stack.url, welcome))
        except CannotRun as problem:
            raise CommandError(f"vigie: {problem}") from problem
        except OperationalError as error:
            raise CommandError(f"vigie: the database does not answer: {error}") from error
        except KeyboardInterrupt as interruption:
            raise CommandError("vigie: stopped before it was ready", returncode=130) from interruption

    def _prepare(self) -> str:
        """Bring translations, database and demo up to date; return what the demo says of itself."""
        self._say("preparing the database and the demo")
        for root in settings.LOCALE_PATHS:
            compile_catalogues(Path(root))
        call_command("migrate", verbosity=0)
        call_command("encrypt_storage", stdout=StringIO())  # files of a demo from before
        told = StringIO()
        call_command("create_demo", stdout=told)
        call_command("versions", "sync", stdout=StringIO())
        connections.close_all()
        return told.getvalue().strip()

    def _welcome(self, url: str, demo: str) -> None:
        self.stdout.write(
            f"\nVigie is ready: {url}\n\n{demo}\n\nLogs: {settings.DATA_DIR / 'log'}\nStop with Ctrl-C.\n"
        )
        self.stdout.flush()

    def _say(self, line: str) -> None:
        self.stdout.write(f"vigie: {line}")
        self.stdout.flush()


def _port(text: str) -> int:
    if text.isascii() and text.isdigit() and 0 < int(text) < 65536:
        return int(text)
    raise CannotRun(f"PORT is {text!r}; it must be a number from 1 to 65535")
