"""Getting in, staying in, and being led out."""

from __future__ import annotations

import pytest
from django.core.checks import run_checks
from django.test import Client
from django.urls import reverse

from clinic.accounts.models import User
from clinic.accounts.roles import Role
from clinic.audit.models import Action, Event
from tests import second_factors
from tests.factories import PASSWORD, staff

pytestmark = pytest.mark.django_db


def log_in(client: Client, username: str, password: str = PASSWORD) -> bool:
    """Type a name and a password; return whether that let one in."""
    client.post("/accounts/login/", {"login": username, "password": password})
    return "_auth_user_id" in client.session


def last(action: Action) -> Event:
    """Return the latest event of that kind."""
    return Event.objects.filter(action=action).select_related("payload").latest("pk")


def test_a_person_gets_in_and_out_and_both_are_recorded(client: Client, alice: User) -> None:
    assert log_in(client, "alice")
    event = last(Action.LOGIN)
    assert (event.actor, event.actor_label, event.role) == (alice, "Alice Invented", "midwife")
    assert event.address == "127.0.0.1"
    assert len(event.request) == 16

    key = client.session.session_key
    client.post(reverse("account_logout"))
    assert "_auth_user_id" not in client.session
    assert last(Action.LOGOUT).actor == alice
    # The key that was in use opens nothing any more, wherever a copy of it is.
    client.cookies["sessionid"] = key
    assert client.get(reverse("worklist")).status_code == 302


def test_the_name_may_be_typed_in_capitals(client: Client, alice: User) -> None:
    assert log_in(client, "Alice")


def test_a_wrong_password_is_recorded_with_the_account_but_not_the_password(
    client: Client, alice: User
) -> None:
    assert not log_in(client, "alice", "hunter-hunter-2")
    event = last(Action.LOGIN_FAILED)
    assert event.actor is None
    assert event.object_id == str(alice.pk)
    assert event.payload.data == {"account": "alice"}
    assert "hunter" not in event.payload.content


def test_what_was_typed_as_an_unknown_name_is_not_kept(client: Client, alice: User) -> None:
    assert not log_in(client, "my-real-password-by-mistake", "x")
    event = last(Action.LOGIN_FAILED)
    assert event.object_id == ""
    assert event.payload.data == {"account": "none of that name"}


def test_five_wrong_passwords_close_the_account_for_a_while(client: Client, alice: User) -> None:
    for _ in range(5):
        assert not log_in(client, "alice", "wrong")
    assert not log_in(client, "alice")
    assert last(Action.LOGIN_FAILED).payload.data == {"account": "too many attempts"}


def test_a_disabled_person_is_refused_like_a_wrong_password(client: Client, alice: User) -> None:
    User.objects.update(is_active=False)
    wrong = client.post("/accounts/login/", {"login": "alice", "password": "wrong"})
    right = client.post("/accounts/login/", {"login": "alice", "password": PASSWORD})
    assert "_auth_user_id" not in client.session
    assert right.status_code == wrong.status_code == 200
    assert right.context["form"].errors == wrong.context["form"].errors


def test_disabling_ends_a_session_at_once(client: Client, alice: User) -> None:
    client.force_login(alice)
    assert client.get(reverse("profile")).status_code == 200
    User.objects.update(is_active=False)
    assert client.get(reverse("profile")).status_code == 302


def test_the_demo_cannot_enter_production(client: Client, settings, maternity) -> None:
    demo = staff("demo.midwife", Role.MIDWIFE, maternity, password=PASSWORD, demo=True)
    assert log_in(client, "demo.midwife")
    settings.PRODUCTION = True
    assert client.get(reverse("profile")).status_code == 302
    assert not log_in(Client(), "demo.midwife")

    found = [problem.id for problem in run_checks(databases=["default"])]
    assert "accounts.E001" in found
    User.objects.filter(pk=demo.pk).update(is_active=False)
    assert "accounts.E001" not in [problem.id for problem in run_checks(databases=["default"])]


@pytest.mark.parametrize(
    "name", ["account_signup", "account_email", "account_set_password", "account_inactive"]
)
def test_nobody_signs_up(client: Client, db: None, name: str) -> None:
    assert client.get(reverse(name)).status_code == 404
    assert client.post(reverse(name), {"username": "mallory", "password1": PASSWORD}).status_code == 404


def test_there_is_no_reset_by_mail(client: Client, db: None) -> None:
    assert client.get("/accounts/password/reset/").status_code == 404
    assert b"password/reset" not in client.get("/accounts/login/").content


def test_a_one_time_password_has_to_be_changed_before_anything_else(client: Client, alice: User) -> None:
    User.objects.update(temporary_password=True)
    assert log_in(client, "alice")
    change = reverse("account_change_password")
    assert client.get(reverse("patient_search")).headers["Location"] == change
    assert client.get(change).status_code == 200

    new = "eleven herons at noon"
    client.post(change, {"oldpassword": "of somebody else", "password1": new, "password2": new})
    assert client.get(reverse("patient_search")).headers["Location"] == change
    client.post(change, {"oldpassword": PASSWORD, "password1": new, "password2": new})
    assert client.get(reverse("patient_search")).status_code == 200
    assert Event.objects.filter(kind="password", action=Action.UPDATE, actor=alice).count() == 1


def test_a_second_factor_is_asked_for_once_it_is_set_up(client: Client, alice: User) -> None:
    second_factors.app_of(alice)
    assert not log_in(client, "alice")
    assert client.get(reverse("mfa_authenticate")).status_code == 200

    client.post(reverse("mfa_authenticate"), {"code": "000000"})
    assert "_auth_user_id" not in client.session
    assert last(Action.LOGIN_FAILED).payload.data == {"account": "alice", "factor": "code"}

    client.post(reverse("mfa_authenticate"), {"code": second_factors.code()})
    assert client.session["_auth_user_id"] == str(alice.pk)


def test_the_profile_leads_to_factor_sessions_and_password(client: Client, alice: User) -> None:
    client.force_login(alice)
    page = client.get(reverse("profile")).content.decode()
    for name in ("mfa_index", "usersessions_list", "account_change_password"):
        assert f'href="{reverse(name)}"' in page
        assert client.get(reverse(name)).status_code == 200
    assert "Maternity" in page


def test_pages_speak_the_language_of_the_person(client: Client, alice: User) -> None:
    client.force_login(alice)
    assert client.get(reverse("profile")).headers["Content-Language"] == "en"
    User.objects.update(language="fr")
    answer = client.get(reverse("profile"), headers={"accept-language": "en"})
    assert answer.headers["Content-Language"] == "fr"
    User.objects.update(language="")
    answer = client.get(reverse("profile"), headers={"accept-language": "en"})
    assert answer.headers["Content-Language"] == "en"
