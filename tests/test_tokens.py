"""Tokens of programs: scopes, an end, kept as hashes, revoked, and never more than their owner."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from clinic.accounts import confirm, services, sessions, tokens
from clinic.accounts.models import ApiToken, Notice, User
from clinic.accounts.roles import Role, Scope
from clinic.audit.models import Action, Event
from ml.contracts import Refused
from tests import factories, outputs

pytestmark = pytest.mark.django_db

WANTED = {"name": "ward screen", "scopes": ["read"], "days": "30"}
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
    sent = WANTED | {"confirm_password": factories.PASSWORD}
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
    "wrong",
    [
        {"days": "91"},
        {"days": "0"},
        {"scopes": ["sign"]},
        {"scopes": ["export"]},
        {"scopes": ["emergency"]},
        {"scopes": []},
        {"name": ""},
    ],
)
def test_the_page_issues_no_token_that_is_too_long_too_strong_or_nameless(
    page: Client, wrong: dict[str, Any]
) -> None:
    sent = WANTED | {"confirm_password": factories.PASSWORD} | wrong
    assert page.post(reverse("token_new"), sent).status_code == 422
    assert not ApiToken.objects.exists()


def test_whoever_finds_a_desk_unlocked_a_minute_after_the_log_in_gets_no_token(page: Client) -> None:
    """A token outlives the session, so each is asked for with the password, however fresh the log-in."""
    address = reverse("token_new")
    for _ in range(2):
        refused = page.post(address, WANTED)
        assert refused.status_code == 422
        assert "ward screen" in refused.content.decode()  # nothing typed is lost
        assert 'name="confirm_password"' in page.get(address).content.decode()
    assert page.post(address, WANTED | {"confirm_password": "guessed"}).status_code == 422
    assert not ApiToken.objects.exists()
    assert page.post(address, WANTED | {"confirm_password": factories.PASSWORD}).status_code == 200
    assert page.post(address, WANTED).status_code == 422  # one confirmation, one token
    assert ApiToken.objects.count() == 1


def test_a_passkey_touched_at_the_form_confirms_one_token(page: Client) -> None:
    address = reverse("token_new")
    page.get(address)
    session = page.session
    session[confirm.CONFIRMED] = time.time()  # as the page of the passkey leaves it
    session.save()
    assert page.post(address, WANTED).status_code == 200
    assert page.post(address, WANTED).status_code == 422


@pytest.mark.parametrize("by", ["page", "program"])
def test_the_owner_is_told_of_every_token(by: str, page: Client, alice: User) -> None:
    if by == "page":
        page.post(reverse("token_new"), WANTED | {"confirm_password": factories.PASSWORD})
    else:
        ask(scopes=["read"], name="ward screen")
    told, token = Notice.objects.get(), ApiToken.objects.get()
    end = timezone.localtime(token.expires_at)
    assert (told.recipient, told.link) == (alice, reverse("token_list"))
    assert f"“ward screen” was issued in your name: Read; until {end:%Y-%m-%d %H:%M}" in told.text["en"]
    assert "Consulter" in told.text["fr"] or "Lire" in told.text["fr"]


def test_signing_out_everywhere_else_ends_the_tokens_too(page: Client, alice: User) -> None:
    """Also where no other session is left: the button is there for the tokens."""
    _token, secret = issue(alice)
    address = reverse("usersessions_list")
    shown = page.get(address).content.decode()
    assert "1 token of a program" in shown
    assert "Sign out everywhere else" in shown
    page.post(address)
    assert call(secret) == 401
    assert page.get(address).status_code == 200


def test_a_new_password_ends_the_tokens_too(page: Client, alice: User) -> None:
    _token, secret = issue(alice)
    new = "eleven herons at noon"
    sent = {"oldpassword": factories.PASSWORD, "password1": new, "password2": new}
    page.post(reverse("account_change_password"), sent)
    assert call(secret) == 401


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
    Notice.objects.all().delete()
    page.post(reverse("token_revoke", args=[token.pk]))
    assert call(secret) == 401
    assert Event.objects.get(action=Action.REVOKE).object_id == str(token.pk)
    assert not Notice.objects.exists()


def test_an_administrator_sees_and_revokes_everybodys_and_the_owner_is_told(alice: User, admin: User) -> None:
    token, secret = issue(alice)
    Notice.objects.all().delete()
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
    Notice.objects.all().delete()
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


@pytest.mark.parametrize(("scope", "minutes"), [("sign", 15), ("emergency", 15), ("export", 60)])
def test_what_a_person_confirms_a_program_asks_for_anew_and_has_for_a_short_time(
    alice: User, scope: str, minutes: int
) -> None:
    assert ask(scopes=[scope, "read"]).status_code == 200
    token = ApiToken.objects.get()
    life = timedelta(minutes=minutes)
    assert token.expires_at <= token.issued_at + life + timedelta(seconds=1)
    longer = life + timedelta(minutes=1)
    with pytest.raises(Refused, match="token_too_long"):
        tokens.issue(owner=alice, name="x", scopes=[scope], lifetime=longer, confirmed=True)
    with pytest.raises(Refused, match="scope_needs_confirmation"):
        tokens.issue(owner=alice, name="x", scopes=[scope], lifetime=life)


def test_the_shortest_life_of_its_scopes_counts(alice: User) -> None:
    ask(scopes=["sign", "export", "read"])
    token = ApiToken.objects.get()
    assert token.expires_at <= token.issued_at + timedelta(minutes=15, seconds=1)


def test_a_token_that_reads_takes_neither_the_audit_nor_documents_out(admin: User) -> None:
    """That 90 days of reading are no 90 days of carrying away."""
    _token, secret = issue(admin, 90, Scope.READ, Scope.SUBMIT, Scope.REVIEW)
    assert call(secret, "api-audit-events") == 403
    assert call(factories.token(admin, Scope.EXPORT), "api-audit-events") == 200
    study = outputs.answered("haemorrhage")
    reader, exporter = (factories.token(study.submitted_by, one) for one in (Scope.READ, Scope.EXPORT))
    for name, part in (("api-document-content", uuid4()), ("api-artefact", "preview.png")):
        address = reverse(name, args=[study.pk, part])
        for secret, expected in ((reader, 403), (exporter, 404)):
            answer = Client().get(address, headers={"Authorization": f"Token {secret}"})
            assert answer.status_code == expected


def test_who_has_a_second_factor_needs_it_for_a_token_and_each_code_serves_once(alice: User) -> None:
    TOTP.activate(alice, SECRET)
    code = format_hotp_value(hotp_value(SECRET, int(time.time()) // 30))
    assert ask(scopes=["sign"]).status_code == 401
    assert ask(scopes=["sign"], code=code).status_code == 200
    assert ask(scopes=["sign"], code=code).status_code == 401


@pytest.mark.parametrize("scope", Scope)
def test_where_a_second_factor_is_required_nobody_gets_a_token_without(
    alice: User, settings: Any, scope: Scope
) -> None:
    settings.REQUIRE_MFA = True
    assert ask(scopes=[scope]).status_code == 403
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
