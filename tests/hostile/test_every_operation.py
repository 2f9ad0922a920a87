"""Every operation of the API under requests drawn from its own schema, by everybody, with real records."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote, urlencode

import pytest
import schemathesis
from django.core.files.base import ContentFile
from django.test import Client
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from clinic.accounts.models import User
from patients.models import Patient
from predictions import inquiries, queue
from predictions.api import base
from tests import batches, factories, scored_nights, studies

pytestmark = pytest.mark.django_db

SCHEMA = schemathesis.openapi.from_dict(SchemaGenerator().get_schema(request=None, public=True))
OPERATIONS = [result.ok() for result in SCHEMA.get_all_operations()]
PEOPLE = ("alice", "bob", "charlie", "terry", "sandra", "admin", "steward")
# What any address may answer, whether its own description says so or not.
COMMON = {400, 401, 403, 404, 405, 406, 409, 413, 415, 422, 429}
# No worker runs beside these tests, and health says so.
UNWELL = ("/health", 503)
EXAMPLES, MANY = 2, 25


@pytest.fixture
def programs(
    alice: User, bob: User, charlie: User, terry: User, sandra: User, admin: User, steward: User
) -> dict[str, str]:
    """Return a token of every role, for every scope it may have."""
    everybody = (alice, bob, charlie, terry, sandra, admin, steward)
    return {user.username: factories.token(user) for user in everybody}


@pytest.fixture
def records(
    alice: User, charlie: User, terry: User, claire: Patient, henri: Patient, nina: Patient
) -> dict[str, list[str]]:
    """Return ids of real records by the name of a parameter."""
    stay = factories.encounter(claire)
    made = [
        studies.ready(alice, claire),
        studies.radiograph(charlie, henri),
        scored_nights.night(terry, nina),
    ]
    document = studies.written(made[0], b"%PDF-1.7")
    return {
        "study_id": [str(study.pk) for study in made],
        "patient_id": [str(claire.pk), str(henri.pk), str(nina.pk)],
        "encounter_id": [str(stay.pk)],
        "document_id": [str(document.pk)],
        "name": ["preview_0.png", "map_evidence_0.png"],
        "batch_id": [str(batches.done(user).pk) for user in (alice, charlie, terry)],
        "form": ["csv", "parquet"],
    }


@pytest.fixture(autouse=True)
def nothing_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have questions answered here, and nobody asked to slow down."""

    def answer_here(inquiry: Any) -> bool:
        inquiries.answer(inquiry.pk)
        return True

    monkeypatch.setattr(queue, "send_inquiry", answer_here)
    monkeypatch.setattr(queue, "wake", lambda *args, **kwargs: True)
    monkeypatch.setattr(base, "MOST_CALLS", 10**9)


def address(case: Any, records: dict[str, list[str]], real: bool, draw: int) -> str:
    """Return the path of a drawn request, its ids those of real records where asked for."""
    path = case.operation.path
    for name, drawn in (case.path_parameters or {}).items():
        known = records.get(name)
        said = known[draw % len(known)] if real and known else str(drawn)
        path = path.replace("{" + name + "}", quote(said, safe=""))
    query = urlencode(case.query or {}, doseq=True)
    return f"{path}?{query}" if query else path


def send(case: Any, path: str, token: str) -> Any:
    """Send a drawn request as a program would; ``None`` for one that HTTP cannot say."""
    try:
        told = case.as_transport_kwargs(base_url="http://testserver")
        content, kind = body(told)
        headers = {name: value for name, value in (case.headers or {}).items() if f"{name}{value}".isascii()}
    except (ValueError, TypeError, UnicodeError):
        return None
    headers |= {"Authorization": f"Token {token}", "Accept": "application/json"}
    client = Client(raise_request_exception=False)
    return client.generic(case.method, path, content, content_type=kind, headers=headers)


def body(told: dict[str, Any]) -> tuple[bytes, str]:
    """Return the body of a drawn request and what kind it is."""
    if told.get("json") is not None:
        return json.dumps(told["json"]).encode(), "application/json"
    if told.get("files"):
        parts = {name: _part(name, *part) for name, part in told["files"]}
        return encode_multipart(BOUNDARY, parts), MULTIPART_CONTENT
    data = told.get("data") or b""
    return (data if isinstance(data, bytes) else str(data).encode()), "application/octet-stream"


def _part(name: str, filename: str | None, content: Any, *rest: Any) -> Any:
    whole = content if isinstance(content, bytes) else str(content).encode()
    return ContentFile(whole, name=filename) if filename else whole.decode("utf-8", "replace")


def complaint(case: Any, answer: Any, path: str) -> str:
    """Return what is wrong with an answer; nothing when it is one the schema or the house knows."""
    said = f"{case.method} {path} with {str(case.body)[:200]}: {answer.status_code}"
    known = {int(code) for code in case.operation.definition.raw["responses"] if code.isdigit()} | COMMON
    if (path, answer.status_code) == UNWELL:
        return ""
    if answer.status_code not in known:
        return said
    if answer.status_code < 400 or not answer["Content-Type"].startswith("application/json"):
        return ""
    told = json.loads(answer.content)
    problems = told.get("problems") if isinstance(told, dict) else None
    return "" if problems and all(one["code"] and one["message"] for one in problems) else f"{said}: {told}"


def run(operation: Any, programs: dict[str, str], records: dict[str, list[str]], examples: int) -> None:
    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(), real=st.booleans(), draw=st.integers(0, 5))
    def ask(case: Any, real: bool, draw: int) -> None:
        path = address(case, records, real or draw > 1, draw)
        for token in programs.values():
            answer = send(case, path, token)
            if answer is not None:
                said = complaint(case, answer, path)
                assert not said, said

    ask()


def named(operation: Any) -> str:
    return f"{operation.method.upper()} {operation.path}"


def test_the_schema_knows_every_address() -> None:
    assert len(OPERATIONS) >= 30


@pytest.mark.parametrize("operation", OPERATIONS, ids=named)
def test_every_operation_answers_everybody_in_words(
    operation: Any, programs: dict[str, str], records: dict[str, list[str]]
) -> None:
    run(operation, programs, records, EXAMPLES)


@pytest.mark.long
@pytest.mark.parametrize("operation", OPERATIONS, ids=named)
def test_every_operation_answers_everybody_many_times(
    operation: Any, programs: dict[str, str], records: dict[str, list[str]]
) -> None:
    run(operation, programs, records, MANY)
