"""Walking the chain from its first link and naming the first row that is not as it was sealed.

What this cannot see alone: a chain recomputed from some row to its end together with its head, or cut off at
the end with the head moved back, by somebody who may alter tables. For that the heads have to be kept outside
the database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from django.core.exceptions import ObjectDoesNotExist
from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from clinic.audit.guards import GUARDS
from clinic.audit.models import Event, Head, Seal, Verification
from clinic.audit.recording import payload_hash
from clinic.audit.seal import GENESIS, link_hash

CHUNK = 2000
GRACE = timedelta(minutes=1)

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a walk over the chain found.

    Parameters
    ----------
    seals
        How many links were right before the first finding.
    finding
        The first bad row and what is wrong with it; empty when all is well.
    warnings
        What is not a broken chain but has to be looked at.
    """

    seals: int
    finding: str
    warnings: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing at all was found."""
        return not (self.finding or self.warnings)


def _gap(position: int) -> str:
    seal = Seal.objects.filter(position=position).first()
    if seal is None:
        return f"seal {position} is missing: it was deleted"
    return f"event {seal.event_id} (seal {position}) is missing: it was deleted"


def _payload_fault(event: Event) -> str:
    try:
        payload = event.payload
    except ObjectDoesNotExist:
        return f"the payload of event {event.pk} was deleted" if event.payload_hash else ""
    if not event.payload_hash:
        return f"payload {payload.pk} was inserted: event {event.pk} was sealed without one"
    if payload_hash(payload.salt, payload.content) != event.payload_hash:
        return f"payload {payload.pk} of event {event.pk} was edited"
    return ""


def _fault(seal: Seal, *, position: int, previous: str) -> str:
    """Return what is wrong with ``seal``, which should stand at ``position`` after ``previous``."""
    if seal.position != position:
        return _gap(position)
    event = seal.event
    where = f"event {event.pk} (seal {position})"
    if seal.previous != previous:
        return f"{where} does not follow the one before it: rows were inserted, deleted or reordered here"
    if seal.hash != link_hash(event, position=position, previous=previous, sealed_at=seal.sealed_at):
        return f"{where} is not what was sealed: it was edited, or exchanged with another"
    return _payload_fault(event)


def _links() -> Iterator[Seal]:
    """Yield every seal with its event and payload, in chunks, so that no long transaction stops writers."""
    seals = Seal.objects.select_related("event", "event__payload").order_by("position")
    position = 0
    while chunk := list(seals.filter(position__gt=position)[:CHUNK]):
        yield from chunk
        position = chunk[-1].position


def _walk(progress: Progress) -> tuple[int, str]:
    """Return how many links were right, and the first that is not."""
    previous, position = GENESIS, 0
    for seal in _links():
        if fault := _fault(seal, position=position + 1, previous=previous):
            return position, fault
        previous, position = seal.hash, position + 1
        if position % CHUNK == 0:
            progress(position)
    return position, ""


def _cut_off(head: Head | None, seals: int) -> str:
    """Return what is missing at the end of a chain that reached ``head`` before it was walked."""
    if head is None:
        return "the head of the chain was deleted" if seals else ""
    if seals < head.position:
        cut = "" if seals + 1 == head.position else f", the end of a piece that begins with seal {seals + 1},"
        return f"event {head.event} (seal {head.position}){cut} is missing: it was deleted"
    if not Seal.objects.filter(position=head.position, hash=head.hash).exists():
        return f"seal {head.position} is not the one the chain ended with: the chain was recomputed"
    return ""


def unsealed() -> QuerySet[Event]:
    """Return events no seal covers although they are older than a minute."""
    return Event.objects.filter(seal__isnull=True, at__lt=timezone.now() - GRACE).order_by("pk")


def _warnings() -> tuple[str, ...]:
    found = []
    late = unsealed()
    if first := late.first():
        found.append(
            f"{late.count()} events older than a minute are not sealed, the first is event {first.pk}: "
            "no sealer runs (manage.py seal_audit --follow), or rows were inserted or unsealed by hand"
        )
    if absent := GUARDS.missing(connection):
        found.append(f"triggers are missing: {', '.join(sorted(absent))} (manage.py migrate restores them)")
    return tuple(found)


def verify(progress: Progress = lambda done: None) -> Outcome:
    """Walk the whole chain and keep the outcome for the audit page.

    Parameters
    ----------
    progress
        Called with the number of links checked, every :data:`CHUNK`.
    """
    head = Head.objects.first()
    seals, finding = _walk(progress)
    # A last link whose event is gone is passed over by the join of the walk.
    if not finding and Seal.objects.filter(position__gt=seals).exists():
        finding = _gap(seals + 1)
    finding = finding or _cut_off(head, seals)
    outcome = Outcome(seals=seals, finding=finding, warnings=_warnings())
    Verification.objects.create(
        at=timezone.now(), seals=seals, finding="; ".join(filter(None, (finding, *outcome.warnings)))
    )
    return outcome
