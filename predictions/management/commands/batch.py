"""``manage.py batch FILE... --algorithm NAME --as USER --out result.csv``: many cases through the queue."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from django.core.exceptions import PermissionDenied
from django.core.files.base import File
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.http import Http404
from django.utils import timezone, translation

from clinic.accounts.access import may_enter
from clinic.accounts.models import User
from clinic.audit.models import Action
from clinic.audit.recording import record
from ml import registry
from ml.contracts import LANGUAGES, Problem, Refused
from predictions import channel_mapping
from predictions.batches import intake, selectors, services
from predictions.batches.models import Batch, Format, ItemState, Stage
from predictions.models import ChannelMapping
from predictions.storage import storage

POLL_SECONDS = 0.5
KEY_DIGITS = 40
SHOWN = 50


class Command(BaseCommand):
    """Sends files as somebody of the staff, follows the batch and writes its result."""

    help = (
        "Have a table, a folder or a list of files answered by the workers, in the name of somebody of the "
        "staff, and write the result as CSV or Parquet. Stopped and called again with the same files, "
        "columns and language, it goes on with the same batch and asks failed rows again, and says so; a "
        "version promoted since, or what the unit has set anew, makes it a new batch. Without workers, "
        "`python -m ml predict --batch` answers a table by itself."
    )
    requires_migrations_checks = True

    def add_arguments(self, parser: CommandParser) -> None:
        """Add what to send, as whom, and where the result goes."""
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="files, or folders of them")
        parser.add_argument("--algorithm", required=True, choices=registry.names())
        parser.add_argument("--as", required=True, dest="username", metavar="USERNAME", help="who asks")
        parser.add_argument("--out", type=Path, required=True, help="file to write, .csv or .parquet; new")
        parser.add_argument(
            "--column",
            action="append",
            default=[],
            metavar="COLUMN=FIELD",
            help="a column that is not called as its field; COLUMN= leaves it aside; may be repeated",
        )
        parser.add_argument("--lang", choices=LANGUAGES, default="en", help="language of the sentences")
        parser.add_argument("--key", default="", help="idempotency key (default: made of what answers what)")

    def handle(self, *args: Any, files: list[Path], out: Path, username: str, **options: Any) -> None:
        """Send, wait, write; ends with an error when a row failed."""
        form = out.suffix.lstrip(".").lower()
        if form not in Format.values:
            raise CommandError(f"--out {out}: name a file that ends in .csv or .parquet.")
        if out.exists():
            raise CommandError(f"{out} exists already; move it away or choose another name.")
        if not out.absolute().parent.is_dir():
            raise CommandError(f"There is no folder {out.parent}.")
        user = User.objects.filter(username=username).first()
        if user is None or not may_enter(user):
            raise CommandError(f"There is nobody called {username} who may log in.")
        paths = list(_files(files))
        with translation.override(options["lang"]):
            begun = timezone.now()
            batch = self._sent(user, paths, options)
            if batch.created_at < begun:
                self._found_again(user, batch, options["lang"])
            self._followed(batch)
            self._told(batch, options["lang"])
            _write(user, batch, form, out)
        failed = selectors.counts(batch).failed
        if failed:
            raise CommandError(f"{failed} rows failed; the same call with another --out asks them again.")

    def _sent(self, user: User, paths: Sequence[tuple[str, Path]], options: dict[str, Any]) -> Batch:
        columns = dict(_pair(given) for given in options["column"])
        try:
            key = options["key"] or _key(options["algorithm"], paths, columns, options["lang"])
            with ExitStack() as stack:
                files = [File(stack.enter_context(path.open("rb")), name=name) for name, path in paths]
                return intake.submit(
                    user=user,
                    algorithm=options["algorithm"],
                    files=files,
                    idempotency_key=key,
                    language=options["lang"],
                    columns=columns,
                )
        except Refused as refusal:
            raise CommandError("\n".join(_said(refusal.problems, options["lang"]))) from refusal
        except (PermissionDenied, Http404) as error:
            message = f"{user.username} may not send batches to {options['algorithm']}."
            raise CommandError(message) from error

    def _found_again(self, user: User, batch: Batch, language: str) -> None:
        """Say that an earlier batch is gone on with or given out again, and ask anew what failed of it."""
        version = f"{batch.algorithm} {batch.package_version}"
        sent = timezone.localtime(batch.created_at)
        repeated = 0
        if not batch.goes_on and selectors.repeatable(selectors.counts(batch)):
            try:
                repeated = services.ask_again(user=user, batch=batch)
            except Refused as refusal:
                raise CommandError("\n".join(_said(refusal.problems, language))) from refusal
            batch.refresh_from_db()
        if batch.finished_at:
            ended = timezone.localtime(batch.finished_at)
            becomes = f"answered on {ended:%Y-%m-%d %H:%M} by version {version}; nothing is computed anew"
        else:
            asked = f", {repeated} rows asked again" if repeated else ""
            becomes = f"goes on with version {version}{asked}"
        self.stderr.write(f"batch {batch.pk} was sent on {sent:%Y-%m-%d %H:%M} already: {becomes}")

    def _followed(self, batch: Batch) -> None:
        """Wait for the workers, and say how far they are whenever that changes."""
        said = ""
        while batch.goes_on:
            found = selectors.counts(batch)
            line = f"{batch.stage}: {found.ended} of {found.rows}"
            if line != said:
                self.stderr.write(line)
                said = line
            time.sleep(POLL_SECONDS)
            batch.refresh_from_db()

    def _told(self, batch: Batch, language: str) -> None:
        """Say what became of the batch, and of the first rows without an answer."""
        if batch.left_out:
            self.stderr.write(f"{batch.left_out} files left out: hidden, or a system's own (.DS_Store)")
        if batch.stage != Stage.DONE:
            job = selectors.failed_job(batch)
            number = [f"job {job}"] if job else []
            raise CommandError("\n".join([*_said(batch.problem_list, language), *number]))
        found = selectors.counts(batch)
        for item in selectors.unanswered(batch)[:SHOWN]:
            about = f"{item.number} {item.name}".strip()
            job = f" (job {item.chunk_id})" if item.state == ItemState.FAILED and item.chunk_id else ""
            said = " ".join(_said(item.problem_list, language))
            self.stderr.write(f"{about}: {item.state}: {said}{job}")
        self.stdout.write(
            f"batch {batch.pk}: {found.rows} rows, {found.ok} ok, {found.refused} refused, "
            f"{found.failed} failed, {found.withdrawn} withdrawn; "
            f"{batch.algorithm} {batch.package_version} {batch.package_sha256}"
        )


def _files(named: Sequence[Path]) -> Iterator[tuple[str, Path]]:
    """Yield the files with what each is called in the result: its path as far as it was given or searched."""
    for path in named:
        if path.is_dir():
            for inside in sorted(inside for inside in path.rglob("*") if inside.is_file()):
                yield f"{path.resolve().name}/{inside.relative_to(path).as_posix()}", inside
        elif path.is_file():
            below = not path.is_absolute() and ".." not in path.parts
            yield path.as_posix() if below else path.name, path
        else:
            raise CommandError(f"There is no file {path}.")


def _pair(given: str) -> tuple[str, str]:
    column, separator, field = given.rpartition("=")
    if not separator:
        raise CommandError(f"--column {given}: write COLUMN=FIELD.")
    return column, field


def _key(algorithm: str, paths: Sequence[tuple[str, Path]], columns: dict[str, str], language: str) -> str:
    """Return a key that the same files give again while the same package answers them in the same way."""
    serving, set_by_unit = intake.answers_now(algorithm)
    about = {
        "algorithm": algorithm,
        "package": serving.sha256,
        "options": set_by_unit,
        "columns": columns,
        "language": language,
        "files": [name for name, _path in paths],
        "channels": _channels(algorithm),
    }
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    for _name, path in paths:
        with path.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return f"command-{digest.hexdigest()[:KEY_DIGITS]}"


def _channels(algorithm: str) -> list[Any]:
    """Return what the unit of an algorithm knows of its recorders, which recordings are read with."""
    if algorithm != channel_mapping.ALGORITHM:
        return []
    known = ChannelMapping.objects.filter(unit__code=registry.contract(algorithm).unit).order_by("pk")
    return list(known.values_list("labels_sha256", "options"))


def _said(problems: Sequence[Problem], language: str) -> list[str]:
    return [problem.message.to(language) for problem in problems]


def _write(user: User, batch: Batch, form: str, out: Path) -> None:
    """Write the result, readable by its owner alone; on record before it is there."""
    output = services.output(batch, form)
    detail = {"format": form, "size": output.size, "sha256": output.sha256}
    with storage.checked(output.stored_name) as stream:
        record(Action.EXPORT, actor=user, kind="batch", object_id=str(batch.pk), detail=detail)
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as target:
            for piece in stream.chunks():
                target.write(piece)
