"""The first administrator is made on the command line, under production settings too."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from clinic.accounts.management.commands import create_admin
from clinic.accounts.models import User
from clinic.accounts.roles import Role
from clinic.audit.models import Action, Event
from tests import factories, own_database, production
from tests.machine import ROOT
from tests.servers import PATIENCE

GOOD = "a lantern behind nine doors"

Typing = Callable[[Sequence[str]], None]


@pytest.fixture
def typing(monkeypatch: pytest.MonkeyPatch) -> Typing:
    """Return a way to sit at the terminal and type these lines."""

    def type_lines(lines: Sequence[str]) -> None:
        waiting = iter(lines)
        monkeypatch.setattr(create_admin, "getpass", lambda prompt: next(waiting))
        monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)

    return type_lines


def create(*arguments: str) -> str:
    told = StringIO()
    call_command("create_admin", *arguments, stdout=told)
    return told.getvalue()


@pytest.mark.django_db
def test_a_typed_password_opens_the_staff_pages(typing: Typing, client: Client) -> None:
    typing([GOOD, GOOD])
    assert GOOD not in create("nadia")
    nadia = User.objects.get()
    assert (nadia.username, nadia.role, nadia.temporary_password) == ("nadia", Role.ADMIN, False)
    client.post(reverse("account_login"), {"login": "nadia", "password": GOOD})
    assert client.get(reverse("staff_list")).status_code == 200


@pytest.mark.django_db
def test_the_creation_is_on_record() -> None:
    create("nadia", "--generate")
    event = Event.objects.get()
    assert (event.action, event.kind, event.object_id) == (
        Action.CREATE,
        "staff",
        str(User.objects.get().pk),
    )
    assert event.payload.data["role"] == Role.ADMIN


@pytest.mark.django_db
def test_a_generated_password_serves_once(client: Client) -> None:
    password = re.search(r"shown only now: (\S+)", create("nadia", "--generate"))[1]
    client.post(reverse("account_login"), {"login": "nadia", "password": password})
    answer = client.get(reverse("staff_list"))
    assert (answer.status_code, answer["Location"]) == (302, reverse("account_change_password"))


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["alice", "Alice", "nadia smith", "", "ADMIN", "n" * 61])
def test_a_name_that_is_taken_or_unusable_changes_nothing(name: str) -> None:
    factories.staff("alice", Role.MIDWIFE, password=factories.PASSWORD)
    with pytest.raises(CommandError, match=r"cannot be a user name|already a member"):
        create(name, "--generate")
    assert User.objects.get().check_password(factories.PASSWORD)
    assert not Event.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([GOOD, GOOD + "!"], "differ"),
        (["short", "short"], "12 characters"),
        (["nadia-nadia-nadia"] * 2, "similar"),
    ],
)
def test_a_password_that_will_not_do_creates_nobody(typing: Typing, lines: list[str], reason: str) -> None:
    typing(lines)
    with pytest.raises(CommandError, match=reason):
        create("nadia-nadia-nadia")
    assert not User.objects.exists()


@pytest.mark.django_db
def test_without_a_terminal_it_says_what_to_do() -> None:
    with pytest.raises(CommandError, match="--generate"):
        create("nadia")


def test_it_works_at_a_real_terminal_under_production_settings(tmp_path: Path, empty_sqlite: Path) -> None:
    environment = production.environment(tmp_path)
    own_database.of_folder(empty_sqlite, tmp_path)
    manage = (sys.executable, "manage.py")
    keyboard, terminal = pty.openpty()
    command = subprocess.Popen(
        (*manage, "create_admin", "nadia"),
        cwd=ROOT,
        env=environment,
        stdin=terminal,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    told = ""
    # What is typed before a prompt is thrown away, so that nobody's password lands in the next question.
    for prompt in ("Password: ", "again: "):
        while not told.endswith(prompt):
            character = command.stdout.read(1)
            assert character, told
            told += character
        os.write(keyboard, f"{GOOD}\n".encode())
    told += command.communicate(timeout=PATIENCE)[0]
    assert command.returncode == 0, told
    assert "Administrator nadia was created." in told
    assert GOOD not in told
