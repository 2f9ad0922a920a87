"""Guessing is slow from everywhere, and nobody is shut out by somebody else's guesses for good."""

from __future__ import annotations

import time

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from clinic.accounts import devices, lockout, throttles
from clinic.accounts.attempts import Attempts
from clinic.accounts.models import Notice, User
from clinic.audit.models import Action, Event
from tests.factories import PASSWORD

pytestmark = pytest.mark.django_db


def enters(client: Client, name: str = "alice", password: str = PASSWORD, address: str = "192.0.2.1") -> bool:
    """Try to log in from an address; return whether that worked."""
    client.post(reverse("account_login"), {"login": name, "password": password}, REMOTE_ADDR=address)
    entered = "_auth_user_id" in client.session
    if entered:
        client.post(reverse("account_logout"), REMOTE_ADDR=address)
    return entered


def guess(times: int, name: str = "alice", address: str = "192.0.2.66") -> None:
    """Try wrong passwords in browsers that nobody has logged in from."""
    for _ in range(times):
        assert not enters(Client(), name, "wrong", address)


def test_wrong_passwords_close_the_account_to_that_address_alone(alice: User) -> None:
    guess(5)
    assert not enters(Client(), address="192.0.2.66")
    assert enters(Client(), address="192.0.2.1")


def test_right_passwords_in_between_do_not_make_room_for_more_guesses(alice: User, bob: User) -> None:
    guess(4)
    assert enters(Client(), "bob", address="192.0.2.66")
    guess(1)
    assert not enters(Client(), address="192.0.2.66")


def test_guesses_from_many_addresses_close_it_to_strange_browsers_but_not_to_its_own(alice: User) -> None:
    own = Client()
    assert enters(own)
    for last in range(10, 14):
        guess(5, address=f"198.51.100.{last}")
    assert not enters(Client(), address="203.0.113.5")
    assert enters(own)
    # The workstation moved to another address: it is still that browser.
    assert enters(own, address="203.0.113.9")


def test_a_browser_known_for_one_person_is_strange_to_another(alice: User, bob: User) -> None:
    ward = Client()
    assert enters(ward, "bob")
    guess(5, address="192.0.2.1")
    assert not enters(ward, address="192.0.2.1")
    assert enters(ward, "bob")
    assert enters(Client(), address="203.0.113.5")


def test_also_a_known_browser_bears_only_so_many_wrong_ones(alice: User) -> None:
    own = Client()
    assert enters(own)
    for _ in range(10):
        assert not enters(own, password="wrong")
    assert not enters(own)


def test_a_new_password_makes_every_browser_a_stranger(alice: User, admin: User) -> None:
    own = Client()
    assert enters(own)
    alice.set_password("eleven herons at noon")
    alice.save()
    guess(5, address="192.0.2.1")
    assert not enters(own, password="eleven herons at noon")


def test_one_address_that_tries_everybody_is_slowed_down_alone(alice: User) -> None:
    for _ in range(lockout.ADDRESS.most):
        throttles.count(lockout.ADDRESS.scope, "192.0.2.66", lockout.ADDRESS.seconds)
    assert not enters(Client(), address="192.0.2.66")
    assert enters(Client(), address="192.0.2.1")


def test_a_shared_workstation_knows_a_hundred_and_forgets_who_came_longest_ago(
    alice: User, bob: User, settings, rf
) -> None:
    people = User.objects.bulk_create(
        User(username=f"nurse{number}", role="midwife") for number in range(devices.MOST_PEOPLE - 2)
    )
    request = rf.get("/")

    def came(*who: User) -> None:
        for person in who:
            response = HttpResponse()
            devices.remember(request, response, person)
            morsel = response.cookies[settings.DEVICE_COOKIE_NAME]
            assert len(morsel.OutputString()) < 4096
            request.COOKIES[settings.DEVICE_COOKIE_NAME] = morsel.value

    came(alice, bob, *people)
    assert all(devices.known(request, person) for person in (alice, bob, *people))
    stranger = User.objects.create(username="stranger", role="midwife")
    came(alice, stranger)
    assert [bool(devices.known(request, one)) for one in (alice, bob, people[0], stranger)] == [
        True, False, True, True,
    ]  # fmt: skip


def test_a_browser_is_known_for_ninety_days_from_a_log_in(alice: User, bob: User, rf, monkeypatch) -> None:
    request, now = rf.get("/"), time.time()

    def came(person: User, day: int) -> None:
        monkeypatch.setattr(time, "time", lambda: now + day * devices.DAY)
        response = HttpResponse()
        devices.remember(request, response, person)
        request.COOKIES |= {name: morsel.value for name, morsel in response.cookies.items()}

    came(alice, 0)
    came(bob, 0)
    came(alice, 60)
    came(alice, 100)
    assert (bool(devices.known(request, alice)), bool(devices.known(request, bob))) == (True, False)


def test_of_ipv6_one_network_is_one_address(alice: User) -> None:
    for number in range(5):
        assert not enters(Client(), password="wrong", address=f"2001:db8:0:7::{number + 1:x}")
    assert not enters(Client(), address="2001:db8:0:7:1::9")
    assert enters(Client(), address="2001:db8:0:8::1")


def test_every_window_is_short(alice: User) -> None:
    guess(6)
    assert {row.scope for row in Attempts.objects.all()} >= {"account at address"}
    assert max(lockout.PAIR.seconds, lockout.ACCOUNT.seconds, lockout.ADDRESS.seconds) <= 15 * 60


def test_a_name_that_nobody_has_locks_in_the_same_way(alice: User) -> None:
    answers = set()
    for name in ("alice", "nobody"):
        guess(5, name, "192.0.2.66")
        answer = Client().post(
            reverse("account_login"), {"login": name, "password": "x"}, REMOTE_ADDR="192.0.2.66"
        )
        answers.add(str(answer.context["form"].errors))
    assert len(answers) == 1
    assert "quart d’heure" in answers.pop()


def test_a_locked_account_is_on_record_once_and_its_owner_and_administrators_are_told(
    alice: User, admin: User
) -> None:
    for last in range(10, 14):
        guess(5, address=f"198.51.100.{last}")
    guess(3, address="203.0.113.5")
    event = Event.objects.get(action=Action.LOCK)
    assert (event.object_id, event.payload.data["limit"]) == (str(alice.pk), "account")
    assert sorted(Notice.objects.values_list("recipient__username", flat=True)) == ["admin", "alice"]


def test_nobody_fills_the_audit_from_outside(alice: User) -> None:
    guess(5 + 3 * lockout.RECORDED.most)
    failed = Event.objects.filter(action=Action.LOGIN_FAILED)
    assert failed.count() == 5 + lockout.RECORDED.most
    assert Event.objects.filter(action=Action.LOCK).count() == 1


def test_an_administrator_who_gives_a_new_password_opens_the_account(
    client: Client, alice: User, admin: User
) -> None:
    for last in range(10, 15):
        guess(5, address=f"198.51.100.{last}")
    client.force_login(admin)
    page = client.post(reverse("staff_password", args=[alice.pk])).content.decode()
    password = page.split("<code>")[1].split("</code>")[0]
    assert enters(Client(), password=password, address="203.0.113.5")
