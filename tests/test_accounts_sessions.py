"""Sessions end: when nobody is there, after a shift, and at once when rights change."""

from __future__ import annotations

import time
from uuid import uuid4

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse

from clinic.accounts import services, sessions, tokens
from clinic.accounts.models import Unit, User
from clinic.accounts.roles import Role
from clinic.audit.models import Action, Event
from tests import second_factors
from tests.factories import PASSWORD

pytestmark = pytest.mark.django_db

PROFILE = "/staff/profile/"


def age(client: Client, clock: str, seconds: float) -> None:
    """Set one clock of the session of a browser back."""
    session = client.session
    session[clock] = time.time() - seconds
    session.save()


def alive(client: Client, **headers: str) -> bool:
    """Open a page; return whether somebody is still logged in."""
    return client.get(PROFILE, headers=headers).status_code == 200


def test_a_session_nobody_uses_ends_and_says_why(client: Client, alice: User, settings) -> None:
    client.force_login(alice)
    age(client, sessions.SEEN, settings.IDLE_SECONDS - 5)
    assert alive(client)
    age(client, sessions.SEEN, settings.IDLE_SECONDS + 1)
    answer = client.get(PROFILE)
    assert answer.headers["Location"] == f"{reverse('account_login')}?next={PROFILE}"
    assert not Session.objects.filter(session_key=client.session.session_key).exists()
    event = Event.objects.filter(action=Action.LOGOUT).get()
    assert (event.actor, event.payload.data, event.address) == (alice, {"ended": "idle"}, "127.0.0.1")


def test_using_it_keeps_it_open_but_a_page_that_refreshes_itself_does_not(
    client: Client, alice: User, settings
) -> None:
    client.force_login(alice)
    for headers in ({"HX-Request": "true"}, {"Sec-Fetch-Mode": "cors"}):
        age(client, sessions.SEEN, settings.IDLE_SECONDS - 60)
        assert alive(client, **headers)
        assert client.get(reverse("session_state"), headers=headers).json()["left"] <= 60
    for headers in ({"HX-Request": "true"}, {"Sec-Fetch-Mode": "cors"}, {"Sec-Fetch-Mode": "same-origin"}):
        # What a form saves by itself: the field lost the focus, perhaps to the warning.
        client.post(reverse("study_draft", args=["haemorrhage", uuid4()]), headers=headers)
        assert client.get(reverse("session_state")).json()["left"] <= 60
    assert alive(client, **{"Sec-Fetch-Mode": "navigate"})
    assert client.get(reverse("session_state"), headers=headers).json()["left"] > 60


def test_a_key_press_keeps_it_open(client: Client, alice: User, settings) -> None:
    client.force_login(alice)
    age(client, sessions.SEEN, settings.IDLE_SECONDS - 60)
    said = client.post(reverse("session_stay"), headers={"Sec-Fetch-Mode": "cors"}).json()
    assert said["left"] > settings.IDLE_SECONDS - 5


def test_after_a_shift_it_ends_whatever_is_done(client: Client, alice: User, settings) -> None:
    client.force_login(alice)
    age(client, sessions.BEGAN, settings.SESSION_COOKIE_AGE - 30)
    left = client.post(reverse("session_stay")).json()
    assert left["left"] == left["latest"] <= 30
    age(client, sessions.BEGAN, settings.SESSION_COOKIE_AGE + 1)
    assert not alive(client)
    assert Event.objects.filter(action=Action.LOGOUT).get().payload.data == {"ended": "absolute"}


@pytest.mark.parametrize("broken", [None, "yesterday", 4_000_000_000.0])
def test_a_session_without_a_clock_is_over(client: Client, alice: User, broken: object) -> None:
    client.force_login(alice)
    session = client.session
    session[sessions.SEEN] = broken
    session.save()
    assert not alive(client)


def change_role(admin: User, alice: User, radiology: Unit) -> None:
    services.update_staff(actor=admin, user=alice, role=Role.PHYSICIAN, units=alice.units.all())


def change_units(admin: User, alice: User, radiology: Unit) -> None:
    services.update_staff(actor=admin, user=alice, units=[radiology])


def disable(admin: User, alice: User, radiology: Unit) -> None:
    services.update_staff(actor=admin, user=alice, is_active=False, units=alice.units.all())


def renew(admin: User, alice: User, radiology: Unit) -> None:
    services.renew_password(actor=admin, user=alice)


@pytest.mark.parametrize("change", [change_role, change_units, disable, renew])
def test_every_session_and_token_ends_with_the_rights_it_was_opened_with(
    change, alice: User, admin: User, radiology: Unit, settings
) -> None:
    ward, desk = Client(), Client()
    ward.post(reverse("account_login"), {"login": "alice", "password": PASSWORD})
    desk.force_login(alice)  # of this one the list of sessions knows nothing
    _token, secret = tokens.issue(owner=alice, name="probe", scopes=["read"], lifetime=tokens.LOGIN)
    assert alive(ward)
    assert alive(desk)
    assert tokens.find(secret)
    change(admin, alice, radiology)
    assert not alive(ward)
    assert not alive(desk)
    assert tokens.find(secret) is None
    assert not UserSession.objects.filter(user=alice).exists()


def test_a_change_of_the_name_alone_ends_nothing(client: Client, alice: User, admin: User) -> None:
    client.force_login(alice)
    services.update_staff(actor=admin, user=alice, last_name="Other", units=alice.units.all())
    assert alive(client)


def test_whoever_changes_their_password_stays_and_everybody_else_goes(alice: User) -> None:
    here, there = Client(), Client()
    for client in (here, there):
        client.post(reverse("account_login"), {"login": "alice", "password": PASSWORD})
    new = "eleven herons at noon"
    here.post(
        reverse("account_change_password"), {"oldpassword": PASSWORD, "password1": new, "password2": new}
    )
    assert alive(here)
    assert not alive(there)
    assert UserSession.objects.get(user=alice).session_key == here.session.session_key


def test_a_new_second_factor_ends_the_other_sessions(alice: User, django_capture_on_commit_callbacks) -> None:
    here, there = Client(), Client()
    for client in (here, there):
        client.post(reverse("account_login"), {"login": "alice", "password": PASSWORD})
    here.get(reverse("mfa_activate_totp"))
    code = second_factors.code(secret=here.session["mfa.totp.secret"])
    with django_capture_on_commit_callbacks(execute=True):
        here.post(reverse("mfa_activate_totp"), {"code": code})
    assert alive(here)
    assert not alive(there)


def test_ending_one_session_of_ones_own_still_works(alice: User) -> None:
    here, there = Client(), Client()
    for client in (here, there):
        client.post(reverse("account_login"), {"login": "alice", "password": PASSWORD})
    here.post(reverse("usersessions_list"))
    assert alive(here)
    assert not alive(there)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0",
            "Firefox on Windows",
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
            "Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0",
            "Edge on Windows",
        ),
        (
            "Mozilla/5.0 (iPad; CPU OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
            "Version/18.5 Mobile/15E148 Safari/604.1",
            "Safari on iPad",
        ),
        ("<b>", "A browser that does not say what it is"),
    ],
)
def test_the_list_of_sessions_names_browsers_in_words(alice: User, said: str, words: str) -> None:
    client = Client(headers={"User-Agent": said})
    client.post(reverse("account_login"), {"login": "alice", "password": PASSWORD})
    page = client.get(reverse("usersessions_list")).content.decode()
    assert words in page
    assert "Mozilla" not in page
