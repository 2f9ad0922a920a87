"""What the schema of the API tells a program that is written from it alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import call_command

from predictions.models import Kind
from predictions.workspaces.sleep import checking


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return the schema, which has to be valid and free of warnings."""
    written: Path = tmp_path_factory.mktemp("schema") / "schema.yml"
    call_command("spectacular", file=str(written), validate=True, fail_on_warn=True)
    return yaml.safe_load(written.read_text())


def asked(schema: dict[str, Any], path: str) -> dict[str, Any]:
    """Return the properties of the body that a POST to ``path`` takes."""
    content = schema["paths"][path]["post"]["requestBody"]["content"]
    return component(schema, content["application/json"]["schema"])["properties"]


def component(schema: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    """Follow a reference into the components."""
    while "$ref" in part or "allOf" in part:
        reference = part.get("$ref") or part["allOf"][0]["$ref"]
        part = schema["components"]["schemas"][reference.rpartition("/")[2]]
    return part


def test_the_events_of_a_scorer_are_described(schema: dict[str, Any]) -> None:
    batch = asked(schema, "/api/studies/{study_id}/scoring/events")
    assert batch.keys() == {"scoring", "base", "window", "events"}
    event = component(schema, batch["events"]["items"])
    assert set(event["required"]) == {"id", "kind"}
    known = {name: component(schema, event["properties"][name])["enum"] for name in ("kind", "value")}
    assert known == {"kind": Kind.values, "value": [*checking.VALUES, *checking.ON_OFF]}


def test_the_seed_of_credit_keeps_its_own_batch(schema: dict[str, Any]) -> None:
    assert asked(schema, "/api/credit/predict/batch").keys() == {"data"}


@pytest.mark.parametrize(
    "operation", ["studies_sign", "studies_amend", "documents_content", "audit_events", "token_create"]
)
def test_what_an_open_session_has_to_confirm_says_that_it_may_be_refused(
    schema: dict[str, Any], operation: str
) -> None:
    operations = {one["operationId"]: one for path in schema["paths"].values() for one in path.values()}
    assert "403" in operations[operation]["responses"]
