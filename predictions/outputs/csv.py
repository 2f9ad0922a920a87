"""Figures as CSV: UTF-8 with a byte order mark, commas between cells, a decimal point in both languages.

A cell that a spreadsheet would take for a formula is preceded by an apostrophe. A night is one row per
epoch, an X-ray one row per image; any other result is one row per figure, its ``code`` the path in the
stored result.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from predictions.outputs import csv_labels, radiograph, wording
from predictions.outputs.facts import Facts
from predictions.outputs.radiograph import Film

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
STAGES = ("W", "N1", "N2", "N3", "R")
EPOCH_HEADER = (
    "onset_s", "duration_s", "stage", *(f"p_{stage}" for stage in STAGES), "to_check",
    "verdict", "reason", "comment", "status",
)  # fmt: skip
IMAGE_LAYOUT = "chest_xray-2"
"""Says which columns follow, in every row; one figure per row, without it, was the first layout."""
FIGURE_HEADER = ("code", "label", "value")


def render(facts: Facts) -> bytes:
    """Write the figures of a result."""
    rows = _rows(facts)
    text = io.StringIO(newline="")
    csv.writer(text).writerows([neutral(cell) for cell in row] for row in rows)
    return text.getvalue().encode("utf-8-sig")


def _rows(facts: Facts) -> Iterator[Sequence[Any]]:
    if "stages" in facts.result:
        return _epochs(facts)
    films = radiograph.films(facts)
    return _images(facts, films) if films else _figures(facts)


def neutral(value: Any) -> Any:
    """Return a cell that no spreadsheet will run: text that begins like a formula gets an apostrophe.

    Numbers stay numbers, also negative ones.
    """
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value


def _images(facts: Facts, films: Sequence[Film]) -> Iterator[Sequence[Any]]:
    """Yield what was answered for each image, with what was said of the study as a whole.

    The names of the columns are in the language of the document; programs go by layout and position.
    """
    result, opinion = facts.result, _opinion(facts)
    read = facts.first_reads[0] if len(facts.first_reads) == 1 else None
    yield [facts.say(name) for name in csv_labels.IMAGE_COLUMNS]
    for film in films:
        answer = (film.probability, film.label, result["threshold"], result.get("prevalence", ""))
        yield (
            IMAGE_LAYOUT, film.number + 1, film.role, film.view, int(film.scored),
            *(answer if film.scored else ("",) * len(answer)),
            " ".join(reason["code"] for reason in film.reasons),
            read.impression if read else "", read.confidence if read else "",
            opinion["verdict"], opinion["reason"], opinion["comment"], facts.impression, _version(facts),
            str(facts.study.pk), facts.package_name, facts.prediction.package_sha256,
            facts.say(wording.RESEARCH_USE),
        )  # fmt: skip


def _version(facts: Facts) -> str:
    """Return whether it is signed, and which version."""
    return facts.status if facts.signature is None else f"{facts.status} v{facts.signature.version}"


def _epochs(facts: Facts) -> Iterator[Sequence[Any]]:
    result = facts.result
    seconds, check = result["epoch_seconds"], set(result["uncertain"])
    status = _version(facts) + (" simulated" if result.get("simulated") else "")
    opinion = _opinion(facts)
    yield EPOCH_HEADER
    pairs = zip(result["stages"], result["probabilities"], strict=True)
    for index, (stage, probabilities) in enumerate(pairs):
        # A comment is as long as its writer likes: once is enough, where a reader begins.
        said = (opinion["verdict"], opinion["reason"], "" if index else opinion["comment"])
        yield (index * seconds, seconds, stage, *probabilities, int(index in check), *said, status)


def _opinion(facts: Facts) -> Mapping[str, str]:
    """Return what the signer thinks of the result, verdict and reason as codes; blank for a draft."""
    review = facts.signature.review if facts.signature else None
    return {name: getattr(review, name, "") for name in ("verdict", "reason", "comment")}


def _figures(facts: Facts) -> Iterator[Sequence[Any]]:
    yield FIGURE_HEADER
    about = {
        "headline": facts.say(facts.prediction.report["headline"]),
        "status": facts.status,
        "version": facts.signature.version if facts.signature else "",
        **_opinion(facts),
        "study": str(facts.study.pk),
        "package": facts.package_name,
        "package_sha256": facts.prediction.package_sha256,
        "notice": facts.say(wording.RESEARCH_USE),
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
