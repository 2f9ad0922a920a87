"""The worklist: what waits for whom, how it refreshes itself, and that it stays quick with many rows."""

from __future__ import annotations

import re
from copy import copy
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from clinic.accounts.models import Unit, User
from clinic.accounts.roles import Role
from clinic.audit.models import Action, Event
from patients.models import Patient
from predictions import first_read
from predictions.models import Prediction, Study
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
    event = Event.objects.get(action=Action.VIEW, kind="worklist", patient=None)
    assert event.actor == alice
    assert str(study.pk) in event.payload.content


def test_two_hundred_rows_cost_no_more_queries_than_two(
    client: Client, alice: User, bob: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for patient in factories.patients(60, alice.units.get()):
        studies.ready(alice, patient)
    client.force_login(bob)
    with django_assert_max_num_queries(30):
        page = client.get(reverse("worklist")).content.decode()
    assert page.count("Read and sign") == 60


@pytest.mark.parametrize(
    ("language", "names", "since"),
    [
        ("en", "analyses again the study of", "analysed again since"),
        ("fr", "réanalyse de l’étude du", "réanalysée depuis"),
    ],
)
def test_what_was_analysed_again_is_told_apart_from_what_it_repeats(
    client: Client, alice: User, bob: User, claire: Patient, language: str, names: str, since: str
) -> None:
    first, second, third = (studies.ready(alice, claire) for _each in range(3))
    sent_before(first, 30)
    sent_before(second, 20)
    for study, version in ((second, "1.0.0"), (third, "1.1.0")):
        Study.objects.filter(pk=study.pk).update(repeats=first, repeats_with=version)
    User.objects.filter(pk=bob.pk).update(language=language)
    client.force_login(User.objects.get(pk=bob.pk))
    answer = client.get(reverse("worklist"))
    tags = {row.study.pk: (bool(row.repeats), row.again) for row in answer.context["rows"]}
    assert tags == {first.pk: (False, True), second.pk: (True, True), third.pk: (True, False)}
    page = answer.content.decode()
    assert (page.count(names), page.count(since)) == (2, 2)


@pytest.mark.parametrize(("who", "where"), [("admin", "audit_search"), ("steward", "models")])
def test_managers_are_led_to_their_own_home(
    client: Client, request: pytest.FixtureRequest, who: str, where: str
) -> None:
    client.force_login(request.getfixturevalue(who))
    response = client.get(reverse("worklist"))
    assert response.status_code == 302
    assert response["Location"] == reverse(where)


# --- order ------------------------------------------------------------------------------------


def listed(client: Client, **query: object) -> list[str]:
    """Return the studies of one page of the list, from top to bottom."""
    page = client.get(reverse("worklist"), query).content.decode()
    return re.findall(r'id="open-([0-9a-f-]{36})"', page)


def sent_before(study: Study, minutes: int) -> Study:
    Study.objects.filter(pk=study.pk).update(submitted_at=timezone.now() - timedelta(minutes=minutes))
    return study


def switch(client: Client, order: str) -> None:
    client.post(reverse("worklist_order"), {"order": order})


def test_the_longest_waiting_stands_first_whatever_its_kind(
    client: Client, charlie: User, henri: Patient, alice: User, claire: Patient
) -> None:
    physician = factories.staff("dora", Role.PHYSICIAN, *Unit.objects.all())
    recent = sent_before(studies.ready(alice, claire), 5)
    oldest = sent_before(studies.radiograph(charlie, henri), 90)
    failed = sent_before(studies.waiting(alice, claire), 30)
    Study.objects.filter(pk=failed.pk).update(state=State.FAILED)
    machine = sent_before(studies.waiting(alice, claire), 200)
    client.force_login(physician)
    assert listed(client) == [str(study.pk) for study in (oldest, failed, recent, machine)]


def test_every_one_of_many_studies_is_reachable_in_both_orders(
    client: Client, charlie: User, henri: Patient, settings: Any
) -> None:
    settings.ALGORITHM_ORDER = "all"
    every = {str(study.pk) for study in many_radiographs(charlie, henri, 450)}
    client.force_login(charlie)
    for order in ("waiting", "algorithm"):
        switch(client, order)
        pages = [listed(client, page=number) for number in (1, 2, 3)]
        assert [len(page) for page in pages] == [200, 200, 50]
        assert set().union(*pages) == every
    assert listed(client, page=99) == pages[-1]


def many_radiographs(by: User, patient: Patient, number: int) -> list[Study]:
    """Make X-rays with an answer, every second one normal, in a few queries."""
    first = studies.radiograph(by, patient)
    copies = [copy(first) for _each in range(number - 1)]
    for study in copies:
        study.pk, study.idempotency_key = uuid4(), uuid4().hex
    Study.objects.bulk_create(copies)
    answers = [copy(first.prediction) for _each in copies]
    for index, (answer, study) in enumerate(zip(answers, copies, strict=True)):
        answer.pk, answer.study = uuid4(), study
        answer.result = answer.result | {
            "probability": index % 2,
            "label": ("NORMAL", "PNEUMONIA")[index % 2],
        }
    Prediction.objects.bulk_create(answers)
    return [first, *copies]


@pytest.fixture
def three(charlie: User, henri: Patient) -> dict[str, Study]:
    """Return three X-rays, the least urgent one waiting longest."""
    return {
        name: sent_before(studies.radiograph(charlie, henri, probability=probability), minutes)
        for name, probability, minutes in (("low", 0.1, 30), ("middle", 0.6, 20), ("high", 0.9, 10))
    }


def order_of(client: Client, named: dict[str, Study]) -> list[str]:
    names = {str(study.pk): name for name, study in named.items()}
    return [names[pk] for pk in listed(client)]


def test_the_algorithm_orders_nothing_unless_site_and_reader_want_it(
    client: Client, charlie: User, three: dict[str, Study], settings: Any
) -> None:
    client.force_login(charlie)
    switch(client, "algorithm")
    assert order_of(client, three) == ["low", "middle", "high"]
    assert "Order by the algorithm" not in client.get(reverse("worklist")).content.decode()
    settings.ALGORITHM_ORDER = "all"
    assert order_of(client, three) == ["low", "middle", "high"]
    switch(client, "algorithm")
    assert order_of(client, three) == ["high", "middle", "low"]
    assert (
        "their place then tells something of the answer" in client.get(reverse("worklist")).content.decode()
    )
    client.logout()
    client.force_login(charlie)
    assert order_of(client, three) == ["low", "middle", "high"]


def test_what_is_read_blind_keeps_its_place(
    client: Client, charlie: User, three: dict[str, Study], settings: Any
) -> None:
    settings.ALGORITHM_ORDER = "after_first_read"
    client.force_login(charlie)
    switch(client, "algorithm")
    assert order_of(client, three) == ["low", "middle", "high"]
    for name in ("low", "high"):
        first_read.commit(user=charlie, study=three[name], impression="normal", confidence="sure")
    assert order_of(client, three) == ["high", "middle", "low"]
    first_read.commit(user=charlie, study=three["middle"], impression="normal", confidence="sure")
    assert order_of(client, three) == ["high", "middle", "low"]


def test_a_row_asks_for_the_first_read_and_then_for_the_signature(
    client: Client, charlie: User, henri: Patient
) -> None:
    study = studies.radiograph(charlie, henri)
    client.force_login(charlie)
    page = client.get(reverse("worklist")).content.decode()
    assert "first impression awaited" in page
    assert "walrus" not in page
    seen = client.get(reverse("worklist")).context["seen"]
    first_read.commit(user=charlie, study=study, impression="normal", confidence="sure")
    refreshed = client.get(reverse("worklist"), {"seen": seen}, headers=HTMX)
    assert "walrus" in refreshed.content.decode()
    assert "Read and sign" in refreshed.content.decode()


def test_two_xrays_of_one_patient_are_told_apart(client: Client, charlie: User, henri: Patient) -> None:
    studies.radiograph(charlie, henri, taken_at="2026-03-05T10:00:00")
    studies.radiograph(charlie, henri)
    client.force_login(charlie)
    page = client.get(reverse("worklist")).content.decode()
    assert "taken on 2026-03-05 · 1 image" in page
    assert f"sent on {timezone.localdate():%Y-%m-%d} · 1 image" in page
