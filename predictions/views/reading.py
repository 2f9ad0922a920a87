"""What the page of a study shows of a reader's own words: first impression, and report as it is typed."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.translation import get_language

from clinic.accounts.models import User
from ml.contracts import LANGUAGES, Field, Refused
from predictions import access, first_read, reading
from predictions.models import Confidence, Impression, ReadingReport, Study
from predictions.states import State

PREFIX = "reading-"
ALL = "all"
LONGEST_NUMBER = 9
CHOICE = "choice-"

Sent = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the report as it is written.

    Parameters
    ----------
    name
        Of its field in the page.
    normal
        What to write where nothing was found, by language; empty where that is not offered.
    other
        What another window saved in its place; ``None`` where nothing is to be decided.
    """

    field: Field
    name: str
    value: str
    normal: Mapping[str, str]
    other: str | None = None


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
        "first_read_agrees": first_read.agrees(read) if read and not first_read.silent(found) else None,
        "may_read_first": first_read.awaited(user, found),
        "impressions": Impression.choices,
        "confidences": Confidence.choices,
        "chosen": {name: sent.get(name, "") for name in ("impression", "confidence")} if sent else {},
        "answer_template": f"predictions/results/{found.algorithm}_answer.html"
        if blind_first and not first_read.silent(found)
        else "",
        "signed_report": reading.of(signature) if signature and not first_read.needed(user, found) else [],
    }
    writes = found.contract.reading and found.state == State.READY and access.may_review(user, found)
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
    values, seen = _decided(user, found, values, sent)
    kept = reading.save(user=user, study=found, values=values, language=language, seen=seen)
    if taken := _taken(user, found, sent.get("take", "")):
        return reading.save(user=user, study=found, values=taken.fields, language=taken.language)
    return kept


def keep(user: User, found: Study, sent: Sent) -> None:
    """Keep the report that came with a verdict, a signature or a first impression: what is on the screen.

    Raises
    ------
    ml.contracts.Refused
        As :func:`predictions.reading.save` does; also when the screen did not show the latest text.
    """
    if found.contract.reading and _reported(sent):
        values, seen = _decided(user, found, typed(found, sent), sent)
        reading.save(user=user, study=found, values=values, language=_language(sent), seen=seen)


def typed(found: Study, sent: Sent) -> dict[str, str]:
    """Return the text of every part as it was sent."""
    return {field.name: sent.get(PREFIX + field.name, "") for field in found.contract.reading}


def _reported(sent: Sent) -> bool:
    """Return whether a report came along at all; a program may send a verdict alone."""
    return any(name.startswith(PREFIX) for name in sent)


def _decided(user: User, found: Study, values: dict[str, str], sent: Sent) -> tuple[dict[str, str], int]:
    """Return the text to save and the save it stands upon: both windows' in one where that was decided."""
    if not _own(user, sent):
        raise Refused(reading.OTHER_PERSON)
    saved = reading.latest(user, found)
    if saved is None or _number(sent, "theirs") != saved.number:
        return values, _number(sent, "seen")
    choices = {field.name: sent.get(CHOICE + field.name, "") for field in found.contract.reading}
    both = reading.merged(saved, values, choices)
    return (values, _number(sent, "seen")) if both is None else (both, saved.number)


def _own(user: User, sent: Sent) -> bool:
    """Return whether ``user`` typed the report: another may have logged in since in the same browser."""
    return sent.get("writer", str(user.pk)) == str(user.pk)


def _writing(user: User, found: Study, sent: Sent | None) -> dict[str, Any]:
    working = reading.working(user, found, (get_language() or "en")[:2])
    kept = sent if sent and _reported(sent) and _own(user, sent) else None
    values = typed(found, kept) if kept else working.fields
    language = _language(kept) if kept else working.language
    seen = _number(kept, "seen") if kept else working.number
    saved = reading.other_window(user, found, values, seen)
    blind = first_read.needed(user, found)
    before = reading.prior(user, found)
    others = reading.colleagues(user, found)
    return {
        "reading": working,
        "reading_seen": seen if saved else working.number,
        "reading_theirs": saved,
        "reading_unsaved": kept is not None,
        "reading_language": language,
        # While reading blind a click must not stand for a look: nothing is filled as normal.
        "reading_parts": _parts(
            found, values, before, normal=not blind, other=reading.differing(saved, values) if saved else {}
        ),
        "reading_prior": {"day": reading.taken_on(before), "url": reverse("study", args=[before.pk])}
        if before
        else None,
        "reading_fill_all": not blind and reading.may_fill_all(user, found),
        "reading_colleagues": [(report, reading.parts(report)) for report in others],
        "reading_known": str(others[0].pk) if others else "",
    }


def _parts(
    found: Study, values: Mapping[str, str], before: Study | None, *, normal: bool, other: Mapping[str, str]
) -> list[Part]:
    day = reading.taken_on(before) if before else None
    return [
        Part(
            field,
            PREFIX + field.name,
            values[field.name],
            _phrases(field, day) if normal else {},
            other.get(field.name),
        )
        for field in found.contract.reading
    ]


def _phrases(field: Field, day: reading.Day | None) -> dict[str, str]:
    """Return what to write where nothing was found by language; nothing where the contract has no phrase."""
    phrases = {language: reading.phrase(field, language, day) for language in LANGUAGES}
    return phrases if any(phrases.values()) else {}


def _filled(user: User, found: Study, values: Mapping[str, str], language: str, which: str) -> dict[str, str]:
    """Return the normal phrase of every empty part asked for; none to a blind reader."""
    if first_read.needed(user, found):
        return {}
    every = which == ALL and reading.may_fill_all(user, found)
    return {
        part.field.name: part.normal.get(language, "")
        for part in _parts(found, values, reading.prior(user, found), normal=True, other={})
        if (every or part.field.name == which) and not part.value.strip()
    }


def _taken(user: User, found: Study, report_id: str) -> ReadingReport | None:
    try:
        return reading.colleague_text(user, found, uuid.UUID(report_id)) if report_id else None
    except ValueError:
        return None


def _language(sent: Sent) -> str:
    return sent.get("report_language", (get_language() or "en")[:2])


def _number(sent: Sent, name: str) -> int:
    """Return the number of a save that was sent along; 0, before the first, where it is none."""
    number = sent.get(name, "")
    return int(number) if number.isdecimal() and len(number) <= LONGEST_NUMBER else 0
