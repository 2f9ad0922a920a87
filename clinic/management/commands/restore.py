"""``manage.py restore FOLDER``: a backup back into an empty database and empty folders, and the proof."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from clinic.backup import restoring
from clinic.backup.manifest import NoBackup


class Command(BaseCommand):
    """Restores a backup where nothing is yet."""

    help = (
        "Bring the backup in FOLDER back into the database and folders of the settings, which must be empty, "
        "and verify every file, package and link of the audit. Exit 0: all of it is there and right."
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
        for fault in proof.faults:
            self.stderr.write(f"wrong: {fault}")
        self.stdout.write(
            f"verified {proof.files:,} files, {proof.packages} packages, {proof.seals:,} seals of the audit. "
            "All sessions and tokens are ended."
        )
        if proof.faults:
            raise CommandError(f"restored, but {len(proof.faults)} things are not right: do not use it")
