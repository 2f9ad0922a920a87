"""Erase again, after a restore, what the restored database still holds of records that were erased before.

LIST is the file ``audit/erasures.jsonl`` of the installation as it was last, kept outside it.
"""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from patients import erasure_list
from patients.erasure_list import NotAList
from predictions import repeating

DONE = (repeating.GONE, repeating.ERASED)


class Command(BaseCommand):
    """Repeat each erasure of a list."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which list."""
        parser.add_argument("list", type=Path, help="erasures.jsonl of the installation as it was last")

    def handle(self, *args: Any, **options: Any) -> None:
        """Repeat one after the other; the exit status tells whether something still stands."""
        try:
            entries = list(erasure_list.read(options["list"]))
        except NotAList as error:
            raise CommandError(f"{options['list']}: {error}") from error
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{options['list']} cannot be read: {error}") from error
        left = 0
        for entry in entries:
            outcome = repeating.repeat(entry)
            left += outcome not in DONE
            self.stdout.write(f"{entry.erasure}: {outcome}")
        if left:
            raise CommandError(f"{left} of {len(entries)} stand still; do what is said and run it again")
