"""Where a second factor is required, nothing opens without one, and the last one cannot be taken away."""

from __future__ import annotations

import re
from io import StringIO

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from clinic.accounts import factors
from clinic.accounts.models import Notice, User
from clinic.audit.models import Action, Event
from tests import second_factors
from tests.factories import PASSWORD

pytestmark = pytest.mark.django_db


@pytest.fixture
def required(settings) -> None:
    """Ask for a second factor, as production does."""
    settings.REQUIRE_MFA = True


@pytest.fixture
def set_up() -> str:
    """Return the page that sets a second factor up."""
    return reverse("mfa_index")


def test_nothing_opens_before_a_second_factor_is_set_up(
    required: None, set_up: str, client: Client, alice: User, django_capture_on_commit_callbacks
) -> None:
    client.post(reverse("account_login"), {"login": "alice", "password": PASSWORD})
    for page in ("worklist", "patient_search", "profile", "models"):
        assert client.get(reverse(page)).headers["Location"] == set_up
    assert "Set up a second factor to go on" in client.get(set_up).content.decode()
    refused = client.get(reverse("api-studies"))
    assert refused.status_code == 403
    assert refused.json()["problems"][0]["code"] == "second_factor_needed"

    client.get(reverse("mfa_activate_totp"))
    code = second_factors.code(secret=client.session["mfa.totp.secret"])
    answer = client.post(reverse("mfa_activate_totp"), {"code": code}, follow=True)
    codes = re.findall(r"<li>(\d{8})</li>", answer.content.decode())
    assert len(codes) == 10
    assert client.get(reverse("worklist")).status_code == 200


def test_recovery_codes_alone_are_no_second_factor(
    required: None, set_up: str, client: Client, alice: User
) -> None:
    RecoveryCodes.activate(alice)
    client.force_login(alice)
    assert client.get(reverse("worklist")).headers["Location"] == set_up
    assert client.get(reverse("mfa_view_recovery_codes")).headers["Location"] == set_up


def test_the_way_out_stays_open(required: None, client: Client, alice: User) -> None:
    client.force_login(alice)
    assert client.get(reverse("account_change_password")).status_code == 200
    assert client.get(reverse("session_state")).status_code == 200
    client.post(reverse("account_logout"))
    assert "_auth_user_id" not in client.session


def test_the_demo_asks_for_none(client: Client, alice: User) -> None:
    client.force_login(alice)
    assert client.get(reverse("worklist")).status_code == 200


def test_the_last_factor_stays_where_one_is_required(required: None, client: Client, alice: User) -> None:
    second_factors.app_of(alice)
    client.force_login(alice)
    remove = reverse("mfa_deactivate_totp")
    assert "<button" not in client.get(remove).content.decode().split("<main")[1].split("</main>")[0]
    client.post(remove)
    assert factors.enrolled(alice)


def test_without_the_duty_it_may_go(client: Client, alice: User) -> None:
    second_factors.app_of(alice)
    client.force_login(alice)
    client.post(reverse("mfa_deactivate_totp"))
    assert not Authenticator.objects.filter(user=alice).exists()


def test_the_last_passkey_stays_too(required: None, client: Client, alice: User) -> None:
    key = Authenticator.objects.create(user=alice, type="webauthn", data={"name": "badge", "credential": {}})
    client.force_login(alice)
    client.post(reverse("mfa_remove_webauthn", args=[key.pk]))
    assert factors.enrolled(alice)


def test_the_first_administrator_is_led_to_set_one_up(required: None, set_up: str, client: Client) -> None:
    out = StringIO()
    call_command("create_admin", "root.admin", "--generate", stdout=out)
    assert "second factor" in out.getvalue()
    password = re.search(r"only now: (\S+)", out.getvalue()).group(1)
    client.post(reverse("account_login"), {"login": "root.admin", "password": password})
    change = reverse("account_change_password")
    assert client.get(reverse("staff_list")).headers["Location"] == change
    new = "eleven herons at noon"
    client.post(change, {"oldpassword": password, "password1": new, "password2": new})
    assert client.get(reverse("staff_list")).headers["Location"] == set_up


def test_a_lost_factor_is_taken_away_by_another_administrator_and_its_owner_is_told(
    required: None, set_up: str, client: Client, alice: User, admin: User
) -> None:
    second_factors.app_of(alice)
    second_factors.app_of(admin)
    hers = Client()
    hers.force_login(alice)
    client.force_login(admin)
    client.post(reverse("staff_second_factor", args=[alice.pk]))
    assert hers.get(reverse("profile")).status_code == 302
    assert Notice.objects.get(recipient=alice).text["en"].startswith("Admin Invented took your second factor")
    hers.post(reverse("account_login"), {"login": "alice", "password": PASSWORD})
    assert hers.get(reverse("worklist")).headers["Location"] == set_up

    client.post(reverse("staff_second_factor", args=[admin.pk]))
    assert factors.enrolled(admin)
    assert Event.objects.filter(action=Action.REFUSED, kind="second factor", actor=admin).exists()


def test_changing_factors_asks_who_sits_there(client: Client, alice: User) -> None:
    second_factors.app_of(alice)
    client.force_login(alice)
    session = client.session
    session["confirmed_at"] = 0.0
    session.save()
    for page in ("mfa_add_webauthn", "mfa_deactivate_totp", "mfa_generate_recovery_codes"):
        answer = client.get(reverse(page))
        assert answer.headers["Location"].startswith(reverse("confirm_identity"))
        assert client.post(reverse(page)).headers["Location"].startswith(reverse("confirm_identity"))
