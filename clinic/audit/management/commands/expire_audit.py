"""``manage.py expire_audit``: delete the details of events that were kept for their time."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from clinic.audit import retention
from clinic.audit.classes import ActionClass


class Command(BaseCommand):
    """Redacts by class; the chain verifies as before."""

    help = "Delete the details of audit events that were kept for their time; the events and the chain stay."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add ``--dry-run``."""
        parser.add_argument("--dry-run", action="store_true", help="count, and delete nothing")

    def handle(self, *args: Any, dry_run: bool, **options: Any) -> None:
        """Expire, and say how many of each class."""
        now = timezone.now()
        if dry_run:
            done = {kind: sum(map(len, retention.due(kind, now))) for kind in ActionClass}
        else:
            done = retention.expire(now=now)
        verb = "due" if dry_run else "deleted"
        for kind, number in done.items():
            self.stdout.write(
                f"{kind.value}: kept {retention.days(kind):,} days, details of {number:,} {verb}"
            )
