"""The seeds' own requests and answers, and ``/health``. The worker's half runs in this process here."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.test.client import FakePayload
from django.urls import reverse

from clinic import pulse
from clinic.accounts.models import User
from clinic.celeryconfig import QUEUES
from ml import package as packages
from ml.algorithms.german_credit.contract import CONTRACT
from predictions import inquiries, queue
from predictions.models import Inquiry
from tests.test_api import Program, codes

pytestmark = pytest.mark.django_db

APPLICATION = {"duration": 24, "amount": 5000, "age": 35, "status": "0 <= ... < 200 DM"}
EPOCH = {"signal": [20 * math.sin(2 * math.pi * n / 100) for n in range(3000)], "sampling_rate": 100}


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a worker answer at once: only the broker between the two halves is left out."""

    def at_once(inquiry: Inquiry) -> bool:
        inquiries.answer(inquiry.pk)
        return True

    monkeypatch.setattr(queue, "send_inquiry", at_once)


def test_one_application_is_scored_and_what_was_imputed_is_said(steward: User, worker: None) -> None:
    answer = Program(steward).post("api-credit", data=APPLICATION)
    assert answer.status_code == 200, answer.json()
    assert 0 < answer.json()["probability_bad"] < 1
    assert answer.json()["imputed"]
    assert not Inquiry.objects.exists()


def test_a_batch_is_answered_in_order_each_with_its_status(steward: User, worker: None) -> None:
    sent = {"data": [APPLICATION, APPLICATION | {"duration": "long"}, APPLICATION]}
    answers = Program(steward).post("api-credit-batch", data=sent).json()["predictions"]
    assert [answer["status"] for answer in answers] == ["ok", "refused", "ok"]
    assert answers[1]["problems"][0]["field"] == "duration"


def test_partial_applications_of_a_batch_each_say_what_was_imputed(steward: User, worker: None) -> None:
    sent = {"data": [APPLICATION, APPLICATION | {"purpose": "car (new)"}, {"age": 50}]}
    first, second, third = Program(steward).post("api-credit-batch", data=sent).json()["predictions"]
    assert set(APPLICATION).isdisjoint(first["imputed"])
    assert set(first["imputed"]) - set(second["imputed"]) == {"purpose"}
    # What decides nothing is not made up either.
    unused = {"personal_status", "foreign_worker"}
    assert set(third["imputed"]) == {field.name for field in CONTRACT.fields} - {"age"} - unused
    assert {"probability_bad", "label", "threshold", "version"} <= set(first)
    single = Program(steward).post("api-credit", data=APPLICATION).json()
    assert single["imputed"] == first["imputed"]
    assert single["probability_bad"] == first["probability_bad"]


def test_letters_in_a_duration_are_named(steward: User, worker: None) -> None:
    answer = Program(steward).post("api-credit", data=APPLICATION | {"duration": "long"})
    assert answer.status_code == 422
    assert answer.json()["problems"][0]["field"] == "duration"


@pytest.mark.parametrize("name", ["api-credit", "api-credit-batch", "sleep-predict"])
@pytest.mark.parametrize("number", ["1e400", "-1e400", "NaN", "Infinity"])
def test_a_number_that_is_none_is_a_sentence(
    steward: User, terry: User, worker: None, name: str, number: str
) -> None:
    program = Program(terry if name == "sleep-predict" else steward, "fr")
    application = f'{{"duration": 24, "foo": {number}}}'
    body = f'{{"data": [{application}]}}' if name == "api-credit-batch" else application
    answer = program.client.post(
        reverse(name), data=body, content_type="application/json", headers=program.headers
    )
    assert answer.status_code == 400
    (problem,) = answer.json()["problems"]
    assert problem["code"] == "not_finite"
    assert f"contient {number}" in problem["message"]


@pytest.mark.parametrize(("body", "said"), [(b'{"a": }', "colonne 7"), (b"\xff", "UTF-8"), (b"[]", "objet")])
def test_what_is_no_json_is_said_in_the_language_of_the_request(
    steward: User, worker: None, body: bytes, said: str
) -> None:
    program = Program(steward, "fr")
    answer = program.client.post(
        reverse("api-credit"), data=body, content_type="application/json", headers=program.headers
    )
    assert answer.status_code == 400
    assert said in answer.json()["problems"][0]["message"]


def test_an_integer_no_float_can_hold_is_no_defect(steward: User, worker: None) -> None:
    for digits in (400, 5000):
        program = Program(steward)
        answer = program.client.post(
            reverse("api-credit"), data=f'{{"duration": {"9" * digits}}}',
            content_type="application/json", headers=program.headers,
        )  # fmt: skip
        assert answer.status_code in (400, 422)
        assert answer.json()["problems"][0]["message"]


def test_a_batch_far_too_large_is_read_to_its_end_and_refused_in_words(
    steward: User, worker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []

    def read(stream: FakePayload, size: int) -> bytes:
        sizes.append(size)
        return original(stream, size)

    original = FakePayload.read
    monkeypatch.setattr(FakePayload, "read", read)
    answer = Program(steward).post("api-credit-batch", data={"data": [APPLICATION] * 100_000})
    assert (answer.status_code, codes(answer)) == (413, {"request_too_large"})
    assert sum(sizes) > 2 << 20


def test_an_epoch_is_staged_in_the_shape_of_the_seed(terry: User, worker: None) -> None:
    answer = Program(terry).post("sleep-predict", data=EPOCH).json()
    assert set(answer) == {"prediction", "confidence", "probabilities", "processing_time_ms"}
    assert set(answer["probabilities"]) == {"Wake", "N1", "N2", "N3", "REM"}
    assert answer["probabilities"][answer["prediction"]] == answer["confidence"]


def test_the_sleep_model_describes_itself(terry: User, worker: None) -> None:
    answer = Program(terry).get("sleep-model-info").json()
    assert answer["n_features"] == 16
    assert {"model_type", "accuracy", "f1_score", "cohens_kappa", "classes", "training_date"} <= set(answer)


@pytest.mark.parametrize(
    "changes",
    [{"signal": []}, {"signal": ["a"]}, {"sampling_rate": 0}, {"signal": [1e999]}, {"signal": [1.0]}],
)
def test_a_bad_signal_is_a_sentence(terry: User, worker: None, changes: dict[str, Any]) -> None:
    answer = Program(terry).post("sleep-predict", data=EPOCH | changes)
    assert answer.status_code in (400, 422)
    assert answer.json()["problems"][0]["message"]


@pytest.mark.parametrize(
    ("signal", "code", "field"),
    [
        ([0.0] * 3000, "signal_flat", "signal"),
        ([1e308] * 3000, "signal_flat", "signal"),
        ([1e308, -1e308] * 1500, "signal_size", "signal"),
        ([*EPOCH["signal"][:-1], 1e308], "signal_size", "signal"),
        ([*EPOCH["signal"], True, "x"], "signal_values", "signal.3000"),
        ([True, False] * 1500, "signal_values", "signal.0"),
        (["a"] * 3000, "signal_values", "signal.0"),
        ([None] * 3000, "signal_values", "signal.0"),
        ([[1.0]] * 3000, "signal_values", "signal.0"),
        ([10**400] * 3000, "signal_values", "signal.0"),
    ],
)
def test_what_is_no_eeg_is_refused_in_one_sentence(
    terry: User, worker: None, signal: list[Any], code: str, field: str
) -> None:
    said = {}
    for language in ("en", "fr"):
        answer = Program(terry, language).post("sleep-predict", data=EPOCH | {"signal": signal})
        assert answer.status_code == 422
        (problem,) = answer.json()["problems"]
        assert (problem["code"], problem["field"]) == (code, field)
        said[language] = problem["message"]
    assert said["en"] != said["fr"]


def test_a_place_in_a_list_is_named_with_its_list(steward: User, worker: None) -> None:
    answer = Program(steward).post("api-credit-batch", data={"data": [APPLICATION, 7]})
    assert [problem["field"] for problem in answer.json()["problems"]] == ["data.1"]


def test_without_a_worker_the_answer_is_a_sentence(
    terry: User, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.INQUIRY_SECONDS = 1
    monkeypatch.setattr(queue, "send_inquiry", lambda inquiry: False)
    answer = Program(terry).post("sleep-predict", data=EPOCH)
    assert (answer.status_code, codes(answer)) == (503, {"no_answer"})
    assert not Inquiry.objects.exists()


def test_who_may_ask(alice: User, charlie: User, terry: User, steward: User, worker: None) -> None:
    assert Program(alice).post("sleep-predict", data=EPOCH).status_code == 403
    assert Program(charlie).get("sleep-model-info").status_code == 403
    assert Program(terry).post("api-credit", data=APPLICATION).status_code == 403
    assert Program(steward).get("sleep-model-info").status_code == 200


@pytest.fixture
def all_well(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Let every queue have a worker and every package be whole."""
    cache.clear()
    living = Counter(["tabular", "imaging", "signals", "training", "upkeep", "watch"])
    monkeypatch.setattr(pulse, "living", lambda: living)
    package = packages.load("haemorrhage")
    monkeypatch.setattr(packages, "load", lambda *args, **kwargs: package)
    return living


def test_all_is_well(all_well: Counter[str]) -> None:
    answer = Program(None).get("health")
    assert answer.status_code == 200
    told = answer.json()
    assert (told["status"], told["model_loaded"], told["database"], told["broker"]) == (
        "healthy",
        *[True] * 3,
    )
    assert told["watch"]
    assert not told["model_path"].startswith("/")


def test_who_is_nobody_hears_yes_or_no_alone(all_well: Counter[str], alice: User, settings: Any) -> None:
    settings.MONITORING_TOKEN = "an invented token of these tests"
    tokens = ("", "Bearer ", "Bearer guessed", f"Token {settings.MONITORING_TOKEN}", "Bearer é")
    answers = [Client().get("/health", headers={"Authorization": token}) for token in tokens]
    ward = Client()
    ward.force_login(alice)
    for answer in (*answers, ward.get("/health")):
        told = answer.json()
        assert answer.status_code == 200
        assert {type(value) for value in (*told["workers"].values(), *told["packages"].values())} == {bool}
        assert "details" not in told
        assert packages.load("haemorrhage").version not in answer.content.decode()
    settings.MONITORING_TOKEN = ""
    assert "details" not in Client().get("/health", headers={"Authorization": "Bearer "}).json()


def test_administrators_and_monitoring_hear_more(all_well: Counter[str], admin: User, settings: Any) -> None:
    settings.MONITORING_TOKEN = "an invented token of these tests"
    office = Client()
    office.force_login(admin)
    by_token = {"Authorization": f"Bearer {settings.MONITORING_TOKEN}"}
    for answer in (office.get("/health"), Client().get("/health", headers=by_token)):
        told = answer.json()["details"]
        assert told["workers"] == dict.fromkeys(QUEUES, 1)
        assert told["packages"]["haemorrhage"] == packages.load("haemorrhage").version
        assert told["alarms"] == []


def test_a_missing_worker_is_told(all_well: Counter[str]) -> None:
    del all_well["signals"]
    answer = Program(None).get("health")
    assert (answer.status_code, answer.json()["status"]) == (503, "degraded")
    assert answer.json()["workers"] == {**dict.fromkeys(QUEUES, 1), "signals": 0}


def test_a_missing_watch_is_told(all_well: Counter[str]) -> None:
    del all_well["watch"]
    answer = Program(None).get("health")
    assert (answer.status_code, answer.json()["watch"]) == (503, False)


def test_a_missing_broker_is_told(all_well: Counter[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def gone() -> None:
        raise pulse.NoBroker

    monkeypatch.setattr(pulse, "living", gone)
    answer = Program(None).get("health")
    assert (answer.status_code, answer.json()["broker"]) == (503, False)
