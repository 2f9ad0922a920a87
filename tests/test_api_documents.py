"""Programs order, follow and take documents, and hear in one way what the state of a study forbids."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
import yaml
from django.test import Client
from django.urls import reverse

from clinic.accounts.models import User
from clinic.accounts.roles import Role
from clinic.audit.models import Action, Event
from ml import registry
from patients.models import Patient
from predictions import first_read
from predictions.models import Document
from predictions.outputs import rendering
from tests import factories, outputs, studies

pytestmark = pytest.mark.django_db

WANTED = {"kind": "csv", "language": "en"}


def program(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def order(client: Client, study: Any, **changes: Any) -> Any:
    address = reverse("api-documents", args=[study.pk])
    return client.post(address, WANTED | changes, content_type="application/json")


def code(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["problems"][0]["code"]


def test_a_program_orders_follows_and_takes_a_document() -> None:
    study = outputs.answered("haemorrhage")
    client = program(study.submitted_by)
    ordered = order(client, study)
    assert (ordered.status_code, ordered.json()["state"]) == (202, "requested")
    content = ordered["Location"] + "/content"
    assert code(client.get(content)) == (409, "document_not_ready")

    rendering.render(ordered.json()["id"])
    state = client.get(ordered["Location"]).json()
    answer = client.get(content)
    assert state["state"] == "ready"
    assert hashlib.sha256(b"".join(answer.streaming_content)).hexdigest() == state["sha256"]
    assert f'filename="{state["file_name"]}"' in answer["Content-Disposition"]
    assert client.get(reverse("api-documents", args=[study.pk])).json() == [state]
    assert Event.objects.filter(kind="document", action=Action.DOWNLOAD).count() == 1


def test_the_document_of_a_signed_version_comes_at_once_the_second_time() -> None:
    study = outputs.answered("haemorrhage")
    outputs.sign(study)
    client = program(study.submitted_by)
    first = order(client, study, version=1)
    rendering.render(first.json()["id"])
    again = order(client, study, version=1)
    assert (first.status_code, again.status_code, again.json()["version"]) == (202, 200, 1)
    assert first.json()["id"] == again.json()["id"]
    assert code(order(client, study, version=7)) == (422, "document_version")
    assert code(order(client, study, kind="dicom_sr")) == (422, "document_not_offered")


def test_a_program_gets_no_document_before_the_first_read() -> None:
    study = outputs.answered("chest_xray")
    outputs.written(study, "csv")
    document = Document.objects.get()
    client = program(factories.staff("blind-colleague", Role.RADIOLOGIST, study.unit))
    for address in (
        reverse("api-documents", args=[study.pk]),
        reverse("api-document", args=[study.pk, document.pk]),
        reverse("api-document-content", args=[study.pk, document.pk]),
        reverse("api-document-content", args=[study.pk, study.pk]),  # there is none of that number
    ):
        assert code(client.get(address)) == (409, "first_read_missing")
    assert code(order(client, study)) == (409, "first_read_missing")
    assert Document.objects.count() == 1


def test_what_the_state_of_a_study_forbids_is_a_conflict(charlie: User, henri: Patient) -> None:
    client, json = program(charlie), {"content_type": "application/json"}
    waiting = studies.waiting(charlie, henri, algorithm="chest_xray")
    report = reverse("api-report", args=[waiting.pk])
    impression = {"impression": "normal", "confidence": "sure"}
    first = reverse("api-first-read", args=[waiting.pk])
    assert code(order(client, waiting)) == (409, "no_result")
    assert code(client.put(report, {"texts": {}, "language": "en"}, **json)) == (409, "report_not_open")
    assert code(client.post(first, impression, **json)) == (409, "first_read_not_awaited")

    study = studies.radiograph(charlie, henri)
    first, report = (reverse(name, args=[study.pk]) for name in ("api-first-read", "api-report"))
    kept = client.post(first, impression, **json).json()
    assert code(client.post(first, impression | {"confidence": "unsure"}, **json)) == (
        409,
        first_read.COMMITTED.code,
    )
    written = client.put(report, {"texts": {"impression": "Normal."}, "language": "en"}, **json).json()
    assert written["saved_at"][-6:] == kept["at"][-6:]  # one way to write a time
    assert client.put(report, {"texts": {"liver": "x"}, "language": "en"}, **json).status_code == 422


def test_the_description_names_the_parts_of_a_report_and_keeps_to_english(alice: User) -> None:
    User.objects.update(language="fr")
    described = program(alice).get(reverse("api-schema")).content.decode()
    schemas = yaml.safe_load(described)["components"]["schemas"]
    parts = {field.name for field in registry.contract("chest_xray").reading}
    assert schemas["NewReport"]["properties"]["texts"]["properties"].keys() == parts
    assert schemas["ReportPart"]["properties"].keys() == {"name", "label", "required", "text"}
    assert "pas d’accord" not in described.lower()
    assert "disagree" in described.lower()


def test_a_report_typed_over_an_older_save_is_a_conflict_and_nothing_is_lost(
    charlie: User, henri: Patient
) -> None:
    client, json = program(charlie), {"content_type": "application/json"}
    study = studies.radiograph(charlie, henri)
    report = reverse("api-report", args=[study.pk])

    def put(impression: str, **seen: int) -> Any:
        body = {"texts": {"impression": impression}, "language": "en"} | seen
        return client.put(report, body, **json)

    assert put("First.", seen=0).json()["number"] == 1
    assert code(put("Second.", seen=0)) == (409, "report_saved_elsewhere")
    assert [part["text"] for part in client.get(report).json()["parts"]][-1] == "First."
    assert put("Second.", seen=1).json()["number"] == 2
    assert put("Third.").json()["number"] == 3, "without it nobody asks, as before"
    assert put("x", seen=-1).status_code == 400
