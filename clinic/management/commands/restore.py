"""``manage.py restore FOLDER``: a backup back into an empty database and empty folders, and the proof."""

from __future__ import annotations

import os
import sqlite3
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from clinic.backup import restoring
from clinic.backup.manifest import NoBackup
from ml import package

DAMAGED = 3


class Command(BaseCommand):
    """Restores a backup where nothing is yet."""

    help = (
        "Bring the backup in FOLDER back into the database and folders of the settings, which must be empty, "
        "and verify every file, package and link of the audit. Exit 0: all of it is there and right; 3: all "
        "but files that were damaged when they were backed up, it can be used; 1: do not use it."
    )
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the folder."""
        parser.add_argument("folder", type=Path, help="a backup of manage.py backup")

    def handle(self, *args: Any, folder: Path, **options: Any) -> None:
        """Restore it and tell what was proved."""
        os.umask(0o077)
        try:
            proof = restoring.restore(folder.absolute(), say=self.stderr.write)
        except NoBackup as problem:
            raise CommandError(f"nothing was restored: {problem}") from problem
        except (OSError, sqlite3.Error, DatabaseError) as error:
            raise CommandError(
                f"the restore was cut short: {error}; what it wrote is of no use. Make room or mend what is "
                f"said, empty the database, {settings.PRIVATE_ROOT} and {package.SITE} again, and begin again"
            ) from error
        for name in proof.damaged:
            self.stderr.write(f"damaged when it was backed up: {name}")
        for fault in proof.faults:
            self.stderr.write(f"wrong: {fault}")
        self.stdout.write(
            f"verified {proof.files:,} files, {proof.packages} packages, {proof.seals:,} seals of the audit. "
            "All sessions and tokens are ended."
        )
        if proof.faults:
            raise CommandError(f"restored, but {len(proof.faults)} things are not right: do not use it")
        if proof.damaged:
            raise CommandError(
                f"restored, and everything is right but {len(proof.damaged)} files, named above: it can be "
                "used; bring those back from an earlier backup, their studies miss them until then",
                returncode=DAMAGED,
            )
