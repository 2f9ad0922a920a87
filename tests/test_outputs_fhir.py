"""The FHIR bundle: valid, self-contained, honest about who wrote what and about its codes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from fhir.resources.R4B.bundle import Bundle

from clinic.accounts.roles import Role
from predictions import review
from predictions.outputs.fhir_codes import CHECKED_LOINC, LOCAL, LOINC
from tests import factories, nights, outputs

pytestmark = pytest.mark.django_db

Resources = dict[str, list[dict[str, Any]]]


def bundle(study: Any, language: str = "en", version: str = "") -> tuple[dict[str, Any], Resources]:
    """Return a written bundle, valid once more, and its resources by type."""
    written = json.loads(outputs.written(study, "fhir", language, version))
    Bundle.model_validate(written)
    found: Resources = {}
    for entry in written["entry"]:
        found.setdefault(entry["resource"]["resourceType"], []).append(entry["resource"])
    return written, found


def find(value: Any, key: str) -> Iterator[Any]:
    """Yield whatever stands under ``key`` anywhere."""
    if isinstance(value, dict):
        for name, child in value.items():
            if name == key:
                yield child
            yield from find(child, key)
    elif isinstance(value, list):
        for child in value:
            yield from find(child, key)


def coded(found: Resources, code: str) -> list[dict[str, Any]]:
    """Return the observations with one of our codes."""
    return [
        one
        for one in found["Observation"]
        if code in {coding["code"] for coding in one["code"]["coding"] if coding["system"] == LOCAL}
    ]


@pytest.mark.parametrize("algorithm", outputs.OUTCOMES)
def test_every_reference_leads_somewhere_and_every_code_is_checked_or_ours(algorithm: str) -> None:
    study = outputs.answered(algorithm)
    outputs.sign(study)
    written, found = bundle(study, "fr")
    there = {entry["fullUrl"] for entry in written["entry"]}
    assert set(find(written, "reference")) <= there
    codings = [coding for codings in find(written, "coding") for coding in codings]
    assert {coding["code"] for coding in codings if coding["system"] == LOINC} <= CHECKED_LOINC
    explained = {concept["code"] for concept in found["CodeSystem"][0]["concept"]}
    assert {coding["code"] for coding in codings if coding["system"] == LOCAL} == explained


def test_the_probability_of_a_haemorrhage_is_a_percentage() -> None:
    study = outputs.answered("haemorrhage")
    _, found = bundle(study)
    (prediction,) = found["RiskAssessment"][0]["prediction"]
    assert prediction["probabilityDecimal"] == pytest.approx(100 * study.prediction.result["risk"], abs=0.05)
    assert prediction["outcome"]["coding"][0]["code"] == "47821001"
    assert len(found["RiskAssessment"][0]["basis"]) > 20


def test_weeks_are_called_weeks_in_english() -> None:
    study = outputs.answered("haemorrhage")
    units = {
        language: {quantity.get("unit") for quantity in find(bundle(study, language)[0], "valueQuantity")}
        for language in ("en", "fr")
    }
    assert "weeks" in units["en"]
    assert "SA" not in units["en"]
    assert "SA" in units["fr"]


def test_what_the_algorithm_wrote_is_labelled_and_what_people_entered_is_not() -> None:
    _, found = bundle(outputs.answered("haemorrhage"))
    labelled = {
        resource["code"]["text"] if "code" in resource else kind
        for kind, resources in found.items()
        for resource in resources
        if "AIAST" in json.dumps(resource.get("meta", {}))
    }
    assert labelled == {
        "RiskAssessment",
        "Severe postpartum haemorrhage risk at admission",
        "Risk of severe postpartum haemorrhage",
    }


def test_the_report_is_preliminary_then_final_then_amended_and_old_versions_stay() -> None:
    study = outputs.answered("chest_xray")
    assert status(study) == "preliminary"
    outputs.sign(study)
    assert status(study) == "final"
    review.amend(user=study.submitted_by, study=study, reason="Wrong side named")
    assert status(study) == "preliminary"
    outputs.sign(study)
    assert status(study) == "amended"
    assert status(study, version="1") == "final"
    _, found = bundle(study)
    assert found["Provenance"][0]["reason"] == [{"text": "Wrong side named"}]


def status(study: Any, version: str = "") -> str:
    """Return the status of the report in the bundle as the study stands."""
    _, found = bundle(study, version=version)
    first_reads = coded(found, "first-read")
    written = [r for kind in ("DiagnosticReport", "Observation") for r in found[kind] if r not in first_reads]
    statuses = {resource["status"] for resource in written}
    assert len(statuses) == 1
    return statuses.pop()


def test_a_night_carries_its_statistics_with_checked_codes() -> None:
    study = outputs.answered("sleep")
    _, found = bundle(study)
    values = {
        coding["code"]: observation["valueQuantity"]
        for observation in found["Observation"]
        for coding in observation["code"]["coding"]
        if "valueQuantity" in observation
    }
    assert values["93832-4"]["value"] == study.prediction.result["statistics"]["tst"]
    assert values["93832-4"]["code"] == "min"
    assert "simulated" in json.dumps(found["DiagnosticReport"][0]["meta"])


def test_a_persons_hypnogram_is_theirs_and_the_draft_beside_it_the_algorithms() -> None:
    study = outputs.answered("sleep", outcome=nights.outcome(nights.full()))
    technician = factories.staff("tech", Role.TECHNICIAN, study.unit)
    nights.score(study, technician, *nights.correction())
    outputs.sign(study)
    written, found = bundle(study)
    [hypnogram], [draft], [tst] = (coded(found, code) for code in ("hypnogram", "hypnogram-draft", "tst"))
    data = [one["valueSampledData"]["data"].split() for one in (hypnogram, draft)]
    assert data[0][66:72] == ["1"] * 6
    assert data[1][66:72] == ["2"] * 6
    assert (data[0][500:502], data[1][500]) == (["0", "E"], "E")
    assert (hypnogram["status"], draft["status"]) == ("final", "preliminary")
    addresses = {entry["fullUrl"]: entry["resource"] for entry in written["entry"]}
    person = addresses[hypnogram["performer"][0]["reference"]]
    assert person["name"][0]["text"] == technician.label
    assert "Alpha intrusion" in hypnogram["note"][0]["text"]
    labelled = [one for one in found["Observation"] if "AIAST" in json.dumps(one.get("meta", ""))]
    assert draft in labelled
    assert coded(found, "odi3")[0] in labelled
    assert hypnogram not in labelled
    assert tst not in labelled
    [report] = found["DiagnosticReport"]
    assert "AIAST" not in json.dumps(report.get("meta", ""))
    assert report["conclusion"].startswith("7 h 05 min of sleep in 7 h 36 min")
    [trt], [kappa] = coded(found, "trt"), coded(found, "agreement-draft")
    assert {coding["code"] for coding in trt["code"]["coding"]} == {"103213-5", "trt"}
    assert trt["valueQuantity"]["value"] == pytest.approx(456.333)
    assert 0.98 < kappa["valueQuantity"]["value"] < 1
    panel = next(one for one in found["Observation"] if one["code"]["coding"][0]["code"] == "90568-7")
    assert len(panel["hasMember"]) > 20
    authors = {one["agent"][0]["who"]["reference"] for one in found["Provenance"]}
    assert {addresses[author]["resourceType"] for author in authors} == {"Device", "Practitioner"}


def test_a_draft_of_a_night_is_the_algorithms_throughout() -> None:
    _, found = bundle(outputs.answered("sleep", outcome=nights.outcome()))
    [hypnogram] = coded(found, "hypnogram")
    for one in (hypnogram, *coded(found, "tst"), *found["DiagnosticReport"]):
        assert "AIAST" in json.dumps(one["meta"])
        assert one["status"] == "preliminary"
    assert {coding["code"] for coding in coded(found, "trt")[0]["code"]["coding"]} == {"trt"}
    assert hypnogram["effectiveDateTime"] == "2026-03-05", "the clock of a recorder has no time zone"


def test_the_algorithm_is_a_device_and_the_signer_attests() -> None:
    study = outputs.answered("chest_xray")
    outputs.sign(study)
    written, found = bundle(study)
    addresses = {entry["fullUrl"]: entry["resource"]["resourceType"] for entry in written["entry"]}
    agents = found["Provenance"][0]["agent"]
    who = {agent["type"]["coding"][0]["code"]: addresses[agent["who"]["reference"]] for agent in agents}
    assert who == {"author": "Device", "attester": "Practitioner"}
    assert found["Device"][0]["version"] == [{"value": study.prediction.package_version}]


def test_every_scored_image_is_answered_for_and_belongs_to_the_examination() -> None:
    study = outputs.answered("chest_xray")
    sent = [outputs.dicom_image(view) for view in ("AP", "LL")]
    outputs.send(study, *map(outputs.as_file, outputs.one_examination(*sent)))
    _, found = bundle(study)
    [imaging] = found["ImagingStudy"]
    assert imaging["identifier"][0]["value"] == f"urn:oid:{sent[0].StudyInstanceUID}"
    instances = {one["uid"] for series in imaging["series"] for one in series["instance"]}
    assert instances == {image.SOPInstanceUID for image in sent}
    [figure] = coded(found, "pneumonia-probability")
    assert "AIAST" in json.dumps(figure["meta"])
    assert figure["valueQuantity"]["value"] == 81
    said = {one["code"]["text"]: one for one in figure["component"]}
    assert said["Class at the operating point"]["valueCodeableConcept"]["text"] == "Suggests pneumonia"
    assert said["SOP Instance UID of the image"]["valueString"] == sent[0].SOPInstanceUID
    assert outputs.ZONE.en in json.dumps(figure["note"])


def test_what_people_saw_and_wrote_stands_apart_from_what_the_algorithm_measured() -> None:
    study = outputs.answered("chest_xray")
    outputs.sign(study, verdict="disagree", reason="clinical")
    _, found = bundle(study)
    [report] = found["DiagnosticReport"]
    assert report["conclusion"] == outputs.IMPRESSION
    [read], [written] = coded(found, "first-read"), coded(found, "radiologist-report")
    assert read["valueCodeableConcept"]["text"] == "Pneumonia"
    assert [one["valueString"] for one in written["component"]][-1] == outputs.IMPRESSION
    assert written["language"] == "fr"
    for one in (report, read, written):
        assert "AIAST" not in json.dumps(one.get("meta", "")), "a person wrote it"
    authors = {one["agent"][0]["who"]["reference"] for one in found["Provenance"]}
    assert len(authors) == 2


def test_a_result_of_before_several_images_still_becomes_a_bundle() -> None:
    _, found = bundle(outputs.answered("chest_xray", outcome=outputs.radiograph_before()))
    assert coded(found, "pneumonia-probability")[0]["valueQuantity"]["value"] == 81
    assert "ImagingStudy" not in found
