"""``manage.py backup FOLDER``: everything that cannot be made again, as of one moment, while Vigie runs."""

from __future__ import annotations

import os
import sqlite3
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from clinic.backup import making
from clinic.backup.manifest import NoBackup

DAMAGED = 3


class Command(BaseCommand):
    """Writes a backup into a folder that is not there yet."""

    help = (
        "Back up database, private files, packages trained here and anchors of the audit into a new FOLDER. "
        "Files stay encrypted; the keys are left out unless asked for. Exit 0: made, and every file opens; "
        "3: made, and some file does not; 1: not made."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the folder and what to do about the keys."""
        parser.add_argument("folder", type=Path, help="where to; must not exist yet")
        parser.add_argument(
            "--with-keys",
            action="store_true",
            help="also write the storage key, the audit key and the secret key: whoever has such a backup "
            "can read everything",
        )
        parser.add_argument(
            "--unchecked",
            action="store_true",
            help="do not decrypt every file that was copied; verify_storage does it at another time",
        )

    def handle(self, *args: Any, folder: Path, with_keys: bool, unchecked: bool, **options: Any) -> None:
        """Write it, and say what is in it."""
        os.umask(0o077)
        try:
            target = folder.absolute()
            held = making.make(target, keys=with_keys, check=not unchecked, say=self.stderr.write)
        except NoBackup as problem:
            raise CommandError(f"no backup was made: {problem}") from problem
        except (OSError, sqlite3.Error, DatabaseError) as error:
            raise CommandError(
                f"no backup was made: {error}; delete {folder}{making.DRAFT} before the next one"
            ) from error
        rows = sum(held.tables.values())
        self.stdout.write(
            f"{folder}: {rows:,} rows, {len(held.files):,} files, {len(held.packages)} packages, audit up to "
            f"seal {held.head.get('position', 0)}. Check it anywhere: sha256sum -c {making.manifest.SUMS}"
        )
        if not held.keys:
            self.stdout.write("The keys are not in it: keep the storage key in another place.")
        if held.damaged:
            raise CommandError(
                f"the backup is made, but {len(held.damaged)} of its files are damaged (named above): bring "
                "them back from an earlier one; manage.py verify_storage names their studies",
                returncode=DAMAGED,
            )
