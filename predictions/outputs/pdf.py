"""The report as a tagged, accessible PDF (PDF/UA-1): an assessment or an X-ray; ``pdf_night`` has a night."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from predictions import outcomes
from predictions.models import ExplanationStatus
from predictions.outputs import night as nights
from predictions.outputs import pdf_night, radiograph, wording
from predictions.outputs.facts import Facts
from predictions.outputs.pdf_shared import common
from predictions.outputs.pdf_words import WORDS
from predictions.outputs.radiograph import Film, Map
from predictions.outputs.typeset import typeset
from predictions.workspaces.haemorrhage import course

RAMP_STOPS = 16
TEXT_WIDTH, COLUMN_GAP, TALLEST, LEAST_COLUMNS = 170, 4, 70, 2
"""Of the pictures on a page of A4, in mm; a single picture takes half of the width."""
PRINTED_PIXELS = 900
"""Longest side of a picture under a map: what a third of the width of a page can show."""


def render(facts: Facts) -> bytes:
    """Set the report of a result."""
    with tempfile.TemporaryDirectory(prefix="report-") as name:
        folder = Path(name)
        if nights.is_night(facts):
            template, data = "night.typ", pdf_night.content(facts, folder)
        else:
            films = [_film(facts, film, folder) for film in radiograph.films(facts)]
            template, data = "report.typ", content(facts, films)
        return typeset(template, data, folder, facts.written_at)


def content(facts: Facts, films: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what the template shows, every text already in the language of the document.

    Parameters
    ----------
    films
        The images of an X-ray, their pictures already beside the template; none for anything else.
    """
    sections = facts.prediction.report["sections"]
    return common(facts) | {
        "explanation": _explanation(facts),
        "icons": facts.result.get("per_100"),
        "films": films,
        "first_reads": _first_reads(facts),
        "reading": [[facts.say(label), written] for label, written in facts.reading],
        "sections": [
            _section(facts, section) for section in sections if section["rows"] or section["paragraphs"]
        ],
        "birth": _birth(facts),
    }


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
