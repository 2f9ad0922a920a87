"""Walking the chain from its first link and naming the first row that is not as it was sealed.

The chain alone cannot show that it was recomputed from some row to its end together with its head, or cut off
with the head moved back, by somebody who may alter tables. The anchors can: they are read beside the walk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from django.contrib.auth import get_user_model
from django.core.exceptions import ObjectDoesNotExist
from django.db import connection
from django.db.models import Max, QuerySet
from django.utils import timezone

from clinic.audit import redaction
from clinic.audit.anchors import keys, sending, trails
from clinic.audit.anchors.keys import NoKey
from clinic.audit.anchors.trails import Trail
from clinic.audit.guards import GUARDS
from clinic.audit.models import Action, Event, Head, Payload, Redaction, Seal, Verification
from clinic.audit.recording import payload_hash
from clinic.audit.seal import GENESIS, link_hash

CHUNK = 2000
GRACE = timedelta(minutes=1)

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is not as it was sealed.

    Parameters
    ----------
    text
        In a sentence.
    seal, event
        The row it is about; ``None`` where it is about no single one.
    """

    text: str
    seal: int | None = None
    event: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a walk over the chain found.

    Parameters
    ----------
    seals
        Position of the last link that was right before the first fault.
    redacted
        Links whose payload was deleted in good order.
    anchors
        How many anchors were right, by where they are kept.
    faults
        The first bad row of the chain, then what is wrong with redactions and anchors.
    warnings
        What is not a broken chain but has to be looked at.
    """

    seals: int
    redacted: int
    anchors: dict[str, int]
    faults: tuple[Fault, ...]
    warnings: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing at all was found."""
        return not (self.faults or self.warnings)

    @property
    def finding(self) -> str:
        """The first fault in words; empty when there is none."""
        return self.faults[0].text if self.faults else ""


class BeyondTheEnd(ValueError):
    """A walk was to begin behind the end of the chain, where it would find nothing wrong."""

    def __init__(self, since: int, end: int) -> None:
        super().__init__(
            f"the chain ends with seal {end}: there is nothing to verify from seal {since} on. If there was "
            "once, the chain was cut off; verify it from the first seal (without --since)"
        )


class _Walk:
    """The state of one walk: how far it is, and what it counted."""

    def __init__(self, since: int, laid: Sequence[Trail], progress: Progress) -> None:
        self.laid, self.progress = laid, progress
        self.position = since - 1
        self.previous = _hash_before(since)
        self.redacted = 0

    def run(self) -> Fault | None:
        """Walk to the end; return the first fault.

        The link before the first one walked is trusted, unless it is another than the one anchored.
        """
        before = Seal.objects.filter(position=self.position).first()
        if before is not None and (found := self._anchored_otherwise(before)):
            return Fault(found, before.position, before.event_id)
        for seal in _links(self.position):
            if fault := self._fault(seal):
                return fault
            self.previous, self.position = seal.hash, seal.position
            if self.position % CHUNK == 0:
                self.progress(self.position)
        # A last link whose event is gone is passed over by the join of the walk.
        if Seal.objects.filter(position__gt=self.position).exists():
            return _gap(self.position + 1)
        return None

    def _fault(self, seal: Seal) -> Fault | None:
        """Return what is wrong with ``seal``, which should stand next."""
        position, event = self.position + 1, seal.event
        if seal.position != position:
            return _gap(position)
        where = f"event {event.pk} (seal {position})"
        found = ""
        if seal.previous != self.previous:
            found = (
                f"{where} does not follow the one before it: rows were inserted, deleted or reordered here"
            )
        elif seal.hash != link_hash(
            event, position=position, previous=self.previous, sealed_at=seal.sealed_at
        ):
            found = f"{where} is not what was sealed: it was edited, or exchanged with another"
        found = found or self._payload_fault(event) or self._anchored_otherwise(seal)
        return Fault(found, position, event.pk) if found else None

    def _payload_fault(self, event: Event) -> str:
        payload = _related(event, "payload")
        redacted = _related(event, "redaction") is not None
        if payload is None:
            self.redacted += redacted
            lost = event.payload_hash and not redacted
            return f"the payload of event {event.pk} was deleted" if lost else ""
        if redacted:
            return f"payload {payload.pk} of event {event.pk} was put back after its redaction"
        if not event.payload_hash:
            return f"payload {payload.pk} was inserted: event {event.pk} was sealed without one"
        if payload_hash(payload.salt, payload.content) != event.payload_hash:
            return f"payload {payload.pk} of event {event.pk} was edited"
        return ""

    def _anchored_otherwise(self, seal: Seal) -> str:
        found = (trail.compare(seal.position, seal.hash, seal.event_id) for trail in self.laid)
        return next(filter(None, found), "")


def _related(event: Event, name: str) -> Payload | Redaction | None:
    try:
        return getattr(event, name)
    except ObjectDoesNotExist:
        return None


def _gap(position: int) -> Fault:
    seal = Seal.objects.filter(position=position).first()
    if seal is None:
        return Fault(f"seal {position} is missing: it was deleted", position)
    return Fault(
        f"event {seal.event_id} (seal {position}) is missing: it was deleted", position, seal.event_id
    )


def _hash_before(position: int) -> str:
    """Return the hash that the link at ``position`` must name, taken on trust unless it is the first."""
    if position <= 1:
        return GENESIS
    before = Seal.objects.filter(position=position - 1).values_list("hash", flat=True).first()
    return before or "missing"


def _links(after: int) -> Iterator[Seal]:
    """Yield every seal with its event and payload, in chunks, so that no long transaction stops writers."""
    seals = Seal.objects.select_related("event", "event__payload", "event__redaction").order_by("position")
    while chunk := list(seals.filter(position__gt=after)[:CHUNK]):
        yield from chunk
        after = chunk[-1].position


def _cut_off(head: Head | None, seals: int) -> Fault | None:
    """Return what is missing at the end of a chain that reached ``head`` before it was walked."""
    if head is None:
        return Fault("the head of the chain was deleted") if seals else None
    if seals < head.position:
        cut = "" if seals + 1 == head.position else f", the end of a piece that begins with seal {seals + 1},"
        text = f"event {head.event} (seal {head.position}){cut} is missing: it was deleted"
        return Fault(text, seals + 1, head.event if not cut else None)
    if not Seal.objects.filter(position=head.position, hash=head.hash).exists():
        text = f"seal {head.position} is not the one the chain ended with: the chain was recomputed"
        return Fault(text, head.position)
    return None


def _redaction_faults() -> Iterator[Fault]:
    """Yield what is wrong with redactions: each event that records one commits to the payloads it took."""
    recorded = Event.objects.filter(action=Action.ERASE, kind=redaction.KIND).select_related("payload")
    for event in recorded.order_by("pk").iterator(CHUNK):
        taken = event.redacted.order_by("event_id").values_list("event_id", flat=True).iterator(CHUNK)
        payload = _related(event, "payload")
        if payload is None or payload.data.get("sha256") != redaction.digest(taken):
            text = (
                f"redaction {event.pk} did not take the payloads it says it took: they were deleted otherwise"
            )
            yield Fault(text, event=event.pk)
            return
    smuggled = Redaction.objects.exclude(by__action=Action.ERASE, by__kind=redaction.KIND).order_by(
        "event_id"
    )
    if first := smuggled.first():
        yield Fault(
            f"the payload of event {first.event_id} was deleted under a mark that no redaction made",
            event=first.event_id,
        )


def unsealed() -> QuerySet[Event]:
    """Return events no seal covers although they are older than a minute."""
    return Event.objects.filter(seal__isnull=True, at__lt=timezone.now() - GRACE).order_by("pk")


def _warnings() -> Iterator[str]:
    if not Event.objects.exists() and (staff := get_user_model().objects.count()):
        yield (
            f"the audit is empty although there are {staff} members of staff, whose making is on record: it "
            "was emptied, or restored without its events"
        )
    if (bare := sending.unanchored()) is not None:
        yield (
            f"no anchor covers seal {bare.position} and after it, sealed at {bare.sealed_at.isoformat()}: "
            "a chain made anew would not show. The sealer makes none (manage.py audit_key, seal_audit "
            "--follow), or they were removed: hold the chain against copies kept outside (--anchors)"
        )
    late = unsealed()
    if first := late.first():
        yield (
            f"{late.count()} events older than a minute are not sealed, the first is event {first.pk}: "
            "no sealer runs (manage.py seal_audit --follow), or rows were inserted or unsealed by hand"
        )
    if absent := GUARDS.missing(connection):
        yield f"triggers are missing: {', '.join(sorted(absent))} (manage.py migrate restores them)"


def _laid(public_keys: Iterable[Path], others: Iterable[Path]) -> tuple[list[Trail], list[str]]:
    try:
        return trails.laid(keys.known(public_keys), others), []
    except NoKey as error:
        return [], [f"the anchors were not checked: {error}"]


def verify(
    progress: Progress = lambda done: None,
    *,
    since: int = 1,
    public_keys: Iterable[Path] = (),
    anchor_files: Iterable[Path] = (),
) -> Outcome:
    """Walk the chain and its anchors, and keep the outcome for the audit page.

    Parameters
    ----------
    progress
        Called with the number of links checked, every :data:`CHUNK`.
    since
        Position to begin with; the link before it is trusted where no anchor covers it. The outcome of a
        part is kept as that of a part: it neither ends a fault found before nor verifies the whole.
    public_keys
        Files of public keys to check anchors with, instead of those of this installation.
    anchor_files
        Further files of anchors, such as what a log server kept.

    Raises
    ------
    BeyondTheEnd
        When ``since`` lies behind the next link that the chain would get.
    """
    head = Head.objects.first()
    end = Seal.objects.aggregate(Max("position"))["position__max"] or 0
    if since > end + 1:
        raise BeyondTheEnd(since, end)
    laid, warnings = _laid(public_keys, anchor_files)
    walk = _Walk(since, laid, progress)
    fault = walk.run()
    if fault is None:
        behind = (Fault(text, walk.position) for trail in laid if (text := trail.finish(walk.position)))
        fault = next(behind, None) or _cut_off(head, walk.position)
    faults = [fault] if fault else []
    faults += _redaction_faults()
    faults += [Fault(f"anchors: {trail.fault}") for trail in laid if trail.fault]
    outcome = Outcome(
        seals=walk.position,
        redacted=walk.redacted,
        anchors={trail.name: trail.seen for trail in laid},
        faults=tuple(faults),
        warnings=(*warnings, *_warnings()),
    )
    said = [fault.text for fault in outcome.faults] + list(outcome.warnings)
    Verification.objects.create(at=timezone.now(), since=since, seals=outcome.seals, finding="; ".join(said))
    return outcome
