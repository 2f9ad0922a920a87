"""What every PDF report says: whose it is, whether signed, warnings, quality, review, what it is based on."""

from __future__ import annotations

from typing import Any

from ml.contracts import Problem
from patients.validators import completed_years
from predictions import verdicts
from predictions.outputs import wording
from predictions.outputs.facts import Facts
from predictions.outputs.pdf_words import WORDS
from predictions.outputs.typeset import softened


def common(facts: Facts) -> dict[str, Any]:
    """Return what ``house.typ`` shows, every text already in the language of the document."""
    report = facts.prediction.report
    return {
        "language": facts.language,
        "words": {key: facts.say(text) for key, text in WORDS.items()},
        "title": facts.say(facts.contract.title),
        "state": wording.state(facts),
        "short_state": wording.state(facts, short=True),
        "signed": facts.signature is not None,
        "dissent": _dissent(facts),
        "patient": _patient(facts),
        "headline": facts.say(report["headline"]),
        "warnings": [facts.say(problem.message) for problem in _warnings(facts)],
        "quality": [_finding(facts, finding) for finding in facts.prediction.quality],
        "review": _review(facts),
        "limits": [facts.say(limit) for limit in report.get("limits", ())],
        "origin": _origin(facts),
        "notice": facts.say(wording.RESEARCH_USE),
    }


def _patient(facts: Facts) -> dict[str, Any]:
    patient = facts.patient
    age = completed_years(patient.birth_date, facts.study.submitted_at.date())
    return {
        "name": str(patient),
        "short_name": wording.shortened(str(patient)),
        "sex": facts.say(wording.SEX[patient.sex]),
        "birth_date": wording.day(patient.birth_date, facts.language),
        "age": facts.say(wording.AGE.format(years=age)),
        "record_number": patient.record_number,
        "unit": facts.study.unit.name_fr if facts.language == "fr" else facts.study.unit.name_en,
        "invented": patient.invented,
    }


def _warnings(facts: Facts) -> list[Problem]:
    return [Problem.from_json(problem) for problem in facts.prediction.problems]


def _finding(facts: Facts, finding: dict[str, Any]) -> dict[str, Any]:
    value = wording.number(finding.get("value", ""), facts.language)
    measured = f"{value} {finding.get('unit', '')}".strip()
    said = facts.say(finding["label"])
    return {
        "text": wording.labelled(said, measured, facts.language) if measured else said,
        "attention": bool(finding.get("attention")),
    }


def _dissent(facts: Facts) -> dict[str, str] | None:
    """Return what stands beside a signed figure that its signer does not share; nothing otherwise."""
    if facts.signature is None or verdicts.agrees(facts.signature.review):
        return None
    review = facts.signature.review
    return {
        "sentence": verdicts.sentence(review, facts.language),
        "brief": verdicts.brief(review, facts.language),
    }


def _review(facts: Facts) -> dict[str, str] | None:
    """Return the signer's verdict in words; nothing for a draft."""
    if facts.signature is None:
        return None
    review = facts.signature.review
    return {
        "verdict": verdicts.label(review, facts.language),
        "reason": verdicts.reason_label(review, facts.language),
        "comment": softened(review.comment),
        "amendment": softened(facts.signature.amendment_reason),
    }


def _origin(facts: Facts) -> list[list[str]]:
    """Return what the result rests on: study, file, package with its hash, times, signed content."""
    study, prediction = facts.study, facts.prediction
    file = getattr(study, "file", None)
    signed = facts.signature.content_sha256 if facts.signature else ""
    rows = [
        ("study", str(study.pk)),
        ("submitted", f"{wording.moment(study.submitted_at, facts.language)}, {study.submitted_by.label}"),
        ("analysed", wording.moment(prediction.created_at, facts.language)),
        ("file_sha256", file.sha256 if file else ""),
        ("package", facts.package_name),
        ("package_sha256", prediction.package_sha256),
        ("content_sha256", signed),
        ("written", wording.moment(facts.written_at, facts.language)),
    ]
    return [[facts.say(WORDS[key]), value] for key, value in rows if value]
