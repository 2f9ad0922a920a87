"""The one door by which details of events go: the payload is deleted, the chain verifies as before.

What stays is who did what to which record and when. The event that records the redaction commits to the ids
of the payloads it took; ``verify_audit`` counts them and finds one taken otherwise.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from clinic.audit.models import Action, Event, Payload, Redaction
from clinic.audit.recording import record

KIND = "payload"
"""In the audit, what such an event concerns."""
CHUNK = 1000


def redact(
    patient: UUID | None = None,
    study: UUID | None = None,
    *,
    actor: Any = None,
    why: str,
    mentions: Collection[str] = (),
) -> int:
    """Delete the details of every event about a record; the events stay.

    Parameters
    ----------
    patient, study
        The record; with both, events about either.
    actor
        Who does it; ``None`` for a command.
    why
        Kept with the event that records it, for good: no patient data.
    mentions
        Names and numbers of the patient, ids of what is gone: the details of a search are erased
        where it named one or found one.

    Returns
    -------
    int
        How many payloads were deleted.

    Raises
    ------
    ValueError
        When neither patient nor study is given.
    """
    if patient is None and study is None:
        raise ValueError("say whose details are redacted: a patient, a study, or both")
    concerned = Q()
    if patient is not None:
        concerned |= Q(patient=patient)
    if study is not None:
        concerned |= Q(study=study)
    with transaction.atomic():
        events = list(redactable(Event.objects.filter(concerned)).values_list("pk", flat=True))
        events += _mentioning(mentions, but=set(events))
        return _take(sorted(events), actor=actor, why=why, patient=patient, study=study)


def redact_events(events: Iterable[int], *, actor: Any = None, why: str) -> int:
    """Delete the details of these events, as :func:`redact` does; return how many there were."""
    with transaction.atomic():
        wanted = redactable(Event.objects.filter(pk__in=list(events)))
        return _take(sorted(wanted.values_list("pk", flat=True)), actor=actor, why=why)


def digest(events: Iterable[int]) -> str:
    """Return the commitment to a set of events: SHA-256 over their ids in rising order, one a line."""
    running = hashlib.sha256()
    for event in events:
        running.update(f"{event}\n".encode())
    return running.hexdigest()


def redactable(events: QuerySet[Event]) -> QuerySet[Event]:
    """Leave out what has no details, and what records earlier redactions: their marks rest on it."""
    return events.filter(payload__isnull=False).exclude(action=Action.ERASE, kind=KIND)


def _mentioning(words: Collection[str], but: set[int]) -> list[int]:
    """Return searches in whose terms or findings one of ``words`` is, in capitals or not."""
    wanted = [word.casefold() for word in words if word.strip()]
    if not wanted:
        return []
    searches = Payload.objects.filter(event__action=Action.SEARCH).values_list("event_id", "content")
    return [
        event
        for event, content in searches.iterator(CHUNK)
        if event not in but
        and any(word in json.dumps(json.loads(content), ensure_ascii=False).casefold() for word in wanted)
    ]


def _take(events: list[int], *, actor: Any, why: str, **about: UUID | None) -> int:
    if not events:
        return 0
    detail = {"payloads": len(events), "sha256": digest(events), "why": why}
    by = record(Action.ERASE, actor=actor, kind=KIND, detail=detail, **about)
    for start in range(0, len(events), CHUNK):
        some = events[start : start + CHUNK]
        Redaction.objects.bulk_create([Redaction(event_id=event, by=by) for event in some])
        Payload.objects.filter(event__in=some).delete()
    return len(events)
