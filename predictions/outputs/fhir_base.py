"""What the resources of a FHIR bundle share: addresses, who wrote them, remarks on figures."""

from __future__ import annotations

import uuid
from typing import Any

from predictions import verdicts
from predictions.models import Signature
from predictions.outputs import fhir_codes as codes
from predictions.outputs.facts import Facts
from predictions.outputs.typed import upright

Resource = dict[str, Any]

AI_WROTE = {
    "security": [{"system": codes.SECURITY, "code": "AIAST", "display": "Artificial Intelligence asserted"}]
}
SIMULATED = {"system": codes.LOCAL, "code": "simulated", "display": "Simulated recording, of nobody"}


def address(facts: Facts, name: str) -> str:
    """Return the address of a resource: the same whenever the same version is written again."""
    version = facts.signature.version if facts.signature else 0
    return uuid.uuid5(facts.prediction.pk, f"{version}/{name}").urn


def reference(facts: Facts, name: str) -> dict[str, str]:
    """Return a reference to a resource of the bundle."""
    return {"reference": address(facts, name)}


def by_algorithm(facts: Facts) -> Resource:
    """Return what every resource has in common that the algorithm wrote about the patient."""
    meta = AI_WROTE | ({"tag": [SIMULATED]} if facts.result.get("simulated") else {})
    return {"meta": meta, "status": facts.status, "subject": reference(facts, "patient")}


def observation(facts: Facts, figure: Resource) -> Resource:
    """Return a figure that the algorithm measured."""
    return {
        "resourceType": "Observation",
        **by_algorithm(facts),
        "effectiveDateTime": facts.study.submitted_at.isoformat(),
        "device": reference(facts, "device"),
        **figure,
        **remarks(facts),
    }


def remarks(facts: Facts) -> Resource:
    """Return the notes of a figure: that a version on trial gave it, that its signer does not share it."""
    notes: list[Resource] = [{"text": facts.say(mark.message)} for mark in facts.marks]
    signed = facts.signature
    if signed is not None and not verdicts.agrees(signed.review):
        notes.append(note(facts, signed))
    return {"note": notes} if notes else {}


def note(facts: Facts, signed: Signature) -> Resource:
    """Return what the signer thinks of the result, as a note."""
    return {
        "authorReference": reference(facts, "signer"),
        "time": signed.review.created_at.isoformat(),
        "text": upright(verdicts.sentence(signed.review, facts.language)),
    }
