"""What programs get that send the wrong types, or no request at all: words, no 500, and nothing kept."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.utils import timezone

from clinic.accounts.models import User
from ml.algorithms.haemorrhage.examples import EXAMPLES, as_of
from patients.models import Patient
from predictions.models import Review, Study
from tests import factories
from tests.studies import ready
from tests.test_api import Program
from tests.test_bad_inputs import nothing_kept

pytestmark = pytest.mark.django_db

DEEP = '{"values":' + "[" * 100_000


@pytest.mark.parametrize(
    "change",
    [
        {"algorithm": ["haemorrhage"]}, {"algorithm": 7}, {"algorithm": "\ud800"}, {"algorithm": "../sleep"},
        {"patient": 12}, {"patient": {"$ne": ""}}, {"patient": None}, {"encounter": {}}, {"encounter": "x"},
        {"values": [1, 2]}, {"values": "haemoglobin"}, {"values": None}, {"values": {}}, {"values": 10**400},
        {"values": {"haemoglobin": {"$gt": 0}}}, {"values": {"haemoglobin": [10.8]}},
        {"values": {"haemoglobin": True}}, {"values": {"haemoglobin": 10**400}},
        {"options": 7}, {"options": {"eeg": {}}}, {"options": {"eeg": "\ud800"}},
        {"options": {"no_gate": True}}, {"options": {"\ud800": "C3"}}, {"values": {"\ud800": 1}},
        {"file": "not a file", "algorithm": "sleep"},
    ],
    ids=lambda change: json.dumps(change)[:40],
)  # fmt: skip
def test_json_of_the_wrong_types_is_answered_in_words(
    alice: User, claire: Patient, change: dict[str, Any]
) -> None:
    whole = {
        "algorithm": "haemorrhage",
        "patient": str(claire.pk),
        "values": as_of(EXAMPLES[0], timezone.now()),
    }
    refused_in_words(Program(alice, "fr"), json.dumps(whole | change))


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        "3",
        "null",
        '"x"',
        "{",
        DEEP,
        '{"values": NaN}',
        '{"n": ' + "9" * 5000 + "}",
        "\xff\xfe",
        "{}",
    ],
    ids=range(11),
)
def test_a_body_that_is_no_request_is_answered_in_words(alice: User, body: str) -> None:
    refused_in_words(Program(alice, "fr"), body.encode("latin-1"))


def refused_in_words(program: Program, body: bytes | str, name: str = "api-studies") -> None:
    answer = program.post(name, data=body, key="k1")
    assert 400 <= answer.status_code < 500, answer.content
    problems = answer.json()["problems"]
    assert problems
    assert all(problem["message"] for problem in problems)
    assert nothing_kept()


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("sleep-predict", {"signal": "abc", "sampling_rate": 100}),
        ("sleep-predict", {"signal": ["nan"] * 3000, "sampling_rate": 100}),
        ("sleep-predict", {"signal": ["1e999"] * 3000, "sampling_rate": 100}),
        ("sleep-predict", {"signal": [1.0] * 3000, "sampling_rate": "nan"}),
        ("sleep-predict", {"signal": [], "sampling_rate": 0}),
        ("api-credit", [1]),
        ("api-credit-batch", {"data": 3}),
        ("api-credit-batch", {"data": [{}] * 101}),
        ("api-credit-batch", {"data": ["x"]}),
    ],
)
def test_the_seeds_addresses_answer_wrong_types_in_words(steward: User, name: str, body: Any) -> None:
    refused_in_words(Program(steward, "fr"), json.dumps(body), name)


ODD: list[Any] = [[], 3, "x", None, {}, {"x": {}}]
EVERY = {
    "username": "alice", "password": "x", "code": "1", "record_number": "900999", "family_name": "Lantern",
    "given_name": "Claire", "birth_date": "1994-03-02", "sex": "F", "units": ["maternity"], "name": "Lan",
    "verdict": "disagree", "reason": "other", "comment": "x",
}  # fmt: skip
TWISTED: list[Any] = [{}, [], 7, True, "\ud800", "\x00", "x" * 5000, {"$ne": 1}, "<script>"]


@pytest.mark.parametrize("body", ODD, ids=repr)
@pytest.mark.parametrize("name", ["api-token", "api-patients", "api-review", "api-amend"])
def test_every_door_answers_what_is_no_object(alice: User, claire: Patient, name: str, body: Any) -> None:
    program, studies = Program(alice, "fr"), Study.objects.all()
    place = [ready(alice, claire).pk] if name in ("api-review", "api-amend") else []
    kept = (studies.count(), Patient.objects.count())
    answer = program.post(name, *place, data=json.dumps(body))
    assert 400 <= answer.status_code < 500, answer.content
    assert all(problem["message"] for problem in answer.json()["problems"])
    assert (studies.count(), Patient.objects.count(), Review.objects.count()) == (*kept, 0)


@pytest.mark.parametrize("value", TWISTED, ids=lambda value: repr(value)[:20])
@pytest.mark.parametrize("name", ["api-token", "api-patients", "api-patient-search", "api-review"])
def test_a_twisted_value_in_any_field_is_answered(
    alice: User, claire: Patient, name: str, value: Any
) -> None:
    program = Program(alice, "fr")
    place = [ready(alice, claire).pk] if name == "api-review" else []
    for field in EVERY:
        answer = program.post(name, *place, data=json.dumps(EVERY | {field: value}))
        assert answer.status_code < 500, (field, answer.content)
        if answer.status_code >= 400:
            assert all(problem["message"] for problem in answer.json()["problems"])


def test_half_a_character_in_a_multipart_field_is_answered(alice: User, claire: Patient) -> None:
    sent = {"algorithm": "haemorrhage", "patient": str(claire.pk), "values": '{"\\ud800": 1}'}
    answer = Program(alice, "fr").send("api-studies", sent, key="k1")
    assert answer.status_code == 400
    assert answer.json()["problems"][0]["message"]
    assert nothing_kept()


def test_a_blood_loss_without_a_time_zone_is_refused(alice: User, claire: Patient) -> None:
    stay = factories.encounter(claire)
    sent = {"millilitres": 620, "method": "weighed", "measured_at": "2026-03-02T14:30"}
    answer = Program(alice, "fr").post("api-blood-loss", claire.pk, stay.pk, data=sent)
    assert answer.status_code == 422
    (problem,) = answer.json()["problems"]
    assert (problem["code"], problem["field"]) == ("time_zone_missing", "measured_at")
    assert "fuseau" in problem["message"]
