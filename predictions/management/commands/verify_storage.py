"""Decrypt every stored file and name what does not open, before somebody needs it."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from predictions.vault import upkeep
from predictions.vault.checks import unfit
from predictions.vault.upkeep import Outcome

EVERY = 500
DAMAGED = 3


class Command(BaseCommand):
    """Writes nothing, holds up nobody, gives nothing out. Exit 3: some file does not open."""

    help = __doc__
    # Under the wrong key it has to name the files that need another one.
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        """Read everything through; fail when something does not open."""
        if problem := unfit():
            self.stderr.write(f"the storage key does not fit: {problem}")
        outcome = upkeep.verify(self._progress)
        self.stdout.write(f"{outcome.done:,} files open, {len(outcome.damaged):,} do not.")
        for line in outcome.damaged:
            self.stderr.write(line)
        if outcome.damaged:
            raise CommandError(
                "these files do not open: put the key back where it is missing (storage_key_missing); bring "
                "any other back from a backup, files/<name> in it to the same name below private/",
                returncode=DAMAGED,
            )

    def _progress(self, outcome: Outcome) -> None:
        seen = outcome.done + outcome.gone + len(outcome.damaged)
        if seen % EVERY == 0:
            self.stdout.write(f"{seen:,} files …")
