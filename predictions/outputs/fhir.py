"""A result as a FHIR R4B collection, checked against the standard's own definitions before it is kept.

What the algorithm wrote carries the security label AIAST; what people entered does not. The report is
``preliminary`` until somebody signs, then ``final``, and ``amended`` from the second signature on.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from fhir.resources.R4B.bundle import Bundle

from ml.contracts import Field, FieldKind, Text
from predictions import verdicts
from predictions.models import BloodLoss, Signature
from predictions.outputs import fhir_codes as codes
from predictions.outputs import fhir_night, wording
from predictions.outputs import fhir_people as people
from predictions.outputs import fhir_radiograph as radiograph
from predictions.outputs import night as nights
from predictions.outputs.dicom_source import Sources
from predictions.outputs.facts import Facts
from predictions.outputs.fhir_base import (
    Resource,
    address,
    by_algorithm,
    note,
    observation,
    reference,
    remarks,
)
from predictions.outputs.night import Night
from predictions.outputs.night_wording import headline
from predictions.outputs.night_words import VERDICT_ON_DRAFT
from predictions.outputs.typed import upright

INTERVAL = Text("95 % interval: {low}–{high} %", "Intervalle à 95 % : {low}–{high} %")
# The only unit of a form that differs by language; in French, semaines d’aménorrhée.
WEEKS = Text("weeks", "SA")


def render(facts: Facts) -> bytes:
    """Write the bundle as JSON.

    Raises
    ------
    pydantic.ValidationError
        When a resource is not what FHIR R4B allows; nothing is given out then.
    """
    bundle = Bundle.model_validate(_bundle(facts))
    return json.dumps(json.loads(bundle.model_dump_json()), indent=2, ensure_ascii=False).encode()


def _bundle(facts: Facts) -> Resource:
    resources = dict(_resources(facts))
    local = {
        coding["code"]: coding["display"]
        for resource in resources.values()
        for coding in _codings(resource)
        if coding.get("system") == codes.LOCAL
    }
    resources["codes"] = _code_system(local)
    return {
        "resourceType": "Bundle",
        "id": str(address(facts, "bundle"))[9:],
        "language": facts.language,
        "type": "collection",
        "timestamp": facts.written_at.isoformat(),
        "entry": [
            {"fullUrl": address(facts, name), "resource": resource} for name, resource in resources.items()
        ],
    }


def _resources(facts: Facts) -> Iterator[tuple[str, Resource]]:
    yield "patient", people.patient(facts.patient)
    yield "device", people.device(facts)
    if facts.signature:
        yield "signer", people.practitioner(facts.signature.signer)
    entered = dict(_entered(facts))
    yield from entered.items()
    night = nights.of(facts) if nights.is_night(facts) else None
    scored = fhir_night.by_person(night) if night else {}
    yield from scored.items()
    if scored:
        yield fhir_night.scorer(night), people.practitioner(night.scoring.scorer)
    examined = radiograph.sources(facts) if radiograph.scored(facts) else None
    if examined:
        yield "imaging", radiograph.imaging_study(examined, reference(facts, "patient"))
    measured = fhir_night.measured(night) if night else dict(_measured(facts, examined))
    yield from measured.items()
    said = dict(_said(facts))
    yield from said.items()
    # Where a person wrote the report, the algorithm only measured.
    written = list(measured) if facts.reading or scored else ["report", *measured]
    if "risk" in facts.result:
        yield "risk", _risk(facts, list(entered))
        written.append("risk")
    if facts.outcome:
        yield "outcome", _outcome(facts, facts.outcome)
    results = [*scored, *measured, *(name for name in said if name.startswith("said/"))]
    if night:
        yield fhir_night.PANEL, fhir_night.panel(night, results)
        agreed = fhir_night.compared(night)
        yield from agreed.items()
        results = [fhir_night.PANEL, *results, *agreed]
    if facts.signature:
        figures = ["risk", *measured] if "risk" in facts.result else list(measured)
        yield "verdict", _verdict(facts, facts.signature, figures)
        results.append("verdict")
    yield "report", _report(facts, results, imaging=examined is not None, night=night)
    yield "provenance", people.provenance(facts, written, lambda name: reference(facts, name))
    if facts.signature and facts.reading:
        own = [reference(facts, name) for name in ("report", "said/report")]
        yield "authorship", people.authorship(facts.signature.signed_at, own, reference(facts, "signer"))
    if scored:
        own = [reference(facts, name) for name in (*scored, fhir_night.PANEL, "report")]
        who = reference(facts, fhir_night.scorer(night))
        yield "scoring", people.authorship(fhir_night.scored_at(night), own, who)


def _entered(facts: Facts) -> Iterator[tuple[str, Resource]]:
    """Yield what the midwife answered, on which a risk is based."""
    for field in facts.contract.fields:
        value = facts.study.values.get(field.name)
        if value is None or value == "unknown" or field.kind in (FieldKind.DATE, FieldKind.DATETIME):
            continue
        yield (
            f"entered/{field.name}",
            {
                "resourceType": "Observation",
                "status": "final",
                "code": codes.concept(field.name.replace("_", "-"), field.label.en, loinc=field.code),
                "subject": reference(facts, "patient"),
                "effectiveDateTime": facts.study.submitted_at.isoformat(),
                **_value(facts, field, value),
            },
        )


def _value(facts: Facts, field: Field, value: Any) -> Resource:
    if field.kind is FieldKind.INTEGER and not field.unit:
        return {"valueInteger": int(value)}
    if field.kind in (FieldKind.NUMBER, FieldKind.INTEGER):
        # Units are written as the form shows them; only a receiver's own map makes UCUM of them.
        unit = facts.say(WEEKS) if field.unit == WEEKS.fr else field.unit
        return {"valueQuantity": {"value": value} | ({"unit": unit} if unit else {})}
    labels = {choice.code: facts.say(choice.label) for choice in field.choices}
    if field.kind is FieldKind.TERNARY:
        return {"valueBoolean": value == "yes"}
    return {"valueCodeableConcept": {"text": labels.get(value, str(value))}}


def _measured(facts: Facts, examined: Sources | None) -> Iterator[tuple[str, Resource]]:
    """Yield the figures of the algorithm as observations, those of an X-ray image by image."""
    for name, film in radiograph.scored(facts).items():
        found = observation(facts, radiograph.answer(facts, film, examined))
        found["note"] = [*found.get("note", ()), *radiograph.remarks(facts, film)]
        if examined:
            found["derivedFrom"] = [reference(facts, "imaging")]
        yield name, found
    for local, (loinc, display, value, unit) in _figures(facts.result).items():
        code = codes.concept(local, display, loinc=loinc)
        figure = {"code": code, "valueQuantity": codes.quantity(value, unit)}
        yield f"measured/{local}", observation(facts, figure)


def _said(facts: Facts) -> Iterator[tuple[str, Resource]]:
    """Yield what people saw before the answer and what they wrote, and those who did."""
    subject, signed = reference(facts, "patient"), facts.signature
    for place, read in enumerate(facts.first_reads, start=1):
        own = signed is not None and read.reader_id == signed.signer_id
        name = "signer" if own else f"reader/{read.reader_id}"
        if not own:
            yield name, people.practitioner(read.reader)
        yield f"said/first-read/{place}", radiograph.first_read(read, subject, reference(facts, name))
    if signed and facts.reading:
        yield "said/report", radiograph.reading(facts, signed, subject, reference(facts, "signer"))


def _verdict(facts: Facts, signed: Signature, figures: list[str]) -> Resource:
    """Return what the signer thinks of the figures, coded, so that no receiver has to read a sentence."""
    review = signed.review
    found = {
        "resourceType": "Observation",
        "status": facts.status,
        "code": codes.concept("signer-verdict", "Verdict of the signer on the result"),
        "subject": reference(facts, "patient"),
        "focus": [reference(facts, name) for name in figures],
        "performer": [reference(facts, "signer")],
        "effectiveDateTime": review.created_at.isoformat(),
        "issued": signed.signed_at.isoformat(),
        "valueCodeableConcept": codes.concept(*codes.VERDICTS[verdicts.code(review)]),
    }
    if reason := verdicts.reason_code(review):
        found["component"] = [
            {
                "code": codes.concept("signer-reason", "Reason of the verdict"),
                "valueCodeableConcept": codes.concept(*codes.REASONS[reason]),
            }
        ]
    if review.comment:
        found["note"] = [note(facts, signed)]
    return found


def _figures(result: Mapping[str, Any]) -> dict[str, tuple[str, str, float, str]]:
    if "risk" in result:
        return {"severe-pph-risk": ("", "Risk of severe postpartum haemorrhage", 100 * result["risk"], "%")}
    return {}


def _risk(facts: Facts, basis: list[str]) -> Resource:
    """Return the assessment; ``probabilityDecimal`` is a percentage in FHIR: 4.2, not 0.042."""
    result = facts.result
    low, high = (wording.number(f"{100 * bound:.1f}", facts.language) for bound in result["interval"])
    explained = facts.say(facts.explanation.sentence) if facts.explanation else ""
    return {
        "resourceType": "RiskAssessment",
        **by_algorithm(facts),
        "occurrenceDateTime": facts.prediction.created_at.isoformat(),
        "method": {"text": facts.package_name},
        "performer": reference(facts, "device"),
        "basis": [reference(facts, name) for name in basis],
        "prediction": [
            {
                "outcome": {
                    "coding": [
                        {"system": codes.SNOMED, "code": "47821001", "display": "Postpartum hemorrhage"}
                    ],
                    "text": facts.say(facts.contract.title),
                },
                "probabilityDecimal": round(Decimal(100 * result["risk"]), 1),
                "relativeRisk": round(Decimal(result["risk"] / result["incidence"]), 2),
                "rationale": explained or facts.say(facts.prediction.report["headline"]),
            }
        ],
        "note": [
            *remarks(facts).get("note", ()),
            {"text": facts.say(INTERVAL.format(low=low, high=high))},
            {"text": facts.say(wording.RESEARCH_USE)},
        ],
    }


def _outcome(facts: Facts, loss: BloodLoss) -> Resource:
    """Return the blood loss people measured after the birth; ``amended`` once it was corrected."""
    return {
        "resourceType": "Observation",
        "status": "final" if loss.number == 1 else "amended",
        "code": codes.concept("blood-loss-24h", "Blood loss within 24 hours of birth"),
        "subject": reference(facts, "patient"),
        "effectiveDateTime": loss.measured_at.isoformat(),
        "issued": loss.recorded_at.isoformat(),
        "valueQuantity": codes.quantity(loss.millilitres, "mL"),
        "method": {"text": str(loss.get_method_display())},
    }


def _report(facts: Facts, results: list[str], *, imaging: bool, night: Night | None) -> Resource:
    """Return the report: its conclusion is the signer's own where they wrote one, else the algorithm's.

    Of a night that a person scored it is said of their hypnogram, and so not labelled as the algorithm's.
    """
    loinc, display = codes.REPORTS[facts.study.algorithm]
    if len(facts.result.get("images", ())) > 1:
        # The checked code is of one view.
        loinc = ""
    local = facts.study.algorithm.replace("_", "-")
    signed = facts.signature
    scored = night is not None and night.scored
    performer = ["signer"] if signed else [fhir_night.scorer(night)] if scored else ["device"]
    report = {
        "resourceType": "DiagnosticReport",
        "language": facts.language,
        **by_algorithm(facts),
        "identifier": [{"system": codes.STUDY, "value": str(facts.study.pk)}],
        "code": codes.concept(local, display, loinc=loinc),
        "effectiveDateTime": facts.study.submitted_at.isoformat(),
        "issued": (signed.signed_at if signed else facts.prediction.created_at).isoformat(),
        "performer": [reference(facts, name) for name in performer],
        "result": [reference(facts, name) for name in results],
        "conclusion": facts.impression or "\n".join(_concluded(facts, night)),
    }
    if facts.impression:
        del report["meta"]
    if scored:
        del report["meta"]
        report |= fhir_night.simulated(night)
    if imaging:
        report["imagingStudy"] = [reference(facts, "imaging")]
    if signed:
        report["resultsInterpreter"] = [reference(facts, "signer")]
    return report


def _concluded(facts: Facts, night: Night | None) -> list[str]:
    """Return what the algorithm concludes, who signed it, and its limits; a dissent comes first."""
    limits = [facts.say(limit) for limit in facts.prediction.report.get("limits", ())]
    first = headline(night) if night else facts.say(facts.prediction.report["headline"])
    said = [first, wording.state(facts, night.scorer if night else ""), *limits]
    if facts.signature:
        review = facts.signature.review
        opinion = upright(verdicts.sentence(review, facts.language))
        if night is not None and night.scored:
            # A dissent is about the draft, not about what is concluded from a person's hypnogram.
            said.append(wording.labelled(facts.say(VERDICT_ON_DRAFT), opinion, facts.language))
        else:
            said.insert(len(said) if verdicts.agrees(review) else 0, opinion)
    return said


def _codings(value: Any) -> Iterator[Mapping[str, str]]:
    """Yield every coding anywhere in a resource."""
    if isinstance(value, Mapping):
        yield from value.get("coding", ())
        for child in value.values():
            yield from _codings(child)
    elif isinstance(value, list):
        for child in value:
            yield from _codings(child)


def _code_system(local: Mapping[str, str]) -> Resource:
    """Return the local codes that this bundle uses, so that it explains itself."""
    return {
        "resourceType": "CodeSystem",
        "url": codes.LOCAL,
        "name": "VigieMeasures",
        "status": "draft",
        "content": "fragment",
        "concept": [{"code": code, "display": display} for code, display in sorted(local.items())],
    }
