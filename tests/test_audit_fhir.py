"""Events as FHIR AuditEvents: valid R4B, in the shapes of IHE BALP, streamed, filtered and on record."""

from __future__ import annotations

import base64
import json
from io import StringIO
from pathlib import Path
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from fhir.resources.R4B.auditevent import AuditEvent
from fhir.resources.R4B.bundle import Bundle

from clinic.accounts.models import User
from clinic.accounts.roles import Scope
from clinic.audit import context, fhir, fhir_shapes
from clinic.audit.classes import CLASS_OF, ActionClass
from clinic.audit.models import Action, Event
from clinic.audit.recording import WORKER, record
from patients.models import Patient
from tests import factories

pytestmark = pytest.mark.django_db
BALP = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."
SOURCE, DESTINATION = "110153", "110152"


def resource(event: Event) -> dict:
    """Return an event as a valid resource."""
    made = fhir.audit_event(event)
    AuditEvent.model_validate(made)
    return made


def agents(found: dict) -> dict[str, dict]:
    """Return the agents of a resource by the code of their part."""
    return {agent["type"]["coding"][0]["code"]: agent for agent in found["agent"]}


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("about", ["a patient", "nobody"])
def test_every_action_has_a_valid_shape(alice: User, claire: Patient, action: Action, about: str) -> None:
    patient = claire.pk if about == "a patient" else None
    detail = {"text": "é", "number": 1, "empty": "", "none": None}
    found = resource(record(action, actor=alice, patient=patient, kind="study", detail=detail))
    assert {"system": fhir_shapes.LOCAL, "code": action.value.replace("_", "-")} in found["subtype"]
    assert found["source"]["observer"]


def test_every_action_has_one_class() -> None:
    assert set(CLASS_OF) == set(Action.values)


def test_every_action_has_a_shape() -> None:
    assert set(fhir_shapes.SHAPES) == set(Action)


@pytest.mark.parametrize(
    ("action", "profile", "letter", "subtype", "client"),
    [
        (Action.VIEW, "PatientRead", "R", "read", DESTINATION),
        (Action.CREATE, "PatientCreate", "C", "create", SOURCE),
        (Action.UPDATE, "PatientUpdate", "U", "update", SOURCE),
        (Action.ERASE, "PatientDelete", "D", "delete", SOURCE),
        (Action.SEARCH, "PatientQuery", "E", "search", SOURCE),
        (Action.EXPORT, "PrivacyDisclosure.Source", "R", "disclose", DESTINATION),
    ],
)
def test_what_succeeds_follows_its_profile(
    alice: User, claire: Patient, action: Action, profile: str, letter: str, subtype: str, client: str
) -> None:
    reset = context.address.set("192.0.2.7")
    event = record(action, actor=alice, patient=claire.pk, kind="patient", detail={"a": "b"})
    context.address.reset(reset)
    found = resource(event)

    assert found["meta"]["profile"] == [BALP + profile]
    assert (found["action"], found["outcome"]) == (letter, "0")
    assert subtype in [coding["code"] for coding in found["subtype"]]
    who = agents(found)
    assert who[client]["network"] == {"address": "192.0.2.7", "type": "2"}
    assert {SOURCE, DESTINATION} < set(who)
    (person,) = (agent for agent in found["agent"] if agent["requestor"])
    assert person["name"] == "Alice Invented"
    assert person["role"][0]["coding"][0]["code"] == "midwife"
    people = [entity for entity in found["entity"] if entity["type"]["code"] == "1"]
    assert people[0]["what"] == {"reference": f"Patient/{claire.pk}"}
    assert people[0]["role"]["code"] == "1"
    (data,) = (entity for entity in found["entity"] if entity["type"]["code"] == "2")
    assert ("query" in data) is (action == Action.SEARCH)
    assert ("what" in data) is (action != Action.SEARCH)


def test_without_a_patient_the_plain_profile_is_named(alice: User) -> None:
    assert resource(record(Action.VIEW, actor=alice, kind="model"))["meta"]["profile"] == [BALP + "Read"]
    assert "meta" not in resource(record(Action.EXPORT, actor=alice, kind="births"))


def test_a_query_keeps_what_was_typed(alice: User) -> None:
    found = resource(record(Action.SEARCH, actor=alice, kind="patient", detail={"name": "lântern"}))
    (query,) = (entity for entity in found["entity"] if "query" in entity)
    assert json.loads(base64.b64decode(query["query"])) == {"name": "lântern"}


@pytest.mark.parametrize(
    ("action", "type_", "subtype", "outcome"),
    [
        (Action.LOGIN, "110114", "110122", "0"),
        (Action.LOGOUT, "110114", "110123", "0"),
        (Action.LOGIN_FAILED, "110114", "110122", "4"),
        (Action.LOCK, "110114", "110122", "8"),
        (Action.BREAK_GLASS, "110113", "110127", "0"),
        (Action.END_ACCESS, "110113", "110138", "0"),
        (Action.ISSUE, "110113", "110137", "0"),
        (Action.REFUSED, "rest", "read", "4"),
        (Action.FAIL, "rest", "operation", "8"),
    ],
)
def test_what_balp_has_no_profile_for(
    alice: User, action: Action, type_: str, subtype: str, outcome: str
) -> None:
    found = resource(record(action, actor=alice))
    assert (found["type"]["code"], found["subtype"][0]["code"], found["outcome"]) == (type_, subtype, outcome)
    assert "meta" not in found


def test_an_emergency_is_said_as_its_purpose(alice: User, claire: Patient) -> None:
    event = record(Action.VIEW, actor=alice, patient=claire.pk, kind="patient")
    event.emergency = uuid4()
    found = resource(event)
    assert found["purposeOfEvent"][0]["coding"][0]["code"] == "BTG"
    assert [a["purposeOfUse"][0]["coding"][0]["code"] for a in found["agent"] if a["requestor"]] == ["BTG"]


def test_the_use_of_a_token_is_said(alice: User, claire: Patient) -> None:
    reset = context.token.set("17")
    event = record(Action.VIEW, actor=alice, patient=claire.pk, kind="patient")
    context.token.reset(reset)
    found = resource(event)
    assert found["meta"]["profile"] == [BALP + "PatientRead", BALP + "OAUTHaccessTokenUse.Minimal"]
    by_token = agents(found)["UserOauthAgent"]
    assert by_token["policy"] == ["urn:ietf:params:oauth:jti:17"]
    assert "network" not in by_token


def test_looking_at_the_audit_is_said_as_that(alice: User) -> None:
    assert resource(record(Action.EXPORT, actor=alice, kind="audit"))["type"]["code"] == "110101"


def test_a_worker_acts_by_itself(claire: Patient) -> None:
    found = resource(record(Action.PREDICT, actor_label=WORKER, patient=claire.pk, kind="study"))
    assert [agent["who"]["display"] for agent in found["agent"] if agent["requestor"]] == [WORKER]


def exported(**options: object) -> list[dict]:
    """Return what the command writes to a file."""
    path = Path(str(options.pop("output")))
    call_command("export_audit", output=path, stdout=StringIO(), **options)
    assert path.stat().st_mode & 0o777 == 0o600
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_the_command_filters_and_is_on_record(alice: User, claire: Patient, tmp_path: Path) -> None:
    record(Action.VIEW, actor=alice, patient=claire.pk, kind="patient")
    record(Action.LOGIN, actor=alice)
    record(Action.BREAK_GLASS, actor=alice, patient=claire.pk)
    everything = exported(output=tmp_path / "all")
    assert [found["id"] for found in everything] == [
        f"event-{pk}" for pk in Event.objects.order_by("pk").values_list("pk", flat=True)
    ]
    assert Event.objects.latest("pk").action == Action.EXPORT
    assert len(exported(output=tmp_path / "kind", kind=ActionClass.ENTRANCE.value)) == 1
    assert len(exported(output=tmp_path / "emergency", emergency=True)) == 1
    assert len(exported(output=tmp_path / "patient", patient=str(claire.pk))) == 3  # and this export
    assert len(exported(output=tmp_path / "after", after=Event.objects.latest("pk").pk)) == 1


@pytest.mark.parametrize("number", [0, 1, 3])
def test_a_bundle_is_whole_whatever_it_holds(alice: User, number: int) -> None:
    for _ in range(number):
        record(Action.LOGIN, actor=alice)
    made = json.loads(b"".join(fhir.written(Event.objects.all(), fhir.BUNDLE)))
    Bundle.model_validate(made)
    assert len(made.get("entry", [])) == number


def test_an_export_holds_no_more_than_a_chunk(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fhir, "CHUNK", 10)
    for _ in range(35):
        record(Action.LOGIN, actor=alice)
    with CaptureQueriesContext(connection) as queries:
        pieces = fhir.written(Event.objects.all(), fhir.NDJSON)
        next(pieces)
        assert len(queries) == 2  # the last id, and the first ten
        assert len(list(pieces)) == 34


def test_the_page_gives_out_what_was_searched_for(
    client: Client, admin: User, alice: User, claire: Patient
) -> None:
    client.force_login(admin)
    record(Action.VIEW, actor=alice, patient=claire.pk, kind="patient")
    record(Action.SIGN, actor=alice, patient=claire.pk, kind="study")
    answer = client.post(reverse("audit_export"), {"form": "ndjson", "kind": "signature"})
    lines = b"".join(answer.streaming_content).decode().splitlines()
    assert [json.loads(line)["subtype"][1]["code"] for line in lines] == ["sign"]
    assert answer["Content-Type"] == "application/fhir+ndjson"
    event = Event.objects.latest("pk")
    assert (event.action, event.kind, event.payload.data) == (
        Action.EXPORT,
        "audit",
        {"kind": "signature", "form": "ndjson"},
    )
    assert client.post(reverse("audit_export"), {"form": "exe"}).status_code == 400


def test_a_program_fetches_what_came_since(client: Client, admin: User, alice: User, claire: Patient) -> None:
    seen = record(Action.LOGIN, actor=alice)
    record(Action.VIEW, actor=alice, patient=claire.pk, kind="patient")
    token = factories.token(admin, Scope.EXPORT)
    answer = client.get(
        reverse("api-audit-events"), {"after": seen.pk}, headers={"Authorization": f"Token {token}"}
    )
    lines = [json.loads(line) for line in b"".join(answer.streaming_content).splitlines()]
    assert [line["subtype"][1]["code"] for line in lines] == ["view", "issue", "export"]
    assert Event.objects.latest("pk").token  # which token it was is kept
    wrong = client.get(
        reverse("api-audit-events"), {"kind": "x"}, headers={"Authorization": f"Token {token}"}
    )
    assert wrong.status_code == 400


def test_an_export_asks_again_who_is_there(client: Client, admin: User, settings) -> None:
    client.force_login(admin)
    settings.CONFIRM_SECONDS = 0
    answer = client.post(reverse("audit_export"), {"form": "ndjson", "person": "alice"})
    assert answer.status_code == 422
    assert "confirm_password" in answer.content.decode()
    assert not Event.objects.filter(action=Action.EXPORT).exists()
