"""The worklist: what waits for whom, how it refreshes itself, and that it stays quick with many rows."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from clinic.accounts.models import User
from clinic.audit.models import Action, Event
from patients.models import Patient
from predictions.models import Study
from predictions.states import State
from tests import factories, studies

HTMX = {"HX-Request": "true"}


def test_empty_worklist_says_what_to_do(client: Client, alice: User) -> None:
    client.force_login(alice)
    page = client.get(reverse("worklist")).content.decode()
    assert "Nothing is waiting in your units." in page
    assert reverse("patient_search") in page


def test_what_asks_for_a_person_stands_first(client: Client, alice: User, bob: User, claire: Patient) -> None:
    studies.waiting(alice, claire)
    ready = studies.ready(alice, claire)
    client.force_login(bob)
    page = client.get(reverse("worklist")).content.decode()
    assert page.index("to sign</span>") < page.index("waiting</span>")
    assert "4 in 100" in page
    assert re.search(rf'href="{reverse("study", args=[ready.pk])}">Read and sign', page)


def test_a_midwife_opens_what_she_cannot_sign(client: Client, alice: User, claire: Patient) -> None:
    studies.ready(alice, claire)
    client.force_login(alice)
    assert "Read and sign" not in client.get(reverse("worklist")).content.decode()


def test_failed_rows_offer_another_try(client: Client, alice: User, claire: Patient) -> None:
    study = studies.waiting(alice, claire)
    Study.objects.filter(pk=study.pk).update(state=State.FAILED)
    client.force_login(alice)
    assert reverse("study_retry", args=[study.pk]) in client.get(reverse("worklist")).content.decode()


def test_filter_by_state(client: Client, alice: User, claire: Patient) -> None:
    waiting, ready = studies.waiting(alice, claire), studies.ready(alice, claire)
    client.force_login(alice)
    page = client.get(reverse("worklist"), {"state": "queued"}).content.decode()
    assert str(waiting.pk) in page
    assert f"open-{ready.pk}" not in page


def test_refresh_answers_only_when_something_changed(client: Client, alice: User, claire: Patient) -> None:
    study = studies.waiting(alice, claire)
    client.force_login(alice)
    seen = client.get(reverse("worklist")).context["seen"]
    again = client.get(reverse("worklist"), {"seen": seen}, headers=HTMX)
    assert again.status_code == 204
    Study.objects.filter(pk=study.pk).update(state=State.RUNNING)
    changed = client.get(reverse("worklist"), {"seen": seen}, headers=HTMX)
    assert changed.status_code == 200
    assert "<html" not in changed.content.decode()


def test_reading_the_list_is_recorded_with_the_studies_shown(
    client: Client, alice: User, claire: Patient
) -> None:
    study = studies.waiting(alice, claire)
    client.force_login(alice)
    client.get(reverse("worklist"))
    event = Event.objects.get(action=Action.VIEW, kind="worklist")
    assert event.actor == alice
    assert str(study.pk) in event.payload.content


def test_two_hundred_rows_cost_no_more_queries_than_two(
    client: Client, alice: User, bob: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for patient in factories.patients(60, alice.units.get()):
        studies.ready(alice, patient)
    client.force_login(bob)
    with django_assert_max_num_queries(25):
        page = client.get(reverse("worklist")).content.decode()
    assert page.count("Read and sign") == 60


@pytest.mark.parametrize(("who", "where"), [("admin", "audit_search"), ("steward", "models")])
def test_managers_are_led_to_their_own_home(
    client: Client, request: pytest.FixtureRequest, who: str, where: str
) -> None:
    client.force_login(request.getfixturevalue(who))
    response = client.get(reverse("worklist"))
    assert response.status_code == 302
    assert response["Location"] == reverse(where)
