"""A figure signed in disagreement carries that wherever it goes: page, list, and every document."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from predictions.models import Study
from tests import outputs

pytestmark = pytest.mark.django_db

COMMENT = "platelets are of another woman"


@pytest.fixture(params=outputs.OUTCOMES)
def disputed(request: pytest.FixtureRequest) -> Study:
    """A signed study whose signer disagrees."""
    study = outputs.answered(request.param)
    outputs.sign(study, verdict="disagree", reason="poor_input", comment=COMMENT)
    return study


def resources(study: Study, language: str = "en") -> list[dict[str, Any]]:
    bundle = json.loads(outputs.written(study, "fhir", language))
    return [entry["resource"] for entry in bundle["entry"]]


def test_fhir_says_it_first_beside_every_figure_and_as_a_code(disputed: Study) -> None:
    found = resources(disputed)
    [report] = [one for one in found if one["resourceType"] == "DiagnosticReport"]
    first = report["conclusion"].splitlines()[0]
    if disputed.algorithm == "chest_xray":
        assert first == outputs.IMPRESSION, "the conclusion is the signer's own"
    else:
        assert first == f"The signer disagrees with this result: poor input. Comment: {COMMENT}"
    coded = [one for one in found if "signer-verdict" in json.dumps(one.get("code", ""))]
    [verdict] = [one for one in coded if one["resourceType"] == "Observation"]
    assert verdict["valueCodeableConcept"]["coding"][0]["code"] == "disagrees"
    assert verdict["component"][0]["valueCodeableConcept"]["coding"][0]["code"] == "reason-poor-input"
    assert "AIAST" not in json.dumps(verdict), "a person said it"
    figures = [one for one in found if "AIAST" in json.dumps(one.get("meta", "")) and one is not report]
    assert figures
    for figure in figures:
        assert COMMENT in figure["note"][0]["text"]


def test_fhir_of_an_agreement_begins_with_the_result_and_in_french_writes_commas() -> None:
    study = outputs.answered("haemorrhage")
    outputs.sign(study)
    found = resources(study, "fr")
    [report] = [one for one in found if one["resourceType"] == "DiagnosticReport"]
    assert report["conclusion"].startswith(study.prediction.report["headline"]["fr"])
    assert "Le signataire est d’accord avec ce résultat." in report["conclusion"]
    [risk] = [one for one in found if one["resourceType"] == "RiskAssessment"]
    assert re.fullmatch(r"Intervalle à 95 % : \d+,\d–\d+,\d %", risk["note"][0]["text"])


def test_csv_has_verdict_reason_and_comment(disputed: Study) -> None:
    text = outputs.written(disputed, "csv").decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    if disputed.algorithm != "haemorrhage":
        assert {(row["verdict"], row["reason"]) for row in rows} == {("disagree", "poor_input")}
        assert rows[0]["comment"] == COMMENT
        return
    found = {row["code"]: row["value"] for row in rows}
    said = [found[f"about.{name}"] for name in ("verdict", "reason", "comment")]
    assert said == ["disagree", "poor_input", COMMENT]


@pytest.mark.poppler
def test_the_pdf_says_it_above_the_figure_and_on_every_page(disputed: Study) -> None:
    pdf = outputs.written(disputed, "pdf")
    answer = subprocess.run(("pdftotext", "-", "-"), input=pdf, capture_output=True, check=True)
    pages = [re.sub(r"\s+", " ", page) for page in answer.stdout.decode().split("\f") if page.strip()]
    assert all("signed: disagrees – poor input" in page for page in pages)
    sentence = f"The signer disagrees with this result: poor input. Comment: {COMMENT}"
    assert sentence in pages[0]
    first = " Recorded " if disputed.algorithm == "sleep" else " Result "
    assert pages[0].index(sentence) < pages[0].index(first)


def test_the_page_and_the_timeline_say_it(client: Client, disputed: Study) -> None:
    client.force_login(disputed.submitted_by)
    page = client.get(reverse("study", args=[disputed.pk])).content.decode()
    sentence = f"The signer disagrees with this result: poor input. Comment: {COMMENT}"
    assert sentence in page
    assert page.index(sentence) < page.index("study-columns")
    patient = client.get(reverse("patient", args=[disputed.patient_id])).content.decode()
    assert "signed: disagrees – poor input" in patient


def test_an_agreement_needs_no_warning(client: Client) -> None:
    study = outputs.answered("haemorrhage")
    outputs.sign(study)
    client.force_login(study.submitted_by)
    assert "The signer" not in client.get(reverse("study", args=[study.pk])).content.decode()
    assert "signed: " not in client.get(reverse("patient", args=[study.patient_id])).content.decode()
