"""A program scores a night: state, events, a second scorer, the comparison, the signature."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from clinic.accounts.models import Unit, User
from clinic.accounts.roles import Role
from clinic.audit.models import Action, Event
from patients.models import Patient
from predictions import review
from predictions.models import ScoringEvent, Study
from tests import factories, scored_nights, studies
from tests.scored_nights import STAGES, event, finished, stage

pytestmark = pytest.mark.django_db

PAGE, PROGRAM = "scoring_state", "api-scoring"


@pytest.fixture(autouse=True)
def nobody_has_looked_yet() -> None:
    """Forget who looked at what in the last hour."""
    cache.clear()


@pytest.fixture
def study(terry: User, nina: Patient) -> Study:
    """Return a night of Nina's with a draft of twenty epochs."""
    return scored_nights.night(terry, nina)


def of(user: User) -> Client:
    """Return a client that ``user`` is logged in with."""
    client = Client()
    client.force_login(user)
    return client


def send(client: Client, address: str, study: Study, body: Any) -> Any:
    """Post JSON to an address of a study."""
    return client.post(reverse(address, args=[study.pk]), body, content_type="application/json")


def read(client: Client, address: str, study: Study, **query: Any) -> Any:
    """Read an address of a study."""
    return client.get(reverse(address, args=[study.pk]), query)


def test_a_program_scores_as_the_page_does(study: Study, terry: User, sandra: User) -> None:
    client = of(terry)
    batch = {"base": 0, "window": "lab", "events": [stage(7, "N3"), stage(99, "N3"), event("close")]}
    answer = send(client, "api-scoring-events", study, batch)
    assert answer.status_code == 200, answer.content
    told = answer.json()
    assert (told["number"], len(told["kept"]), told["closed"]) == (2, 2, True)
    assert (told["refused"][0]["code"], told["refused"][0]["id"]) == ("event_epoch", batch["events"][1]["id"])
    again = send(client, "api-scoring-events", study, {"events": [batch["events"][0]]}).json()
    assert (again["number"], again["scoring"]) == (2, told["scoring"])
    closed = send(client, "api-scoring-events", study, {"events": [stage(8, "R")]})
    assert (closed.status_code, closed.json()["problems"][0]["code"]) == (409, "scoring_closed")
    page, program = (read(client, address, study).json() for address in (PAGE, PROGRAM))
    assert page == program
    assert (page["changed"], page["closed"], page["scorer"]) == ([7], True, terry.label)
    physician = of(sandra)
    send(physician, "api-review", study, {"verdict": "agree"})
    signed = send(physician, "api-sign", study, {"hypnogram": told["scoring"]})
    assert signed.status_code == 201, signed.content
    assert signed.json()["hypnogram"]["scorer"] == "terry"
    assert signed.json()["hypnogram"]["content"]["stages"][7] == "N3"
    late = send(client, "api-scoring-events", study, {"events": [stage(8, "R")]})
    assert (late.status_code, late.json()["problems"][0]["code"]) == (409, "scoring_signed")


def test_two_programs_are_compared_once_both_are_done(study: Study, terry: User, sleep_lab: Unit) -> None:
    tessa = factories.staff("tessa", Role.TECHNICIAN, sleep_lab)
    finished(terry, study, stage(7, "N3"))
    early = read(of(terry), "api-scoring-comparison", study)
    assert (early.status_code, early.json()["problems"][0]["code"]) == (409, "scoring_apart")
    finished(tessa, study, stage(7, "N1"))
    client = of(tessa)
    program, page = (read(client, name, study) for name in ("api-scoring-comparison", "scoring_compare"))
    assert program.json() == page.json()
    assert program.json()["differ"] == [7]
    (other,) = read(client, PROGRAM, study).json()["others"]
    assert read(client, PROGRAM, study, scoring=other["id"]).json()["scorer"] == terry.label
    begun = send(client, "api-scoring", study, {"from": other["id"]})
    assert (begun.status_code, begun.json()["changed"]) == (201, [7])
    twice = send(client, "scoring_begin", study, {"from": "draft"})
    assert (twice.status_code, twice.json()["code"]) == (409, "scoring_already_open")


def test_a_comparison_is_of_two_scorings_that_exist(study: Study, terry: User, sleep_lab: Unit) -> None:
    tessa = factories.staff("tessa", Role.TECHNICIAN, sleep_lab)
    client = of(terry)
    first = finished(terry, study, stage(7, "N3")).pk
    still_open = scored_nights.score(tessa, study, stage(7, "N1")).scoring.pk
    asked = {
        (first, first): (422, "scoring_pair", ""),
        (first, None): (422, "scoring_pair", ""),
        (first, uuid.uuid4()): (422, "scoring_unknown", "second"),
        (first, still_open): (409, "scoring_apart", ""),
    }
    for pair, (status, code, field) in asked.items():
        query = {name: pk for name, pk in zip(("first", "second"), pair, strict=True) if pk}
        answer = read(client, "api-scoring-comparison", study, **query)
        (problem,) = answer.json()["problems"]
        assert (answer.status_code, problem["code"], problem["field"]) == (status, code, field)
        assert read(client, "scoring_compare", study, **query).status_code == status


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("[]", 422),
        ("{", 422),
        ('{"events": [1e999]}', 422),
        ('{"scoring": 7, "events": [{}]}', 422),
        ('{"base": "x", "events": [{}]}', 422),
        ('{"events": {}}', 422),
    ],
)
def test_a_page_that_sends_nonsense_hears_so(study: Study, terry: User, body: str, status: int) -> None:
    address = reverse("scoring_events", args=[study.pk])
    answer = of(terry).post(address, body, content_type="application/json")
    assert (answer.status_code, set(answer.json())) == (status, {"code", "text"})
    assert not ScoringEvent.objects.exists()


@pytest.mark.parametrize("body", [{}, {"events": []}, {"events": 3}, {"events": [stage(1, "W")] * 501}])
def test_a_program_that_sends_nonsense_hears_so(study: Study, terry: User, body: Any) -> None:
    assert send(of(terry), "api-scoring-events", study, body).status_code == 400
    assert read(of(terry), PROGRAM, study, scoring="walrus").status_code == 400


def test_the_audit_tells_of_sittings_not_of_keys(study: Study, terry: User) -> None:
    client = of(terry)
    for epoch in range(6):
        send(client, "scoring_events", study, {"events": [stage(epoch, "N2")]})
        read(client, PAGE, study)
    with mock.patch.object(timezone, "now", return_value=timezone.now() + timedelta(minutes=11)):
        send(client, "scoring_events", study, {"events": [stage(7, "N2")]})
    send(client, "scoring_events", study, {"events": [event("close")]})
    told = Event.objects.filter(study=study.pk, kind="scoring").order_by("id")
    changes = [entry for entry in told if entry.action == Action.UPDATE]
    assert [entry.action for entry in told if entry not in changes] == [Action.CREATE, Action.VIEW]
    assert [entry.payload.data for entry in changes] == [
        {"first": 1, "last": 1}, {"first": 7, "last": 7}, {"first": 8, "last": 8, "kinds": ["close"]},
    ]  # fmt: skip
    assert {entry.actor for entry in told} == {terry}


READERS = {Role.TECHNICIAN, Role.PHYSICIAN, Role.MIDWIFE, Role.RADIOLOGIST}
SCORERS = {Role.TECHNICIAN, Role.PHYSICIAN}


@pytest.mark.parametrize("role", Role)
def test_who_may_read_and_who_may_score(study: Study, role: Role, sleep_lab: Unit, radiology: Unit) -> None:
    here = factories.staff("here", role, *([sleep_lab] if role in READERS else []))
    away = factories.staff("away", role, *([radiology] if role in READERS else []))
    expected = {
        here: (200, 200 if role in SCORERS else 403) if role in READERS else (404, 404),
        away: (404, 404),
    }
    batch = {"events": [stage(1, "N1")]}
    for user, (reads, scores) in expected.items():
        assert read(of(user), PAGE, study).status_code == reads
        assert send(of(user), "scoring_begin", study, {}).status_code == (201 if scores == 200 else scores)
        assert send(of(user), "scoring_events", study, batch).status_code == scores
        assert read(of(user), "scoring_compare", study).status_code == (409 if reads == 200 else 404)
        assert read(of(user), PROGRAM, study).status_code == reads
        assert send(of(user), "api-scoring-events", study, batch).status_code == scores
    assert Event.objects.filter(action=Action.REFUSED, actor=away).exists()
    assert Event.objects.filter(action=Action.REFUSED, actor=here).exists() == (role not in SCORERS)


def test_colleagues_of_other_roles_see_the_draft(study: Study, terry: User, sleep_lab: Unit) -> None:
    maude = factories.staff("maude", Role.MIDWIFE, sleep_lab)
    finished(terry, study, stage(7, "N3"))
    shown = read(of(maude), PAGE, study).json()
    assert (shown["stages"], shown["may_score"]) == (list(STAGES), False)


def test_only_nights_are_scored(alice: User, claire: Patient) -> None:
    other = studies.ready(alice, claire)
    assert read(of(alice), PAGE, other).status_code == 404
    assert read(of(alice), PROGRAM, other).status_code == 409


def test_the_result_tells_what_is_reported_from_the_draft(study: Study, terry: User, sandra: User) -> None:
    def told(user: User) -> dict[str, Any]:
        return of(user).get(f"/api/studies/{study.pk}/result").json()

    before = told(sandra)["reported"]
    assert (before["source"], before["state"], before["scorer"]) == ("draft", "open", None)
    finished(terry, study, *(stage(epoch, "N2") for epoch in range(5)))
    closed = told(sandra)["reported"]
    assert (closed["source"], closed["state"], closed["scorer"]) == ("scoring", "closed", terry.username)
    review.give(user=sandra, study=study, verdict="agree")
    review.sign(user=sandra, study=study)
    signed = told(sandra)
    assert signed["result"]["statistics"]["tst"] == 7.5, "the draft's"
    assert (signed["reported"]["state"], signed["reported"]["statistics"]["tst"]) == ("signed", 10)
    assert signed["reported"]["headline"]["en"].endswith(f"scored by {terry.label}")
    assert signed["reported"]["stages"][:5] == ["N2"] * 5
