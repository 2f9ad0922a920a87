"""One chain over committed events, written by one sealer at a time, never by a request.

The chain's order is the order of sealing: a transaction that commits late with a lower id gets a later
position. Only one sealer works at a time: SQLite lets one transaction write, PostgreSQL lends one
advisory lock; and a position can be taken only once, so that two chains could not be stored anyway.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import connection, transaction
from django.db.models import Max
from django.utils import timezone

from clinic.audit.models import Event, Head, Seal, Waiting
from clinic.audit.standing import standing

GENESIS = "0" * 64
BATCH = 500
_ADVISORY_LOCK = 0x5649_4749_45


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def link_hash(event: Event, *, position: int, previous: str, sealed_at: datetime) -> str:
    """Return the hash of one link of the chain.

    SHA-256 over canonical JSON of every column of the event (its payload through its own salted hash), the
    position, the time of sealing and the previous link.
    """
    columns = {
        "id": event.pk,
        "at": _instant(event.at),
        "action": event.action,
        "actor": event.actor_id,
        "actor_label": event.actor_label,
        "role": event.role,
        "patient": str(event.patient or ""),
        "study": str(event.study or ""),
        "kind": event.kind,
        "object_id": event.object_id,
        "address": event.address,
        "request": event.request,
        "payload_hash": event.payload_hash,
        "position": position,
        "previous": previous,
        "sealed_at": _instant(sealed_at),
    }
    # Only where there is one: the links made before these columns were there keep their hashes.
    if event.emergency:
        columns["emergency"] = str(event.emergency)
    if event.token:
        columns["token"] = event.token
    return hashlib.sha256(json.dumps(columns, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _alone() -> bool:
    """Return whether this transaction may seal; on SQLite it has the write lock since it began."""
    if connection.vendor != "postgresql":
        return True
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_ADVISORY_LOCK])
        return cursor.fetchone()[0]


def _continue_chain(events: Iterable[Event], *, after: Seal | None) -> list[Seal]:
    first, previous = (after.position + 1, after.hash) if after else (1, GENESIS)
    sealed_at = timezone.now()
    links = []
    for position, event in enumerate(events, first):
        link = link_hash(event, position=position, previous=previous, sealed_at=sealed_at)
        links.append(Seal(position=position, event=event, previous=previous, hash=link, sealed_at=sealed_at))
        previous = link
    return links


def seal_batch(limit: int = BATCH) -> int:
    """Chain up to ``limit`` committed events.

    Returns
    -------
    int
        How many were sealed; 0 also when another sealer is at work.
    """
    if not Waiting.objects.exists():
        return 0
    with transaction.atomic():
        if not _alone():
            return 0
        events = list(Event.objects.filter(waiting__isnull=False).order_by("pk")[:limit])
        links = _continue_chain(events, after=Seal.objects.order_by("-position").first())
        Seal.objects.bulk_create(links)
        if links:
            end = {"position": links[-1].position, "event": links[-1].event_id, "hash": links[-1].hash}
            Head.objects.update_or_create(pk=1, defaults=end)
        Waiting.objects.filter(pk__in=[event.pk for event in events]).delete()
    return len(links)


def seal_all() -> int:
    """Chain everything that waits; return how many events that were."""
    total = 0
    while sealed := seal_batch():
        total += sealed
    return total


@dataclass(frozen=True, slots=True)
class ChainState:
    """The line on the audit page.

    Parameters
    ----------
    waiting_since
        When the oldest unsealed event happened; ``None`` when none waits.
    verified_at, finding, part_at, part_since
        As in :class:`clinic.audit.standing.Standing`.
    """

    sealed: int
    waiting: int
    waiting_since: datetime | None
    verified_at: datetime | None
    finding: str
    part_at: datetime | None
    part_since: int | None

    @property
    def late(self) -> bool:
        """Whether an event has been waiting for more than a minute, so that no sealer seems to run."""
        return self.waiting_since is not None and (timezone.now() - self.waiting_since).total_seconds() > 60


def chain_state() -> ChainState:
    """Return how far the chain reaches and when it was last verified."""
    oldest = Event.objects.filter(waiting__isnull=False).order_by("at").values_list("at", flat=True).first()
    verified = standing()
    return ChainState(
        sealed=Seal.objects.aggregate(Max("position"))["position__max"] or 0,
        waiting=Waiting.objects.count(),
        waiting_since=oldest,
        verified_at=verified.verified_at,
        finding=verified.finding,
        part_at=verified.part_at,
        part_since=verified.part_since,
    )
