"""Notices: told once, counted on every page, acknowledged by whom they are for, and kept."""

from __future__ import annotations

import uuid

import pytest
from django.test import Client
from django.urls import reverse

from clinic.accounts import notices
from clinic.accounts.models import Notice, Unit, User
from clinic.audit.models import Action, Event
from ml.contracts import Text
from patients.models import Patient

pytestmark = pytest.mark.django_db

SAID = Text("The heron has landed.", "Le héron s’est posé.")


@pytest.fixture
def page(alice: User) -> Client:
    """Return Alice's browser."""
    client = Client()
    client.force_login(alice)
    return client


def test_each_person_is_told_once_in_their_language(alice: User, bob: User) -> None:
    notices.notify([alice, bob, alice], SAID)
    assert Notice.objects.count() == 2
    User.objects.filter(pk=bob.pk).update(language="fr")
    client = Client()
    client.force_login(bob)
    assert "Le héron s’est posé." in client.get(reverse("notices")).content.decode()


def test_the_count_stands_on_every_page_until_acknowledged_and_the_notice_is_kept(
    page: Client, alice: User
) -> None:
    notices.notify([alice], SAID)
    assert "1 notice" in page.get(reverse("worklist")).content.decode()
    page.post(reverse("notice_acknowledge"), {"notice": Notice.objects.get().pk})
    shown = page.get(reverse("notices")).content.decode()
    assert "1 notice" not in shown
    assert SAID.en in shown
    assert Notice.objects.get().acknowledged_at is not None


def test_what_came_after_the_page_was_drawn_is_not_acknowledged_with_it(page: Client, alice: User) -> None:
    notices.notify([alice], SAID)
    seen = Notice.objects.get().pk
    notices.notify([alice], Text("Something else.", "Autre chose."))
    page.post(reverse("notice_acknowledge"), {"notice": seen})
    assert notices.waiting(alice) == 1


@pytest.mark.parametrize("sent", [{}, {"notice": "x"}, {"notice": "9" * 30}, {"notice": "²"}])
def test_a_number_that_is_none_acknowledges_nothing(page: Client, alice: User, sent: dict[str, str]) -> None:
    notices.notify([alice], SAID)
    assert page.post(reverse("notice_acknowledge"), sent).status_code == 302
    assert notices.waiting(alice) == 1


def test_nobody_acknowledges_for_another(page: Client, bob: User) -> None:
    notices.notify([bob], SAID)
    page.post(reverse("notice_acknowledge"), {"notice": Notice.objects.get().pk})
    assert notices.waiting(bob) == 1


def test_the_record_it_is_about_is_named_while_it_exists(page: Client, alice: User, claire: Patient) -> None:
    notices.notify([alice], SAID, about=f"patient:{claire.pk}")
    notices.notify([alice], SAID, about=f"patient:{uuid.uuid4()}")
    notices.notify([alice], SAID, about="nonsense")
    assert page.get(reverse("notices")).content.decode().count("LANTERN, Claire") == 1


def test_an_administrator_names_the_leads_among_the_staff_of_the_unit(
    maternity: Unit, alice: User, bob: User, charlie: User, admin: User
) -> None:
    office, address = Client(), reverse("unit_edit", args=["maternity"])
    office.force_login(admin)
    names = {"name_fr": "Maternité", "name_en": "Maternity"}
    assert office.post(address, names | {"leads": [charlie.pk]}).status_code == 422
    assert office.post(address, names | {"leads": [alice.pk, bob.pk]}).status_code == 302
    assert {*notices.leads([maternity])} == {alice, bob}
    assert Event.objects.get(action=Action.ADMIN).payload.data["leads"] == [[], ["alice", "bob"]]
    bob.units.clear()
    assert notices.leads([maternity]) == [alice]
    assert office.post(address, names).status_code == 302
    assert notices.leads([maternity]) == [admin]
