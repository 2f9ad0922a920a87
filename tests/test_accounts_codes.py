"""A code serves once, whoever shows it again, and to however many processes at once."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from django.db import connection
from django.test import Client
from django.urls import reverse

from clinic.accounts import codes
from clinic.accounts.attempts import LastCode
from clinic.accounts.models import User
from clinic.accounts.roles import Role
from ml.contracts import Refused
from tests import factories, second_factors
from tests.machine import ROOT


def problem(user: User, code: str) -> str:
    """Return why a code was refused, empty when it was accepted."""
    try:
        codes.check(user, code)
    except Refused as refusal:
        return refusal.problems[0].code
    return ""


@pytest.fixture
def alice_with_app(alice: User) -> User:
    """Return Alice, whose phone shows codes."""
    second_factors.app_of(alice)
    return alice


@pytest.mark.django_db
def test_a_code_of_the_app_serves_once_and_none_before_it(alice_with_app: User) -> None:
    now, before = second_factors.code(), second_factors.code(-1)
    assert problem(alice_with_app, f"{now[:3]} {now[3:]}") == ""
    assert problem(alice_with_app, now) == "used_code"
    assert problem(alice_with_app, before) == "used_code"
    assert problem(alice_with_app, second_factors.code(1)) == ""


@pytest.mark.django_db
def test_codes_of_other_times_are_wrong(alice_with_app: User) -> None:
    assert problem(alice_with_app, second_factors.code(-3)) == "wrong_code"
    assert problem(alice_with_app, second_factors.code(3)) == "wrong_code"
    assert problem(alice_with_app, "") == "wrong_code"


@pytest.mark.django_db
def test_a_clock_that_was_set_back_shuts_nobody_out(alice_with_app: User) -> None:
    LastCode.objects.create(user=alice_with_app, step=int(time.time()) // 30 + 240)
    code = second_factors.code()
    assert problem(alice_with_app, code) == ""
    assert problem(alice_with_app, code) == "used_code"


@pytest.mark.django_db
def test_a_recovery_code_serves_once(alice_with_app: User) -> None:
    kept = RecoveryCodes.activate(alice_with_app).get_unused_codes()
    assert problem(alice_with_app, kept[3]) == ""
    assert problem(alice_with_app, kept[3]) == "wrong_code"
    assert problem(alice_with_app, kept[4]) == ""
    assert len(RecoveryCodes.activate(alice_with_app).get_unused_codes()) == len(kept) - 2


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["app", "recovery"])
def test_shown_to_several_at_once_a_code_is_accepted_by_one(kind: str) -> None:
    alice = factories.staff("alice", Role.MIDWIFE, factories.unit())
    second_factors.app_of(alice)
    code = second_factors.code() if kind == "app" else RecoveryCodes.activate(alice).get_unused_codes()[0]

    def show(_: int) -> bool:
        try:
            return problem(User.objects.get(pk=alice.pk), code) == ""
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(show, range(4))) == 1


@pytest.mark.django_db
def test_five_wrong_codes_close_that_door_for_a_while(alice_with_app: User) -> None:
    for _ in range(5):
        assert problem(alice_with_app, "000000") == "wrong_code"
    assert problem(alice_with_app, second_factors.code()) == "too_many_attempts"


@pytest.mark.django_db
def test_the_log_in_page_takes_a_code_once(alice_with_app: User) -> None:
    code = second_factors.code()
    entered = []
    for _ in range(2):
        client = Client()
        client.post(reverse("account_login"), {"login": "alice", "password": factories.PASSWORD})
        answer = client.post(reverse("mfa_authenticate"), {"code": code})
        entered.append("_auth_user_id" in client.session)
    assert entered == [True, False]
    assert "Ce code a déjà servi" in answer.content.decode()


@pytest.mark.django_db
def test_the_code_that_sets_the_app_up_does_not_log_in(client: Client, alice: User) -> None:
    client.force_login(alice)
    client.get(reverse("mfa_activate_totp"))
    code = second_factors.code(secret=client.session["mfa.totp.secret"])
    answer = client.post(reverse("mfa_activate_totp"), {"code": code})
    assert answer.headers["Location"] == reverse("mfa_view_recovery_codes")
    assert problem(alice, code) == "used_code"


@pytest.mark.django_db
def test_secrets_of_factors_are_sealed_in_the_database(alice_with_app: User, settings) -> None:
    stored = Authenticator.objects.get(user=alice_with_app)
    assert second_factors.SECRET not in str(stored.data)
    # A secret stored before they were sealed still serves; a new secret key still opens the old ones.
    Authenticator.objects.update(data={"secret": second_factors.SECRET})
    assert problem(alice_with_app, second_factors.code()) == ""
    Authenticator.objects.update(data=stored.data)
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another " * 10
    assert problem(alice_with_app, second_factors.code(1)) == ""


def crowd(url: str, *options: str) -> str:
    """Let several processes show the same codes at once on a database; return what they said."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.entrance_crowd", *options],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": url, "VIGIE_ENV": "demo"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.django_db(transaction=True)
def test_of_several_processes_one_accepts_a_code_and_attempts_are_counted_for_all() -> None:
    if connection.vendor != "sqlite":
        pytest.skip("the test below is that of PostgreSQL")
    assert crowd(f"sqlite:///{connection.settings_dict['NAME']}") == "app=1 recovery=1 attempts=3"


@pytest.mark.postgres
@pytest.mark.long
def test_the_same_on_postgresql(postgres_url: str) -> None:
    assert crowd(postgres_url, "--migrate") == "app=1 recovery=1 attempts=3"
