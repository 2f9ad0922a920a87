"""``manage.py create_admin NAME``: the first administrator of an installation, who makes everybody else."""

from __future__ import annotations

import sys
from getpass import getpass
from typing import Any

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import translation

from clinic.accounts.forms import StaffForm
from clinic.accounts.models import User
from clinic.accounts.roles import Role
from clinic.accounts.services import create_staff


class Command(BaseCommand):
    """Makes a member of staff with the role of an administrator; staff pages change them afterwards."""

    help = "Create an administrator; the password is typed twice, or generated and printed once."
    requires_migrations_checks = True

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the name and ``--generate``."""
        parser.add_argument("name", metavar="NAME", help="user name to log in with")
        parser.add_argument(
            "--generate",
            action="store_true",
            help="print a one-time password, to be changed at the first log-in, instead of asking for one",
        )

    def handle(self, *args: Any, name: str, generate: bool, **options: Any) -> None:
        """Create the administrator and say so."""
        # The terminal speaks English, whatever language the pages begin in.
        with translation.override("en"):
            _require_free(name)
            chosen = "" if generate else _typed_password(name)
            user, password = create_staff(actor=None, username=name, role=Role.ADMIN, password=chosen)
        self.stdout.write(f"Administrator {user.username} was created.")
        if generate:
            self.stdout.write(f"One-time password, shown only now: {password}")
        if settings.REQUIRE_MFA:
            self.stdout.write(
                "At the first log-in a second factor is set up: an app that shows codes, or a passkey."
            )


def _require_free(name: str) -> None:
    """Raise ``CommandError`` unless the staff pages would take ``name`` and nobody has it."""
    try:
        StaffForm.base_fields["username"].clean(name)
    except ValidationError as error:
        raise CommandError(f"“{name}” cannot be a user name. {' '.join(error.messages)}") from error
    if User.objects.filter(username__iexact=name).exists():
        raise CommandError(
            f"There is already a member of staff called {name}; nothing was changed. Choose another name, or "
            "let an administrator change that person in the staff pages."
        )


def _typed_password(name: str) -> str:
    """Ask for a password twice; ``CommandError`` when it cannot be asked, differs or is too weak."""
    if not sys.stdin.isatty():
        raise CommandError("A password can only be typed at a terminal. Use --generate to have one made.")
    password = getpass("Password: ")
    if getpass("The same again: ") != password:
        raise CommandError("The two passwords differ; nobody was created.")
    try:
        validate_password(password, User(username=name))
    except ValidationError as error:
        raise CommandError(f"{' '.join(error.messages)} Nobody was created.") from error
    return password
