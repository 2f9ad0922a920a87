"""``manage.py verify_audit``: is the audit what it was?"""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand

from clinic.audit.models import Seal
from clinic.audit.verify import verify


class Command(BaseCommand):
    """Walks the chain; exit status 0 when all is well, 1 otherwise."""

    help = "Check every link of the audit chain and name the first bad row. Exit 0: well, 1: not."

    def handle(self, *args: Any, **options: Any) -> None:
        """Verify, showing how far it is."""
        total = Seal.objects.count()
        live = self.stderr.isatty()

        def progress(done: int) -> None:
            if live:
                self.stderr.write(f"\r{done:,} of {total:,} seals", ending="")

        outcome = verify(progress)
        if live:
            self.stderr.write("")
        for warning in outcome.warnings:
            self.stderr.write(f"attention: {warning}")
        if outcome.finding:
            self.stderr.write(f"broken: {outcome.finding}")
        self.stdout.write(f"{outcome.seals:,} seals verified from the first")
        if not outcome.ok:
            sys.exit(1)
