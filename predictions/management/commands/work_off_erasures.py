"""Write the exports of erasures that were asked for, and carry out those that two persons agreed on.

A worker does the same; this is for an installation whose broker is away.
"""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from predictions import erasing


class Command(BaseCommand):
    """Do for each what comes next."""

    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        """Work them off, one after the other."""
        for erasure in erasing.waiting():
            erasing.work(erasure.pk)
            erasure.refresh_from_db()
            self.stdout.write(f"{erasure.pk}: {erasure.state}")
