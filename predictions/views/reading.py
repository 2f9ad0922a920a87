"""What the page of a study shows of a reader's own words: first impression, and report as it is typed."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.translation import get_language

from clinic.accounts.models import User
from ml.contracts import Field
from predictions import first_read, reading, selectors
from predictions.models import Confidence, Impression, ReadingReport, Study
from predictions.states import State

PREFIX = "reading-"
ALL = "all"
LONGEST_NUMBER = 9

Sent = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the report as it is written.

    Parameters
    ----------
    name
        Of its field in the page.
    normal
        What to write where nothing was found; empty where that is not offered.
    """

    field: Field
    name: str
    value: str
    normal: str


def context(user: User, found: Study, sent: Sent | None = None) -> dict[str, Any]:
    """Return what the page shows of first impression and report.

    Parameters
    ----------
    sent
        What was typed and could not be kept.
    """
    blind_first = found.contract.blind_first
    read = first_read.of(user, found) if blind_first else None
    signature = found.signatures.select_related("reading", "first_read").last()
    shown = {
        "first_read": read,
        "first_read_agrees": first_read.agrees(read) if read else None,
        "may_read_first": first_read.needed(user, found) and selectors.may_review(user, found),
        "impressions": Impression.choices,
        "confidences": Confidence.choices,
        "chosen": {name: sent.get(name, "") for name in ("impression", "confidence")} if sent else {},
        "answer_template": f"predictions/results/{found.algorithm}_answer.html" if blind_first else "",
        "signed_report": reading.of(signature) if signature and found.state == State.SIGNED else [],
    }
    writes = found.contract.reading and found.state == State.READY and selectors.may_review(user, found)
    return shown | (_writing(user, found, sent) if writes else {})


def save(user: User, found: Study, sent: Sent) -> ReadingReport | None:
    """Keep the report that was sent: filled as normal, or taken over from a colleague, where that is asked.

    Before the text of a colleague takes its place, the own one is kept as a version.

    Raises
    ------
    ml.contracts.Refused
        As :func:`predictions.reading.save` does.
    """
    values, language = typed(found, sent), _language(sent)
    if fill := sent.get("fill", ""):
        values |= _filled(user, found, values, language, fill)
    kept = reading.save(user=user, study=found, values=values, language=language, seen=_seen(sent))
    if taken := _taken(user, found, sent.get("take", "")):
        return reading.save(user=user, study=found, values=taken.fields, language=taken.language)
    return kept


def keep(user: User, found: Study, sent: Sent) -> None:
    """Keep the report that came with a verdict, a signature or a first impression: what is on the screen."""
    if found.contract.reading and _reported(sent):
        reading.save(user=user, study=found, values=typed(found, sent), language=_language(sent))


def typed(found: Study, sent: Sent) -> dict[str, str]:
    """Return the text of every part as it was sent."""
    return {field.name: sent.get(PREFIX + field.name, "") for field in found.contract.reading}


def _reported(sent: Sent) -> bool:
    """Return whether a report came along at all; a program may send a verdict alone."""
    return any(name.startswith(PREFIX) for name in sent)


def _writing(user: User, found: Study, sent: Sent | None) -> dict[str, Any]:
    working = reading.working(user, found, (get_language() or "en")[:2])
    kept = sent if sent and _reported(sent) else None
    values = typed(found, kept) if kept else working.fields
    language = _language(kept) if kept else working.language
    blind = first_read.needed(user, found)
    before = reading.prior(user, found)
    others = reading.colleagues(user, found)
    return {
        "reading": working,
        "reading_language": language,
        # While reading blind a click must not stand for a look: nothing is filled as normal.
        "reading_parts": _parts(found, values, "" if blind else language, before),
        "reading_prior": {"day": reading.taken_on(before), "url": reverse("study", args=[before.pk])}
        if before
        else None,
        "reading_fill_all": not blind and reading.may_fill_all(user, found),
        "reading_colleagues": [(report, reading.parts(report)) for report in others],
        "reading_known": str(others[0].pk) if others else "",
    }


def _parts(found: Study, values: Mapping[str, str], language: str, before: Study | None) -> list[Part]:
    day = reading.taken_on(before) if before else None
    return [
        Part(
            field,
            PREFIX + field.name,
            values[field.name],
            reading.phrase(field, language, day) if language else "",
        )
        for field in found.contract.reading
    ]


def _filled(user: User, found: Study, values: Mapping[str, str], language: str, which: str) -> dict[str, str]:
    """Return the normal phrase of every empty part asked for; none to a blind reader."""
    if first_read.needed(user, found):
        return {}
    every = which == ALL and reading.may_fill_all(user, found)
    return {
        part.field.name: part.normal
        for part in _parts(found, values, language, reading.prior(user, found))
        if (every or part.field.name == which) and not part.value.strip()
    }


def _taken(user: User, found: Study, report_id: str) -> ReadingReport | None:
    try:
        return reading.colleague_text(user, found, uuid.UUID(report_id)) if report_id else None
    except ValueError:
        return None


def _language(sent: Sent) -> str:
    return sent.get("report_language", (get_language() or "en")[:2])


def _seen(sent: Sent) -> int | None:
    """Return which save the text was typed over; ``None`` for whoever knows of the other and keeps theirs."""
    number = sent.get("seen", "")
    if sent.get("over") or not number.isdecimal() or len(number) > LONGEST_NUMBER:
        return None
    return int(number)
