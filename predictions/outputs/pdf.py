"""The report as a tagged, accessible PDF (PDF/UA-1), set by typst from ``report.typ``.

Everything that varies goes to the template as JSON and pictures in a folder of its own: typst shows a string
as it is and never reads it as markup, and it can open no file outside that folder.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import typst

from ml.contracts import Problem
from patients.validators import completed_years
from predictions import outcomes, verdicts
from predictions.models import ExplanationStatus
from predictions.outputs import radiograph, wording
from predictions.outputs.facts import Facts
from predictions.outputs.pdf_words import WORDS
from predictions.outputs.radiograph import Film, Map
from predictions.workspaces.haemorrhage import course

TEMPLATE = Path(__file__).with_name("report.typ")
STANDARD = "ua-1"
HEADER_CHARACTERS = 45
RAMP_STOPS = 16
TEXT_WIDTH, COLUMN_GAP, TALLEST, LEAST_COLUMNS = 170, 4, 70, 2
"""Of the pictures on a page of A4, in mm; a single picture takes half of the width."""
PRINTED_PIXELS = 900
"""Longest side of a picture under a map: what a third of the width of a page can show."""


def render(facts: Facts) -> bytes:
    """Set the report of a result."""
    with tempfile.TemporaryDirectory(prefix="report-") as name:
        folder = Path(name)
        films = [_film(facts, film, folder) for film in radiograph.films(facts)]
        data = json.dumps(content(facts, films), ensure_ascii=False)
        (folder / "data.json").write_text(data, "utf-8")
        (folder / "report.typ").write_bytes(TEMPLATE.read_bytes())
        return typst.compile(
            folder / "report.typ",
            root=folder,
            format="pdf",
            pdf_standards=STANDARD,
            ignore_system_fonts=True,
            timestamp=int(facts.written_at.timestamp()),
        )


def content(facts: Facts, films: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what the template shows, every text already in the language of the document.

    Parameters
    ----------
    films
        The images of an X-ray, their pictures already beside the template; none for anything else.
    """
    report, result = facts.prediction.report, facts.result
    return {
        "language": facts.language,
        "words": {key: facts.say(text) for key, text in WORDS.items()},
        "title": facts.say(facts.contract.title),
        "state": wording.state(facts),
        "signed": facts.signature is not None,
        "dissent": _dissent(facts),
        "patient": _patient(facts),
        "headline": facts.say(report["headline"]),
        "warnings": [facts.say(problem.message) for problem in _warnings(facts)],
        "explanation": _explanation(facts),
        "icons": result.get("per_100"),
        "films": films,
        "first_reads": _first_reads(facts),
        "reading": [[facts.say(label), written] for label, written in facts.reading],
        "hypnogram": list(runs(result["stages"])) if "stages" in result else [],
        "epochs": len(result.get("stages", ())),
        "epoch_seconds": result.get("epoch_seconds", 0),
        "start": _start(facts),
        "sections": [
            _section(facts, section)
            for section in report["sections"]
            if section["rows"] or section["paragraphs"]
        ],
        "birth": _birth(facts),
        "quality": [_finding(facts, finding) for finding in facts.prediction.quality],
        "review": _review(facts),
        "limits": [facts.say(limit) for limit in report.get("limits", ())],
        "origin": _origin(facts),
        "notice": facts.say(wording.RESEARCH_USE),
    }


def runs(stages: list[str]) -> Iterator[list[Any]]:
    """Yield ``[stage, first epoch, number of epochs]`` for every stretch of one stage."""
    first = 0
    for stage, stretch in groupby(stages):
        count = sum(1 for _ in stretch)
        yield [stage, first, count]
        first += count


def shortened(name: str) -> str:
    """Return a name that fits into one line of the header of a page; the banner has it in full."""
    return name if len(name) <= HEADER_CHARACTERS else f"{name[: HEADER_CHARACTERS - 1]}…"


def _start(facts: Facts) -> str:
    """Return when a recording began by its own clock, which carries no time zone."""
    said = facts.result.get("start")
    if not said:
        return ""
    start = datetime.fromisoformat(said)
    return f"{wording.day(start.date(), facts.language)} {start:%H:%M}"


def _film(facts: Facts, film: Film, folder: Path) -> dict[str, Any]:
    """Write the pictures of one image into the folder and return what stands around them."""
    laid = (None, *film.maps) if film.picture else ()
    return {
        "title": wording.film(facts, film),
        "pictures": [_picture(facts, film, found, folder) for found in laid],
        "height": _height(film),
        "reasons": [facts.say(reason["message"]) for reason in film.reasons],
        "missing": [facts.say(reason) for reason in film.missing],
    }


def _height(film: Film) -> float:
    """Return the height in mm of pictures that share the width of the page."""
    columns = max(LEAST_COLUMNS, 1 + len(film.maps))
    width = (TEXT_WIDTH - (columns - 1) * COLUMN_GAP) / columns
    return min(TALLEST, width * film.picture.height / film.picture.width) if film.picture else 0


def _picture(facts: Facts, film: Film, found: Map | None, folder: Path) -> dict[str, Any]:
    name = f"image_{film.number}_{found.method if found else 'plain'}.png"
    picture = radiograph.over(film.picture, found) if found else film.picture
    if found:
        picture.thumbnail((PRINTED_PIXELS, PRINTED_PIXELS))
    picture.save(folder / name)
    plain = WORDS["image_read" if facts.first_reads else "image"]
    alt, label = ("heat_map_alt", found.label) if found else ("image_alt", plain)
    return {
        "name": name,
        "caption": facts.say(label),
        "alt": f"{facts.say(film.name)}. {facts.say(WORDS[alt])}",
        "ramp": found.ramp[:: max(1, len(found.ramp) // RAMP_STOPS)] if found else [],
        "ceiling": wording.ceiling(facts, found) if found else "",
    }


def _first_reads(facts: Facts) -> list[list[str]]:
    """Return what each reader said before the answer, and when."""
    rows = []
    for read in facts.first_reads:
        sure = str(read.get_confidence_display()).lower()
        confidence = wording.labelled(facts.say(WORDS["confidence"]), sure, facts.language)
        said = f"{read.get_impression_display()} ({confidence})"
        rows.append([f"{read.reader.label}, {wording.moment(read.at, facts.language)}", said])
    return rows


def _patient(facts: Facts) -> dict[str, Any]:
    patient = facts.patient
    age = completed_years(patient.birth_date, facts.study.submitted_at.date())
    return {
        "name": str(patient),
        "short_name": shortened(str(patient)),
        "sex": facts.say(wording.SEX[patient.sex]),
        "birth_date": wording.day(patient.birth_date, facts.language),
        "age": facts.say(wording.AGE.format(years=age)),
        "record_number": patient.record_number,
        "unit": facts.study.unit.name_fr if facts.language == "fr" else facts.study.unit.name_en,
        "invented": patient.invented,
    }


def _warnings(facts: Facts) -> list[Problem]:
    return [Problem.from_json(problem) for problem in facts.prediction.problems]


def _explanation(facts: Facts) -> str:
    explanation = facts.explanation
    if explanation is None or explanation.status != ExplanationStatus.OK:
        return facts.say(WORDS["no_explanation"])
    zones = _zones(facts)
    if not zones:
        return facts.say(explanation.sentence)
    return "\n".join([*zones, facts.say(explanation.data.get("caveat"))]).strip()


def _zones(facts: Facts) -> list[str]:
    """Say of every map which it is and where it is strongest; nothing where there are no maps."""
    films = radiograph.films(facts)
    said = [(film, line) for film in films for line in wording.zones(facts, film)]
    several = len({film.number for film, _line in said}) > 1
    return [f"{facts.say(film.name)}, {line}" if several else line for film, line in said]


def _section(facts: Facts, section: dict[str, Any]) -> dict[str, Any]:
    return {
        "title": facts.say(section["title"]),
        "rows": [
            [facts.say(row["label"]), f"{facts.say(row['value'])} {row.get('unit', '')}".strip()]
            for row in section["rows"]
        ],
        "paragraphs": [facts.say(paragraph) for paragraph in section["paragraphs"]],
    }


def _finding(facts: Facts, finding: dict[str, Any]) -> dict[str, Any]:
    value = wording.number(finding.get("value", ""), facts.language)
    measured = f"{value} {finding.get('unit', '')}".strip()
    said = facts.say(finding["label"])
    return {
        "text": wording.labelled(said, measured, facts.language) if measured else said,
        "attention": bool(finding.get("attention")),
    }


def _birth(facts: Facts) -> list[list[str]]:
    """Return the assessments of the birth in their order and its outcome; nothing for a lone assessment."""
    if facts.study.algorithm != outcomes.ALGORITHM:
        return []
    rows = [_assessment(facts, one) for one in course.of(facts.study)]
    if facts.outcome:
        lost = facts.say(WORDS["severe" if facts.outcome.severe else "not_severe"])
        method = facts.outcome.get_method_display()
        said = f"{facts.outcome.millilitres} mL ({method}), {lost}"
        rows.append([wording.moment(facts.outcome.measured_at, facts.language), said])
    return rows if len(rows) > 1 else []


def _assessment(facts: Facts, one: course.Assessment) -> list[str]:
    """Return one line of the course: when, whether this report is of it, its figure, and what changed."""
    at = wording.moment(one.study.submitted_at, facts.language)
    said = facts.say(one.prediction.report["headline"])
    if one.changes:
        separator = " : " if facts.language == "fr" else ": "
        said += f". {facts.say(WORDS['changed'])}{separator}{'; '.join(one.changes)}"
    return [f"{at} – {facts.say(WORDS['this_report'])}" if one.current else at, said]


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
        "verdict": str(review.get_verdict_display()),
        "reason": str(review.get_reason_display()) if review.reason else "",
        "comment": review.comment,
        "amendment": facts.signature.amendment_reason,
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
