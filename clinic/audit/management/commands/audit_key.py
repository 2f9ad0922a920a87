"""``manage.py audit_key``: the public key that anchors are checked with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from clinic.audit.anchors import keys


class Command(BaseCommand):
    """Writes out the public key and its id, or makes a key first."""

    help = "Write out the public key of the anchors (PEM) and its id, to be kept by somebody outside."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add ``--make`` and ``--id``."""
        parser.add_argument(
            "--make", action="store_true", help="make the key first; refused when there is one"
        )
        parser.add_argument("--id", action="store_true", help="write the id alone")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the key to standard output and its id to standard error."""
        path = Path(settings.AUDIT_KEY_FILE)
        if options["make"]:
            try:
                keys.make(path)
            except FileExistsError as error:
                raise CommandError(
                    f"There is a key in {path}. To change it, move it away, add its public key to a file "
                    "named in VIGIE_AUDIT_FORMER_KEYS, and make a new one."
                ) from error
        try:
            public = keys.signing_key().public_key()
        except keys.NoKey as error:
            raise CommandError(str(error)) from error
        if options["id"]:
            self.stdout.write(keys.key_id(public))
            return
        self.stdout.write(keys.public_pem(public), ending="")
        self.stderr.write(f"key {keys.key_id(public)}")
