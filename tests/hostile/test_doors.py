"""Hostile bodies sent to the doors they are meant for: answered in words of both languages, nothing kept."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from clinic.accounts.models import User
from patients.models import Patient
from predictions import inquiries, queue
from predictions.models import ScoringEvent, Study
from tests import scored_nights
from tests.hostile import corpus
from tests.hostile.case import Case, Intake
from tests.test_bad_inputs import nothing_kept

pytestmark = pytest.mark.django_db

LANGUAGES = ("en", "fr")


@pytest.fixture(autouse=True)
def fresh_limits() -> None:
    """Forget the requests of the test before."""
    cache.clear()


def signed_in(user: User) -> Client:
    """Return a client of ``user`` that shows a defect as the 500 a program would get."""
    client = Client(raise_request_exception=False)
    client.force_login(user)
    return client


def post(client: Client, address: str, body: bytes, language: str) -> Any:
    User.objects.filter(pk=client.session["_auth_user_id"]).update(language=language)
    return client.post(address, body, content_type="application/json", headers={"Idempotency-Key": "k1"})


def none_of(found: Iterable[str]) -> None:
    """Fail with a line for each complaint."""
    said = [complaint for complaint in found if complaint]
    assert not said, "\n".join(said)


def with_fields(body: bytes, **fields: Any) -> bytes:
    """Return a body with what the address needs beside the values; one that is no object as it is."""
    try:
        sent = json.loads(body)
    except (ValueError, RecursionError):
        return body
    return json.dumps(sent | fields).encode() if isinstance(sent, dict) else body


def complaint(case: Case, client: Client, address: str, body: bytes) -> str:
    """Return what is wrong with the answers to a body; nothing when both languages refuse it in words."""
    said = []
    for language in LANGUAGES:
        answer = post(client, address, body, language)
        if not 400 <= answer.status_code < 500:
            return f"{case.name}: {answer.status_code}"
        told = answer.json()["problems"]
        if not told or not all(problem["code"] and problem["message"] for problem in told):
            return f"{case.name}: {answer.status_code} without words: {told}"
        said.append([problem["message"] for problem in told])
    return f"{case.name}: not in French: {said[1]}" if said[0] == said[1] else ""


def assert_refused(cases: Iterable[Case], client: Client, address: str, **fields: Any) -> None:
    found = [complaint(case, client, address, with_fields(case.make(), **fields)) for case in cases]
    none_of(found)


def submit_forms(cases: Iterable[Case], alice: User, claire: Patient) -> None:
    fields = {"algorithm": "haemorrhage", "patient": str(claire.pk)}
    assert_refused(cases, signed_in(alice), reverse("api-studies"), **fields)
    assert nothing_kept()


def submit_applications(cases: Iterable[Case], steward: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def answer_here(inquiry: Any) -> bool:
        inquiries.answer(inquiry.pk)
        return True

    monkeypatch.setattr(queue, "send_inquiry", answer_here)
    client, address = signed_in(steward), reverse("api-credit")
    found = []
    for case in cases:
        body = case.make()
        try:
            sent = json.loads(body)
            body = json.dumps(sent["values"]).encode()
        except (ValueError, RecursionError, LookupError, TypeError):
            pass
        found.append(complaint(case, client, address, body))
    none_of(found)


def score_nights(cases: Iterable[Case], terry: User, nina: Patient) -> None:
    study = scored_nights.night(terry, nina)
    client, address = signed_in(terry), reverse("api-scoring-events", args=[study.pk])
    found = []
    for case in cases:
        for language in LANGUAGES:
            answer = post(client, address, case.make(), language)
            told = answer.json()
            refused = told.get("refused") or told.get("problems") or []
            if answer.status_code >= 500 or not refused or told.get("kept"):
                found.append(f"{case.name}: {answer.status_code} {told}"[:300])
            elif not all(
                problem["code"] and (problem.get("text") or problem.get("message")) for problem in refused
            ):
                found.append(f"{case.name}: no words: {refused}")
    none_of(found)
    assert not ScoringEvent.objects.exists()
    assert Study.objects.count() == 1


def test_hostile_forms_are_refused_in_words(alice: User, claire: Patient) -> None:
    submit_forms(corpus.sample(Intake.FORM), alice, claire)


def test_hostile_applications_are_refused_in_words(steward: User, monkeypatch: pytest.MonkeyPatch) -> None:
    submit_applications(corpus.sample(Intake.APPLICATION), steward, monkeypatch)


def test_hostile_events_are_refused_in_words(terry: User, nina: Patient) -> None:
    score_nights(corpus.sample(Intake.EVENTS, each=20), terry, nina)


@pytest.mark.long
def test_every_hostile_form_is_refused_in_words(alice: User, claire: Patient) -> None:
    submit_forms(corpus.of(Intake.FORM), alice, claire)


@pytest.mark.long
def test_every_hostile_application_is_refused_in_words(
    steward: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit_applications(corpus.of(Intake.APPLICATION), steward, monkeypatch)


@pytest.mark.long
def test_every_hostile_event_is_refused_in_words(terry: User, nina: Patient) -> None:
    score_nights(corpus.of(Intake.EVENTS), terry, nina)
