"""Figures as CSV: UTF-8 with a byte order mark, commas between cells, a decimal point in both languages.

A cell that a spreadsheet would take for a formula is preceded by an apostrophe. A night is one row per
epoch, an X-ray one row per image; any other result is one row per figure, its ``code`` the path in the
stored result.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from predictions.outputs import csv_labels, csv_night, radiograph, wording
from predictions.outputs import night as nights
from predictions.outputs.csv_cells import opinion, version, written
from predictions.outputs.facts import Facts
from predictions.outputs.radiograph import Film

IMAGE_LAYOUT = "chest_xray-2"
"""Says which columns follow, in every row; one figure per row, without it, was the first layout."""
FIGURE_HEADER = ("code", "label", "value")


def render(facts: Facts) -> bytes:
    """Write the figures of a result."""
    return written(_rows(facts))


def _rows(facts: Facts) -> Iterator[Sequence[Any]]:
    if nights.is_night(facts):
        return csv_night.epochs(facts)
    films = radiograph.films(facts)
    return _images(facts, films) if films else _figures(facts)


def _images(facts: Facts, films: Sequence[Film]) -> Iterator[Sequence[Any]]:
    """Yield what was answered for each image, with what was said of the study as a whole.

    The names of the columns are in the language of the document; programs go by layout and position.
    """
    result, given = facts.result, opinion(facts)
    read = facts.first_reads[0] if len(facts.first_reads) == 1 else None
    yield [facts.say(name) for name in csv_labels.IMAGE_COLUMNS]
    for film in films:
        answer = (film.probability, film.label, result["threshold"], result.get("prevalence", ""))
        yield (
            IMAGE_LAYOUT, film.number + 1, film.role, film.view, int(film.scored),
            *(answer if film.scored else ("",) * len(answer)),
            " ".join(reason["code"] for reason in film.reasons),
            read.impression if read else "", read.confidence if read else "",
            given["verdict"], given["reason"], given["comment"], facts.impression, version(facts),
            str(facts.study.pk), facts.package_name, facts.prediction.package_sha256,
            wording.notice(facts),
        )  # fmt: skip


def _figures(facts: Facts) -> Iterator[Sequence[Any]]:
    yield FIGURE_HEADER
    about = {
        "headline": facts.say(facts.prediction.report["headline"]),
        "status": facts.status,
        "version": facts.signature.version if facts.signature else "",
        **opinion(facts),
        "study": str(facts.study.pk),
        "package": facts.package_name,
        "package_sha256": facts.prediction.package_sha256,
        "notice": wording.notice(facts),
    }
    for code, value in _leaves({"about": about, "outcome": _outcome(facts), **facts.result}):
        yield (code, facts.say(csv_labels.label(code)), value)


def _outcome(facts: Facts) -> Mapping[str, Any]:
    """Return what was measured after the birth; nothing before it is recorded."""
    loss = facts.outcome
    if loss is None:
        return {}
    return {
        "blood_loss_ml": loss.millilitres,
        "method": loss.method,
        "measured_at": loss.measured_at.isoformat(),
    }


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every number and text of a result with its path; texts in two languages stay out."""
    if isinstance(value, Mapping):
        children = [] if set(value) == {"en", "fr"} else value.items()
    elif isinstance(value, list):
        children = enumerate(value)
    else:
        yield path, "" if value is None else value
        return
    for key, child in children:
        yield from _leaves(child, f"{path}.{key}" if path else str(key))
