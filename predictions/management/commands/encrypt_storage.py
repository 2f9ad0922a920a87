"""Encrypt the stored files of an installation that kept them in the clear."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from clinic.audit.models import Action
from clinic.audit.recording import record
from predictions.vault import upkeep
from predictions.vault.keys import ring
from predictions.vault.upkeep import Outcome

EVERY = 500


class Command(BaseCommand):
    """Run once after the upgrade; stopped, it goes on where it was when started again."""

    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        """Encrypt; fail when a file is not what was noted of it."""
        outcome = upkeep.encrypt(ring(), self._progress)
        if outcome.done or outcome.damaged:
            detail = {"encrypted": outcome.done, "changed": len(outcome.damaged)}
            record(Action.ADMIN, kind="storage", detail=detail)
        self.stdout.write(
            f"{outcome.done} files encrypted, {outcome.already} were already, {outcome.gone} are not there."
        )
        if outcome.damaged:
            raise CommandError(
                "not what was sent, and so left as they are: " + ", ".join(sorted(outcome.damaged))
            )

    def _progress(self, outcome: Outcome) -> None:
        if outcome.done and outcome.done % EVERY == 0:
            self.stdout.write(f"{outcome.done} files encrypted …")
