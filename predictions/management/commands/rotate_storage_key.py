"""Change the master key of stored files, while the product runs.

1. ``rotate_storage_key --new`` puts a new key first in the key file (every process notices at its next file)
   and wraps the key of every file for it. Stopped, it is started again without ``--new``.
2. ``rotate_storage_key --retire`` takes the former keys out of the file once no file needs them. Keep them
   as long as backups of before are kept.

``--reencrypt`` also encrypts the contents anew, for a key that somebody else may have had.
With keys in the environment: put the new one first yourself, restart every process, run the command.
"""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from clinic.audit.models import Action
from clinic.audit.recording import record
from predictions.vault import keys, upkeep
from predictions.vault.upkeep import Outcome

EVERY = 500


class Command(BaseCommand):
    """Make, change and retire the master key."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What to do; without any option, every file is wrapped for the first key."""
        parser.add_argument(
            "--make", type=Path, metavar="FILE", help="write a new key file and do nothing else"
        )
        parser.add_argument("--new", action="store_true", help="put a new key first in the key file")
        parser.add_argument("--reencrypt", action="store_true", help="encrypt the contents anew too")
        parser.add_argument("--retire", action="store_true", help="take former keys out of the key file")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it; fail when a file does not open."""
        if options["make"]:
            self._make(options["make"])
            return
        if options["new"]:
            self._file_lines(lambda lines: [keys.made(), *lines])
        self._rotate(reencrypt=options["reencrypt"])
        if options["retire"]:
            self._retire()

    def _make(self, path: Path) -> None:
        if path.exists():
            raise CommandError(f"{path} is there already")
        keys.rewrite(path, [keys.made()])
        self.stdout.write(f"{path} holds a new key. Keep a copy of it apart from the backups.")

    def _rotate(self, *, reencrypt: bool) -> None:
        work = upkeep.reencrypt if reencrypt else upkeep.rewrap
        outcome = work(keys.ring(), self._progress)
        detail = {
            "key": keys.ring().first.id.hex(),
            "files": outcome.done,
            "reencrypted": reencrypt,
            "damaged": len(outcome.damaged),
        }
        record(Action.ADMIN, kind="storage_key", detail=detail)
        self.stdout.write(
            f"{outcome.done} files changed, {outcome.already} were under the first key already."
        )
        if outcome.foreign:
            self.stdout.write(
                "not files of Vigie, left as they are (the watch removes them a day after they were laid "
                "there): " + ", ".join(sorted(outcome.foreign))
            )
        if outcome.damaged:
            raise CommandError("these files do not open: " + ", ".join(sorted(outcome.damaged)))

    def _retire(self) -> None:
        first = keys.ring().first
        if upkeep.key_ids() - {first.id}:
            raise CommandError("some file still needs a former key; run the command again first")
        retired = len(keys.ring().keys) - 1
        self._file_lines(lambda lines: lines[:1])
        record(Action.ADMIN, kind="storage_key", detail={"key": first.id.hex(), "retired": retired})
        self.stdout.write(f"{retired} former keys taken out of the key file.")

    def _file_lines(self, change: Any) -> None:
        if settings.STORAGE_KEYS or settings.STORAGE_KEY_FILE is None:
            raise CommandError("the keys are in the environment: change them there")
        path = Path(settings.STORAGE_KEY_FILE)
        lines = [line.strip() for line in path.read_text("ascii").splitlines()]
        keys.rewrite(path, change([line for line in lines if line and not line.startswith("#")]))

    def _progress(self, outcome: Outcome) -> None:
        if outcome.done and outcome.done % EVERY == 0:
            self.stdout.write(f"{outcome.done} files …")
