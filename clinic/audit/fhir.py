"""Events as FHIR R4B AuditEvent, in the shapes of IHE Basic Audit Log Patterns; written piece by piece."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist
from django.db.models import QuerySet
from django.utils import timezone

from clinic.audit import fhir_shapes as shapes
from clinic.audit.fhir_shapes import Shape
from clinic.audit.models import Action, Event

Resource = dict[str, Any]

CHUNK = 500
NDJSON, BUNDLE = "ndjson", "bundle"
MEDIA_TYPES = {NDJSON: "application/fhir+ndjson", BUNDLE: "application/fhir+json"}
SUFFIXES = {NDJSON: ".ndjson", BUNDLE: ".json"}

STAFF = "https://vigie.invalid/fhir/NamingSystem/staff"
RECORD = "https://vigie.invalid/fhir/NamingSystem/record"
ROLE = "https://vigie.invalid/fhir/CodeSystem/role"
PARTICIPATION = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
OUTCOME_REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
ENTITY_TYPE = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
OBJECT_ROLE = "http://terminology.hl7.org/CodeSystem/object-role"
BALP_ENTITY = "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType"
BALP_AGENT = "https://profiles.ihe.net/ITI/BALP/CodeSystem/UserAgentTypes"
SOURCE_TYPE = "http://terminology.hl7.org/CodeSystem/security-source-type"
BREAK_THE_GLASS = {"system": OUTCOME_REASON, "code": "BTG", "display": "break the glass"}
HERE = "Vigie"


def audit_event(event: Event) -> Resource:
    """Return one event as a resource; its number in the audit is its id."""
    shape = shapes.of(event)
    found: Resource = {
        "resourceType": "AuditEvent",
        "id": f"event-{event.pk}",
        "type": dict(shape.type),
        "subtype": [dict(shape.subtype), _local(event)],
        "action": shape.action,
        "recorded": _instant(event.at),
        "outcome": shape.outcome,
        "agent": _agents(event, shape),
        "source": _source(),
        "entity": _entities(event, shape),
    }
    if profiles := _profiles(event, shape):
        found["meta"] = {"profile": profiles}
    if event.emergency or event.action == Action.BREAK_GLASS:
        found["purposeOfEvent"] = [{"coding": [BREAK_THE_GLASS]}]
    return {name: value for name, value in found.items() if value != []}


def written(events: QuerySet[Event], form: str) -> Iterator[bytes]:
    """Yield a file of ``events`` piece by piece, oldest first, without holding more than a chunk.

    Parameters
    ----------
    form
        :data:`NDJSON`, one resource a line; or :data:`BUNDLE`, one bundle of type ``collection``.
    """
    if form == NDJSON:
        for event in _walked(events):
            yield _json(audit_event(event)) + b"\n"
        return
    head = _json({"resourceType": "Bundle", "type": "collection", "timestamp": _instant(timezone.now())})
    yield head[:-1]
    opened = b',"entry":['  # FHIR knows no empty list: none is opened before the first
    for event in _walked(events):
        resource = audit_event(event)
        full = uuid.uuid5(uuid.NAMESPACE_OID, resource["id"]).urn
        yield opened + _json({"fullUrl": full, "resource": resource})
        opened = b","
    yield b"]}" if opened == b"," else b"}"


def _walked(events: QuerySet[Event]) -> Iterator[Event]:
    """Yield events by rising id in chunks, up to the last there was at the beginning."""
    last = events.order_by("-pk").values_list("pk", flat=True).first() or 0
    ordered = events.filter(pk__lte=last).select_related("payload").order_by("pk")
    after = 0
    while chunk := list(ordered.filter(pk__gt=after)[:CHUNK]):
        yield from chunk
        after = chunk[-1].pk


def _json(value: Resource) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _local(event: Event) -> Resource:
    return {"system": shapes.LOCAL, "code": event.action.replace("_", "-")}


def _profiles(event: Event, shape: Shape) -> list[str]:
    profiles = [shapes.profile(shape, event)]
    if event.token:
        profiles.append(shapes.TOKEN_USE)
    return [profile for profile in profiles if profile]


def _source() -> Resource:
    return {
        "site": _server(),
        "observer": {"display": HERE},
        "type": [{"system": SOURCE_TYPE, "code": "4", "display": "Application Server"}],
    }


def _server() -> str:
    return (settings.ALLOWED_HOSTS or ["localhost"])[0].lstrip(".*") or "localhost"


def _agents(event: Event, shape: Shape) -> list[Resource]:
    """Return the caller and this product, by which way the data flowed, and the person.

    What the worker or a command did has no caller: this product acted.
    """
    sender = {"system": shapes.DCM, "code": "110153", "display": "Source Role ID"}
    receiver = {"system": shapes.DCM, "code": "110152", "display": "Destination Role ID"}
    client, server = (sender, receiver) if shape.upload else (receiver, sender)
    here = {
        "type": {"coding": [server]},
        "who": {"display": HERE},
        "requestor": False,
        "network": {"address": _server(), "type": "1"},
    }
    return [_client(event, client), here, *_people(event, shape)]


def _client(event: Event, role: Resource) -> Resource:
    if event.address:
        who, network = "Client", {"address": event.address, "type": "2"}
    else:
        who, network = event.actor_label or "Client", {"address": "localhost", "type": "1"}
    acts_itself = event.actor_id is None
    return {"type": {"coding": [role]}, "who": {"display": who}, "requestor": acts_itself, "network": network}


def _people(event: Event, shape: Shape) -> list[Resource]:
    if event.actor_id is None:
        return []
    person: Resource = {
        "type": {"coding": [{"system": PARTICIPATION, "code": shape.user}]},
        "who": {"identifier": {"system": STAFF, "value": str(event.actor_id)}, "display": event.actor_label},
        "name": event.actor_label,
        "requestor": True,
    }
    if event.role:
        person["role"] = [{"coding": [{"system": ROLE, "code": event.role}]}]
    if event.emergency:
        person["purposeOfUse"] = [{"coding": [BREAK_THE_GLASS]}]
    if not event.token:
        return [person]
    by_token = {
        "type": {"coding": [{"system": BALP_AGENT, "code": "UserOauthAgent"}]},
        "who": person["who"],
        "requestor": True,
        "policy": [f"urn:ietf:params:oauth:jti:{event.token}"],
    }
    return [person, by_token]


def _entities(event: Event, shape: Shape) -> list[Resource]:
    found = []
    if event.patient:
        found.append(
            {
                "what": {"reference": f"Patient/{event.patient}"},
                "type": {"system": ENTITY_TYPE, "code": "1", "display": "Person"},
                "role": {"system": OBJECT_ROLE, "code": "1", "display": "Patient"},
            }
        )
    found.append(_query(event) if shape is shapes.QUERY else _data(event))
    if event.request:
        found.append(
            {
                "what": {"identifier": {"value": event.request}},
                "type": {"system": BALP_ENTITY, "code": "XrequestId"},
            }
        )
    return found


def _data(event: Event) -> Resource:
    """Return what it was done to, with the details that are still kept."""
    number = str(event.study or event.object_id or event.patient or event.pk)
    found: Resource = {
        "what": {"identifier": {"system": RECORD, "value": number}},
        "type": {"system": ENTITY_TYPE, "code": "2", "display": "System Object"},
        "role": {"system": OBJECT_ROLE, "code": "4", "display": "Domain Resource"},
    }
    if event.kind:
        found["name"] = event.kind
    if details := _details(event):
        found["detail"] = [{"type": name, "valueString": value} for name, value in details.items()]
    return found


def _query(event: Event) -> Resource:
    """Return what was searched for, as it was recorded."""
    terms = json.dumps(_details(event), ensure_ascii=False, sort_keys=True).encode()
    return {
        "type": {"system": ENTITY_TYPE, "code": "2", "display": "System Object"},
        "role": {"system": OBJECT_ROLE, "code": "24", "display": "Query"},
        "query": base64.b64encode(terms).decode("ascii"),
    }


def _details(event: Event) -> dict[str, str]:
    """Return the payload as texts; FHIR knows no empty ones."""
    try:
        data = event.payload.data
    except ObjectDoesNotExist:
        return {}
    texts = {
        name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for name, value in data.items()
    }
    return {name: value for name, value in texts.items() if value.strip()}
