"""What would be unsafe to serve with: found before commands, web server and workers start."""

from __future__ import annotations

import stat
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register, run_checks
from django.core.checks.messages import ERROR
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, connections

OTHERS = stat.S_IRWXG | stat.S_IRWXO
SQLITE = "django.db.backends.sqlite3"
ASKED = (Tags.security, Tags.database)


class Unsafe(ImproperlyConfigured):
    """What would be served is not safe to serve; the message gives every reason."""


def require_safe() -> None:
    """Let the web server start only when no check for safety fails.

    Commands run the checks by themselves, workers ask for ``failures``; a web server would import and go on.
    It alone serves style sheets and scripts, so it alone asks whether they were collected.

    Raises
    ------
    Unsafe
        With every reason and what to do about it.
    """
    unserved = [_said(message) for message in static_files_are_collected(None)]
    if problems := failures() + unserved:
        reasons = "The web server cannot start.\n" + "\n".join(f"- {problem}" for problem in problems)
        # Our logs leave out what an exception says; this one is for the person who starts the server.
        sys.stderr.write(f"{reasons}\n")
        raise Unsafe(reasons)


def failures() -> list[str]:
    """Return what is unsafe, each with its remedy."""
    try:
        found = run_checks(tags=ASKED, databases=["default"])
    except OperationalError:
        # No database yet: it is asked again by the first command and by every page. The rest counts already.
        found = run_checks(tags=[Tags.security])
    return [_said(message) for message in found if message.level >= ERROR]


def tables(databases: Sequence[str]) -> set[str]:
    """Return the tables of databases: before the first migration, too, checks run and there are none."""
    return {table for alias in databases for table in connections[alias].introspection.table_names()}


def _said(message: CheckMessage) -> str:
    return f"{message.msg} {message.hint or ''}".strip()


@register(Tags.security)
def private_root_is_private(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Refuse a folder of uploaded files that other users of the machine can read."""
    root = Path(settings.PRIVATE_ROOT)
    if not _others_may_enter(root):
        return []
    return [
        Error(
            f"Uploaded studies in {root} can be read by other users of this machine.",
            hint=f"chmod 700 {root}",
            id="clinic.E001",
        )
    ]


@register(Tags.security)
def database_file_is_private(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Refuse, in production, a database in a file that other users of the machine can read."""
    database = settings.DATABASES["default"]
    if not settings.PRODUCTION or database["ENGINE"] != SQLITE:
        return []
    path = Path(database["NAME"])
    # A folder nobody else may enter keeps what is in it, whatever the file itself allows.
    if not _others_may_enter(path) or not _others_may_enter(path.parent):
        return []
    return [
        Error(
            f"The database {path} can be read by other users of this machine.",
            hint=f"chmod 600 {path}*",
            id="clinic.E002",
        )
    ]


@register(Tags.security, deploy=True)
def static_files_are_collected(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Refuse, in production, to serve pages whose style sheets and scripts were never collected.

    Asked by ``check --deploy`` and the web server: workers and other commands serve none. A demo finds them
    where they are written.
    """
    collected = Path(settings.STATIC_ROOT) / "staticfiles.json"
    if not settings.PRODUCTION or collected.is_file():
        return []
    return [
        Error(
            f"Style sheets and scripts were not collected in {settings.STATIC_ROOT}: pages would have none.",
            hint="python manage.py collectstatic --noinput",
            id="clinic.E003",
        )
    ]


def _others_may_enter(path: Path) -> bool:
    return path.exists() and bool(path.stat().st_mode & OTHERS)
