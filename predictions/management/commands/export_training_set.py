"""``manage.py export_training_set ALGORITHM DIR``: what was signed here, as a training reads it."""

from __future__ import annotations

import tempfile
import zipfile
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import translation

from clinic.accounts.models import User
from clinic.accounts.roles import Role
from ml.contracts import Refused
from predictions.feedback import services, words, work
from predictions.feedback.access import WRITTEN
from predictions.feedback.models import Request
from predictions.jobs import INTERNAL
from predictions.models import JobState

PRIVATE_FOLDER, PRIVATE_FILE = 0o700, 0o600


class Command(BaseCommand):
    """Writes a training set into a folder, as two persons of the house agreed."""

    help = (
        "Write a training set of patients who agreed, without names: a steward asks, an administrator or a "
        "lead of the unit approves. Neither is asked for a password here: who runs this has the server."
    )
    requires_migrations_checks = True

    def add_arguments(self, parser: CommandParser) -> None:
        """Add what to write, where to, and the two persons."""
        parser.add_argument("algorithm", choices=WRITTEN)
        parser.add_argument("folder", type=Path, help="a new folder")
        parser.add_argument("--asked-by", required=True, metavar="USERNAME", help="a model steward")
        parser.add_argument(
            "--approved-by", required=True, metavar="USERNAME", help="an administrator, or a lead of the unit"
        )
        parser.add_argument("--purpose", required=True, help="what it is for; written into the set")
        parser.add_argument("--invented", action="store_true", help="invented patients of the demo too")

    def handle(self, *args: Any, folder: Path, **options: Any) -> None:
        """Write it, on record, and say what is not in it."""
        if folder.exists():
            raise CommandError(f"{folder} exists already; name a new folder.")
        if not folder.parent.is_dir():
            raise CommandError(f"There is no folder {folder.parent}.")
        with translation.override("en"):
            try:
                asked = self._agreed(options)
                self._written(asked, folder)
            except Refused as refusal:
                raise CommandError(refusal.problems[0].message.en) from refusal

    def _written(self, asked: Request, folder: Path) -> None:
        """Write it; what was agreed on and came to nothing is on record as that."""
        try:
            self._write(asked, folder)
        except Refused as refusal:
            work.lost_outside(asked, refusal.problems[0], JobState.REFUSED)
            raise
        except BaseException:
            if asked.made is None:
                work.lost_outside(asked, INTERNAL, JobState.FAILED)
            raise

    @transaction.atomic
    def _agreed(self, options: dict[str, Any]) -> Request:
        """Have it asked for and agreed on, both or neither."""
        steward, second = (_person(options[name]) for name in ("asked_by", "approved_by"))
        if steward.role != Role.STEWARD:
            raise CommandError(f"{steward.username} is no model steward.")
        asked = services.ask(
            user=steward,
            algorithm=options["algorithm"],
            purpose=options["purpose"],
            invented=options["invented"],
        )
        services.agree(user=second, asked=asked)
        return asked

    def _write(self, asked: Request, folder: Path) -> None:
        with tempfile.TemporaryFile(dir=folder.parent) as target:
            writing, sha256, size = work.into(asked, target)
            if work.changed(writing):
                raise Refused(work.CHANGED)
            # Who is in it is on record before anything of it lies in the folder.
            work.kept_outside(asked, writing, sha256, size)
            _unpack(target, folder)
        counts = work.counts(writing)
        left = [f"{n} {words.left_out(why, n).en}" for why, n in sorted(writing.left_out.items())]
        self.stdout.write(
            f"{counts['examples']} examples of {counts['patients']} patients: {folder}\n"
            "Pseudonymous, not anonymous: keep it where patient data may be kept."
            + (f"\nLeft out: {'; '.join(left)}." if left else "")
        )


def _person(username: str) -> User:
    found = User.objects.filter(username=username, is_active=True).first()
    if found is None:
        raise CommandError(f"Nobody called {username} may log in.")
    return found


def _unpack(target: Any, folder: Path) -> None:
    """Write the files of an archive of ours below ``folder``, readable by their owner alone."""
    folder.mkdir(mode=PRIVATE_FOLDER)
    with zipfile.ZipFile(target) as archive:
        for name in archive.namelist():
            path = folder / name
            for parent in reversed(path.relative_to(folder).parents[:-1]):
                (folder / parent).mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
            path.touch(mode=PRIVATE_FILE)
            with archive.open(name) as source, path.open("wb") as file:
                while chunk := source.read(1 << 20):
                    file.write(chunk)
