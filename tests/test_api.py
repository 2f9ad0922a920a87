"""The programmatic doors: closed by default, the same rules as the pages, errors in one shape."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from allauth.mfa.totp.internal import auth as totp
from django.conf import settings
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from clinic.accounts.models import User
from clinic.audit.models import Action, Event
from ml.algorithms.haemorrhage.examples import EXAMPLES, as_of
from patients.models import Patient
from predictions import storage
from predictions.api import root_urls, urls
from predictions.models import Study
from predictions.states import State
from tests import factories
from tests.studies import analysed, ready, waiting
from tests.test_intake import PNG, kept_files

pytestmark = pytest.mark.django_db

OPEN = {"health", "api-token"}
PAGES = {"api-schema", "api-docs"}


@pytest.fixture(autouse=True)
def fresh_limits() -> None:
    """Forget the attempts to log in of the test before."""
    cache.clear()


class Program:
    """A program with the token of a member of staff."""

    def __init__(self, user: User | None, language: str = "en") -> None:
        self.client = Client()
        self.headers = {"Accept-Language": language}
        if user:
            self.headers["Authorization"] = f"Token {factories.token(user)}"

    def get(self, name: str, *args: Any) -> Any:
        return self.client.get(reverse(name, args=args), headers=self.headers)

    def post(self, name: str, *args: Any, data: Any = None, key: str = "", **more: Any) -> Any:
        headers = self.headers | ({"Idempotency-Key": key} if key else {})
        more.setdefault("content_type", "application/json")
        return self.client.post(reverse(name, args=args), data=data or {}, headers=headers, **more)

    def send(self, name: str, data: dict[str, Any], key: str) -> Any:
        headers = self.headers | {"Idempotency-Key": key}
        return self.client.post(reverse(name), data=data, headers=headers)


def codes(response: Any) -> set[str]:
    return {problem["code"] for problem in response.json()["problems"]}


def admission(patient: Patient) -> dict[str, Any]:
    values = as_of(EXAMPLES[0], timezone.now())
    return {"algorithm": "haemorrhage", "patient": str(patient.pk), "values": values}


@pytest.mark.parametrize("pattern", [*urls.urlpatterns, *root_urls.urlpatterns], ids=lambda p: p.name)
def test_without_a_token_nothing_answers(pattern: Any) -> None:
    if pattern.name in OPEN:
        return
    named = {"name": "x", "algorithm": "haemorrhage"}
    kwargs = {name: named.get(name) or uuid.uuid4() for name in pattern.pattern.converters}
    address = reverse(pattern.name, kwargs=kwargs)
    for method in ("get", "post"):
        response = getattr(Client(), method)(address)
        assert response.status_code in (401, 405)
        if response.status_code == 401 and pattern.name not in PAGES:
            assert response.json()["problems"]


def test_a_program_logs_in_and_gives_its_token_back(alice: User) -> None:
    program = Program(None)
    sent = {"username": "alice", "password": factories.PASSWORD}
    token = program.post("api-token", data=sent).json()["token"]
    program.headers["Authorization"] = f"Token {token}"
    assert program.get("api-patients").status_code == 200
    assert program.client.delete(reverse("api-token"), headers=program.headers).status_code == 204
    assert program.get("api-patients").status_code == 401


def test_a_wrong_password_gets_no_token_and_many_get_no_answer(alice: User) -> None:
    program = Program(None, "fr")
    answers = [
        program.post("api-token", data={"username": "alice", "password": f"guess {n}"}) for n in range(11)
    ]
    assert codes(answers[0]) == {"wrong_credentials"}
    assert "erroné" in answers[0].json()["problems"][0]["message"]
    assert {answer.status_code for answer in answers} == {401, 429}
    assert Event.objects.filter(action=Action.LOGIN_FAILED).exists()


def test_a_temporary_password_and_a_closed_account_get_no_token(alice: User, bob: User) -> None:
    User.objects.filter(pk=alice.pk).update(temporary_password=True)
    User.objects.filter(pk=bob.pk).update(is_active=False)
    for name, code in (("alice", "temporary_password"), ("bob", "wrong_credentials")):
        sent = {"username": name, "password": factories.PASSWORD}
        assert codes(Program(None).post("api-token", data=sent)) == {code}
    assert Program(bob).get("api-algorithms").status_code == 401


def test_a_second_factor_is_asked_of_whoever_has_one(alice: User) -> None:
    secret = totp.generate_totp_secret()
    totp.TOTP.activate(alice, secret)
    counter = next(totp.yield_hotp_counters_from_time())
    sent = {"username": "alice", "password": factories.PASSWORD}
    for code in ("", "000000"):
        assert codes(Program(None).post("api-token", data=sent | {"code": code})) == {"wrong_credentials"}
        event = Event.objects.filter(action=Action.LOGIN_FAILED).latest("pk")
        assert (event.actor, event.object_id) == (None, str(alice.pk))
        assert event.payload.data == {"account": "alice", "factor": "code"}
    code = totp.format_hotp_value(totp.hotp_value(secret, counter))
    assert "token" in Program(None).post("api-token", data=sent | {"code": code}).json()


def test_a_study_from_submission_to_signature(alice: User, bob: User, claire: Patient) -> None:
    midwife, physician = Program(alice), Program(bob)
    answer = midwife.post("api-studies", data=admission(claire), key="k1")
    assert answer.status_code == 202
    study = Study.objects.get()
    assert answer["Location"] == reverse("api-study", args=[study.pk])
    assert midwife.get("api-study", study.pk).json()["state"] == "queued"
    assert codes(midwife.get("api-result", study.pk)) == {"no_result"}
    analysed(study)
    result = midwife.get("api-result", study.pk).json()
    assert 0 < result["result"]["risk"] < 1
    assert (result["status"], result["explanation"]["status"]) == ("draft", "ok")
    assert midwife.post("api-sign", study.pk).status_code == 403
    assert codes(physician.post("api-sign", study.pk)) == {"verdict_missing"}
    assert physician.post("api-review", study.pk, data={"verdict": "agree"}).status_code == 201
    assert physician.post("api-sign", study.pk).json()["version"] == 1
    assert codes(physician.post("api-sign", study.pk)) == {"wrong_state"}
    assert physician.get("api-result", study.pk).json()["status"] == "signed"
    assert physician.post("api-amend", study.pk, data={"reason": "typo"}).json()["state"] == "ready"


def test_the_same_key_twice_is_one_study(alice: User, claire: Patient) -> None:
    program, sent = Program(alice), admission(claire)
    first, second = (program.post("api-studies", data=sent, key="k") for _ in range(2))
    assert first.json()["id"] == second.json()["id"]
    assert codes(program.post("api-studies", data=sent)) == {"idempotency_key_missing"}


def test_letters_in_a_number_are_named_in_the_language_of_the_request(alice: User, claire: Patient) -> None:
    User.objects.filter(pk=alice.pk).update(language="")
    sent = admission(claire)
    sent["values"]["haemoglobin"] = "ten"
    for language, word in (("en", "number"), ("fr", "nombre")):
        answer = Program(alice, language).post("api-studies", data=sent, key="k")
        assert answer.status_code == 422
        (problem,) = [p for p in answer.json()["problems"] if p["severity"] == "refuse"]
        assert problem["field"] == "haemoglobin"
        assert word in problem["message"]


def test_an_upload_streams_to_disk_with_its_hash(charlie: User, henri: Patient) -> None:
    sent = {"algorithm": "chest_xray", "patient": str(henri.pk), "options": "{}"}
    upload = SimpleUploadedFile("LADDER.png", PNG)
    answer = Program(charlie).send("api-studies", {**sent, "file": upload}, "k")
    assert answer.status_code == 202, answer.json()
    (kept,) = kept_files()
    with storage.storage.open(str(kept.relative_to(settings.PRIVATE_ROOT))) as stream:
        assert stream.read() == PNG


def test_a_file_too_large_is_said_and_not_kept(
    charlie: User, henri: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "largest_upload", lambda: 1024)
    sent = {"algorithm": "chest_xray", "patient": str(henri.pk)}
    upload = SimpleUploadedFile("big.png", PNG + b"x" * 4096)
    assert codes(Program(charlie).send("api-studies", {**sent, "file": upload}, "k")) == {"file_too_large"}
    assert kept_files() == []


def test_a_body_announced_as_enormous_is_not_read(
    charlie: User, henri: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "largest_upload", lambda: 1024)
    monkeypatch.setattr(storage, "SLACK_BYTES", 0)
    upload = SimpleUploadedFile("big.png", PNG + b"x" * 4096)
    answer = Program(charlie).send("api-studies", {"patient": str(henri.pk), "file": upload}, "k")
    assert (answer.status_code, codes(answer)) == (413, {"request_too_large"})


@pytest.mark.parametrize("body", [b"{", b"[" * 100_000, b"null", b"[]", b'{"values": 1, "patient": "x"}'])
def test_a_broken_body_is_a_sentence(alice: User, body: bytes) -> None:
    program = Program(alice)
    answer = program.client.post(
        reverse("api-studies"), data=body, content_type="application/json", headers=program.headers
    )
    assert answer.status_code == 400
    assert answer.json()["problems"]


@pytest.mark.parametrize(("language", "word"), [("en", "does not exist"), ("fr", "n’existe pas")])
def test_an_address_that_does_not_exist_is_a_problem_not_a_page(
    alice: User, language: str, word: str
) -> None:
    program = Program(alice, language)
    answer = program.client.get("/api/studdies", headers=program.headers)

    assert answer.status_code == 404
    assert [(p["code"], p["severity"]) for p in answer.json()["problems"]] == [("not_found", "refuse")]
    assert word in answer.json()["problems"][0]["message"]


def test_a_stranger_gets_404_for_everything_and_is_recorded(
    alice: User, charlie: User, claire: Patient
) -> None:
    study = ready(alice, claire)
    stranger = Program(charlie)
    for name in ("api-study", "api-result"):
        assert stranger.get(name, study.pk).status_code == 404
    assert stranger.get("api-artefact", study.pk, "x").status_code == 404
    for name in ("api-review", "api-sign", "api-amend", "api-retry"):
        sent = {"verdict": "agree", "reason": "clinical"}
        assert stranger.post(name, study.pk, data=sent).status_code == 404
    assert stranger.get("api-patient", claire.pk).status_code == 404
    assert stranger.post("api-studies", data=admission(claire), key="k").status_code == 404
    assert stranger.get("api-studies").json()["count"] == stranger.get("api-patients").json()["count"] == 0
    assert Event.objects.filter(action=Action.REFUSED, actor=charlie, study=study.pk).count() == 7


@pytest.mark.parametrize("manager", ["admin", "steward"])
def test_who_manages_sees_no_patient(manager: str, request: pytest.FixtureRequest, claire: Patient) -> None:
    program = Program(request.getfixturevalue(manager))
    assert program.get("api-algorithms").status_code == 200
    for name in ("api-patients", "api-studies"):
        assert program.get(name).status_code == 403


def test_every_read_is_recorded(alice: User, claire: Patient) -> None:
    study = ready(alice, claire)
    program = Program(alice)
    for name in ("api-study", "api-result"):
        program.get(name, study.pk)
    program.get("api-patient", claire.pk)
    program.get("api-patients")
    assert Event.objects.filter(action=Action.VIEW, actor=alice, patient=claire.pk).count() == 4
    program.post("api-patient-search", data={"name": "lantern"})
    assert Event.objects.filter(action=Action.SEARCH, actor=alice, patient=None).count() == 1


def test_patients_are_registered_in_ones_own_units_only(alice: User, radiology: Any) -> None:
    sent = {
        "record_number": "900500", "family_name": "Harbour", "given_name": "Ida", "birth_date": "1990-01-01",
        "sex": "F", "units": ["maternity"],
    }  # fmt: skip
    program = Program(alice)
    made = program.post("api-patients", data=sent)
    assert made.status_code == 201, made.json()
    assert program.get("api-patient", made.json()["id"]).json()["family_name"] == "Harbour"
    assert program.post("api-patients", data=sent).status_code in (400, 422)
    foreign = program.post("api-patients", data=sent | {"units": ["radiology"], "record_number": "900501"})
    assert codes(foreign) == {"not_your_unit"}


@pytest.mark.parametrize("query", ["state=%00", "state=lost", "algorithm=palmistry", "patient=claire"])
def test_a_filter_that_means_nothing_is_a_sentence(alice: User, query: str) -> None:
    program = Program(alice)
    answer = program.client.get(f"{reverse('api-studies')}?{query}", headers=program.headers)
    assert answer.status_code == 400
    assert answer.json()["problems"][0]["field"] == query.split("=")[0] or "patient" in query


def test_studies_are_found_by_state(alice: User, claire: Patient) -> None:
    study = ready(alice, claire)
    waiting(alice, claire)
    program = Program(alice)
    answer = program.client.get(f"{reverse('api-studies')}?state=ready", headers=program.headers)
    assert [found["id"] for found in answer.json()["results"]] == [str(study.pk)]


def test_a_failed_study_can_be_sent_again(alice: User, claire: Patient) -> None:
    study = waiting(alice, claire)
    program = Program(alice)
    assert codes(program.post("api-retry", study.pk)) == {"wrong_state"}
    Study.objects.update(state=State.FAILED)
    assert program.post("api-retry", study.pk).json()["state"] == "queued"


def test_the_files_of_an_answer_are_downloaded_and_recorded(alice: User, claire: Patient) -> None:
    study = ready(alice, claire)
    received = storage.receive(SimpleUploadedFile("x", b"why"), limit=10)
    study.prediction.artefacts.create(
        name="why.txt", media_type="text/plain", size=3, sha256=received.sha256,
        stored_name=storage.storage.adopt(received, "artefacts"),
    )  # fmt: skip
    answer = Program(alice).get("api-artefact", study.pk, "why.txt")
    assert b"".join(answer.streaming_content) == b"why"
    assert "attachment" in answer["Content-Disposition"]
    assert Event.objects.filter(action=Action.DOWNLOAD, study=study.pk).exists()


def test_the_description_is_valid_and_its_page_runs_no_inline_script(alice: User) -> None:
    client = Client()
    client.force_login(alice)
    page = client.get(reverse("api-docs")).content.decode()
    assert "<script>" not in page
    assert "<style" not in page
    assert "/api/studies" in client.get(reverse("api-schema")).content.decode()


def test_a_session_needs_its_csrf_token(alice: User, claire: Patient) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    answer = client.post(
        reverse("api-studies"), data=json.dumps(admission(claire)), content_type="application/json"
    )
    assert answer.status_code == 403
    assert not Study.objects.exists()


def test_a_study_without_a_named_stay_is_of_the_one_that_goes_on(alice: User, claire: Patient) -> None:
    stay, program, sent = factories.encounter(claire), Program(alice), admission(claire)
    first = program.post("api-studies", data=sent, key="k").json()
    assert first["encounter"] == str(stay.pk)
    assert first["problems"] == []
    stay.ended_at = timezone.now()
    stay.save()
    factories.encounter(claire)
    assert program.post("api-studies", data=sent, key="k").json()["id"] == first["id"]
    assert Study.objects.count() == 1


def test_what_was_taken_unconfirmed_is_said_with_the_answer(alice: User, claire: Patient) -> None:
    program, sent = Program(alice), admission(claire)
    sent["values"] |= {"haemoglobin": "8.0", "haemoglobin_at": None, "estimated_fetal_weight_g": "4500"}
    answer = program.post("api-studies", data=sent, key="k")
    assert answer.status_code == 202
    told = {(problem["field"], problem["severity"]) for problem in answer.json()["problems"]}
    fields = {"haemoglobin", "haemoglobin_at", "estimated_fetal_weight_g", "encounter"}
    assert told == {(field, "warn") for field in fields}
    assert program.get("api-study", answer.json()["id"]).json()["problems"] == answer.json()["problems"]
