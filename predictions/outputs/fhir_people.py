"""Who a FHIR bundle speaks of: the patient, the signer, the algorithm as a device, and who did what."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from clinic.accounts.models import User
from ml.contracts import Text
from patients.models import Patient
from predictions.outputs import fhir_codes as codes
from predictions.outputs import wording
from predictions.outputs.facts import Facts

Reference = Callable[[str], dict[str, str]]

GENDERS = {"F": "female", "M": "male", "O": "other", "U": "unknown"}
INVENTED = "INVENTED"


def patient(record: Patient) -> dict[str, Any]:
    """Return the patient as on record."""
    found: dict[str, Any] = {
        "resourceType": "Patient",
        "identifier": [{"system": codes.RECORD_NUMBER, "value": record.record_number}],
        "name": [{"family": record.family_name, "given": [record.given_name]}],
        "gender": GENDERS[record.sex],
        "birthDate": record.birth_date.isoformat(),
    }
    if record.invented:
        found["meta"] = {"tag": [{"system": codes.LOCAL, "code": INVENTED, "display": "Invented patient"}]}
    return found


def practitioner(user: User) -> dict[str, Any]:
    """Return a member of staff who read or signed."""
    name = {"text": user.label}
    if user.last_name:
        name |= {"family": user.last_name}
    return {
        "resourceType": "Practitioner",
        "identifier": [{"system": codes.STAFF, "value": str(user.pk)}],
        "name": [name],
    }


def device(facts: Facts) -> dict[str, Any]:
    """Return the algorithm: name, package version, and the hash that pins every byte of it."""
    return {
        "resourceType": "Device",
        "identifier": [{"system": codes.PACKAGE, "value": facts.prediction.package_sha256}],
        "status": "active",
        "deviceName": [{"name": f"Vigie {facts.study.algorithm}", "type": "model-name"}],
        "version": [{"value": facts.prediction.package_version}],
        "note": [{"text": facts.say(text)} for text in (facts.intended_use, wording.RESEARCH_USE)],
    }


def provenance(facts: Facts, written: list[str], reference: Reference) -> dict[str, Any]:
    """Return who made what: the algorithm as author and, once signed, the signer who attests."""
    agents = [_agent("author", reference("device"))]
    found: dict[str, Any] = {
        "resourceType": "Provenance",
        "target": [reference(name) for name in written],
        "occurredDateTime": facts.prediction.created_at.isoformat(),
        "recorded": facts.prediction.created_at.isoformat(),
    }
    if facts.signature:
        agents.append(_agent("attester", reference("signer")))
        found["recorded"] = facts.signature.signed_at.isoformat()
        found["entity"] = [
            {
                "role": "source",
                "what": {
                    "identifier": {"system": codes.SIGNED_CONTENT, "value": facts.signature.content_sha256}
                },
            }
        ]
        if facts.signature.amendment_reason:
            found["reason"] = [{"text": facts.signature.amendment_reason}]
    return found | {"agent": agents, "activity": {"text": facts.say(_activity(facts))}}


def authorship(at: datetime, targets: list[dict[str, str]], who: dict[str, str]) -> dict[str, Any]:
    """Return that a person made something themselves."""
    return {
        "resourceType": "Provenance",
        "target": targets,
        "occurredDateTime": at.isoformat(),
        "recorded": at.isoformat(),
        "agent": [_agent("author", who)],
    }


def _agent(kind: str, who: dict[str, str]) -> dict[str, Any]:
    return {"type": {"coding": [{"system": codes.PARTICIPANT, "code": kind}]}, "who": who}


def _activity(facts: Facts) -> Text:
    if facts.signature:
        return Text(
            "Written by the algorithm, signed by a person", "Rédigé par l’algorithme, signé par une personne"
        )
    return Text("Written by the algorithm", "Rédigé par l’algorithme")
