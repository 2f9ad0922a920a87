"""Tokens of programs: scopes, an end, kept as hashes, revoked, and never more than their owner."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from clinic.accounts import services, sessions, tokens
from clinic.accounts.models import ApiToken, Notice, User
from clinic.accounts.roles import Role, Scope
from clinic.audit.models import Action, Event
from ml.contracts import Refused
from tests import factories

pytestmark = pytest.mark.django_db

SECRET = "JBSWY3DPEHPK3PXP"  # of an app for codes, invented


def call(secret: str, name: str = "api-algorithms") -> int:
    """Return what a program gets that shows ``secret``."""
    return Client().get(reverse(name), headers={"Authorization": f"Token {secret}"}).status_code


def ask(**sent: Any) -> Any:
    """Log in as Alice through the API."""
    body = {"username": "alice", "password": factories.PASSWORD} | sent
    return Client().post(reverse("api-token"), body, content_type="application/json")


def issue(owner: User, days: int = 30, *scopes: Scope) -> tuple[ApiToken, str]:
    lifetime = timedelta(days=days)
    return tokens.issue(owner=owner, name="ward screen", scopes=scopes or (Scope.READ,), lifetime=lifetime)


def pass_time(monkeypatch: pytest.MonkeyPatch, by: timedelta) -> None:
    now = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: now() + by)


@pytest.fixture
def page(alice: User) -> Client:
    """Return Alice's browser."""
    client = Client()
    client.force_login(alice)
    return client


def test_the_secret_is_shown_once_and_kept_nowhere(page: Client, alice: User) -> None:
    sent = {"name": "ward screen", "scopes": ["read"], "days": "30"}
    answer = page.post(reverse("token_new"), sent).content.decode()
    token = ApiToken.objects.get()
    secret = next(word for word in answer.replace("<", " ").replace(">", " ").split() if "vigie_" in word)
    assert token.secret_hash == tokens.hashed(secret)
    assert call(secret) == 200
    assert secret not in page.get(reverse("token_list")).content.decode()
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM accounts_apitoken")
        assert secret not in str(cursor.fetchall())
    event = Event.objects.get(action=Action.ISSUE)
    assert event.actor == alice
    assert secret not in event.payload.content


@pytest.mark.parametrize(
    "wrong", [{"days": "91"}, {"days": "0"}, {"scopes": ["sign"]}, {"scopes": []}, {"name": ""}]
)
def test_the_page_issues_no_token_that_is_too_long_too_strong_or_nameless(
    page: Client, wrong: dict[str, Any]
) -> None:
    sent = {"name": "ward screen", "scopes": ["read"], "days": "30"} | wrong
    assert page.post(reverse("token_new"), sent).status_code == 422
    assert not ApiToken.objects.exists()


def test_an_old_session_confirms_before_it_issues(page: Client, settings: Any) -> None:
    settings.CONFIRM_SECONDS = 0
    sent = {"name": "ward screen", "scopes": ["read"], "days": "30"}
    page.post(reverse("token_new"), sent)
    assert not ApiToken.objects.exists()
    page.post(reverse("token_new"), sent | {"confirm_password": factories.PASSWORD})
    assert ApiToken.objects.exists()


def test_a_token_ends_with_its_time(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    _token, secret = issue(alice)
    pass_time(monkeypatch, timedelta(days=30) - timedelta(minutes=1))
    assert call(secret) == 200
    pass_time(monkeypatch, timedelta(minutes=2))
    assert call(secret) == 401


@pytest.mark.parametrize("secret", ["", "vigie_", "vigie_" + "x" * 43, "0" * 40])
def test_what_is_no_token_opens_nothing(alice: User, secret: str) -> None:
    issue(alice)
    assert call(secret) == 401


def test_a_token_is_never_more_than_its_owner(charlie: User, claire: Any) -> None:
    secret = factories.token(charlie)
    address = reverse("api-patient", args=[claire.pk])
    assert Client().get(address, headers={"Authorization": f"Token {secret}"}).status_code == 404
    User.objects.filter(pk=charlie.pk).update(role=Role.STEWARD)
    assert call(secret, "api-patients") == 403


def end_by_disabling(admin: User, alice: User) -> None:
    services.update_staff(actor=admin, user=alice, units=alice.units.all(), is_active=False)


def end_by_new_password(admin: User, alice: User) -> None:
    services.renew_password(actor=admin, user=alice)


def end_by_sessions(admin: User, alice: User) -> None:
    sessions.end_all(alice)


@pytest.mark.parametrize("end", [end_by_disabling, end_by_new_password, end_by_sessions])
def test_tokens_end_with_the_sessions_of_their_owner(end: Any, admin: User, alice: User) -> None:
    _token, secret = issue(alice)
    end(admin, alice)
    User.objects.filter(pk=alice.pk).update(is_active=True, temporary_password=False)
    assert call(secret) == 401


def test_the_owner_revokes_it_at_the_page(page: Client, alice: User) -> None:
    token, secret = issue(alice)
    page.post(reverse("token_revoke", args=[token.pk]))
    assert call(secret) == 401
    assert Event.objects.get(action=Action.REVOKE).object_id == str(token.pk)
    assert not Notice.objects.exists()


def test_an_administrator_sees_and_revokes_everybodys_and_the_owner_is_told(alice: User, admin: User) -> None:
    token, secret = issue(alice)
    office = Client()
    office.force_login(admin)
    assert "ward screen" in office.get(reverse("token_list_all")).content.decode()
    office.post(reverse("token_revoke", args=[token.pk]))
    assert call(secret) == 401
    assert Notice.objects.get().recipient == alice


def test_its_use_is_noted_once_a_minute(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    _token, secret = issue(alice)
    call(secret)
    first = ApiToken.objects.get().last_used_at
    assert first is not None
    pass_time(monkeypatch, timedelta(seconds=50))
    call(secret)
    assert ApiToken.objects.get().last_used_at == first
    pass_time(monkeypatch, timedelta(seconds=20))
    call(secret)
    assert ApiToken.objects.get().last_used_at > first


def test_the_owner_is_warned_once_before_a_token_in_use_ends(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    _token, secret = issue(alice)
    call(secret)
    assert not Notice.objects.exists()
    pass_time(monkeypatch, timedelta(days=28))
    call(secret)
    pass_time(monkeypatch, timedelta(minutes=5))
    call(secret)
    assert "ward screen" in Notice.objects.get().text["en"]


def test_a_program_asks_for_scopes_and_gets_half_a_day(alice: User) -> None:
    given = ask(scopes=["read"], name="registry").json()
    token = ApiToken.objects.get()
    assert given["scopes"] == ["read"]
    assert (token.name, token.expires_at - token.issued_at > timedelta(hours=11)) == ("registry", True)
    assert token.expires_at <= token.issued_at + timedelta(hours=12, seconds=1)


def test_a_token_that_signs_lives_a_quarter_of_an_hour(alice: User) -> None:
    assert ask(scopes=["sign"]).status_code == 200
    token = ApiToken.objects.get()
    assert token.expires_at <= token.issued_at + timedelta(minutes=15, seconds=1)
    with pytest.raises(Refused, match="token_too_long"):
        tokens.issue(owner=alice, name="x", scopes=["sign"], lifetime=timedelta(minutes=16), confirmed=True)
    with pytest.raises(Refused, match="scope_needs_confirmation"):
        tokens.issue(owner=alice, name="x", scopes=["sign"], lifetime=timedelta(minutes=15))


def test_who_has_a_second_factor_needs_it_for_a_token_and_each_code_serves_once(alice: User) -> None:
    TOTP.activate(alice, SECRET)
    code = format_hotp_value(hotp_value(SECRET, int(time.time()) // 30))
    assert ask(scopes=["sign"]).status_code == 401
    assert ask(scopes=["sign"], code=code).status_code == 200
    assert ask(scopes=["sign"], code=code).status_code == 401


def test_where_a_second_factor_is_required_nobody_gets_a_token_without(alice: User, settings: Any) -> None:
    settings.REQUIRE_MFA = True
    assert ask(scopes=["read"]).status_code == 403
    assert not ApiToken.objects.exists()


def test_too_many_calls_are_stopped_for_one_person_alone(
    alice: User, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("predictions.api.base.MOST_CALLS", 3)
    mine, theirs = issue(alice)[1], issue(bob)[1]
    assert [call(mine) for _ in range(4)] == [200, 200, 200, 429]
    assert call(theirs) == 200


def test_nobody_collects_tokens(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "MOST_SERVING", 2)
    kept, _secret = issue(alice)
    issue(alice)
    with pytest.raises(Refused, match="too_many_tokens"):
        issue(alice)
    tokens.revoke(actor=alice, token=kept)
    issue(alice)


@pytest.mark.django_db(transaction=True)
def test_the_tokens_of_the_framework_are_dropped_by_an_upgrade() -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE authtoken_token (key varchar(40) PRIMARY KEY)")
        cursor.execute("INSERT INTO authtoken_token VALUES ('in the clear')")
    executor = MigrationExecutor(connection)
    state = executor.loader.project_state([("accounts", "0005_lockout_and_sessions")])
    migration = executor.loader.get_migration("accounts", "0006_drop_framework_tokens")
    with connection.schema_editor() as editor:
        migration.apply(state, editor)
    assert "authtoken_token" not in connection.introspection.table_names()
