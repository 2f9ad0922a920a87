"""Making anchors of what was sealed, and getting each to every target: in order, once it answers again.

Nothing here holds up the sealing. A target that fails is tried again with growing pauses; what it missed
waits in the database and is sent in order when it answers.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from clinic.audit.anchors import keys, statements
from clinic.audit.anchors.statements import Statement
from clinic.audit.anchors.targets import NotTaken, Target, configured
from clinic.audit.models import Anchor, AnchorTarget, Seal

logger = logging.getLogger(__name__)
AT_ONCE = 100
CATCH_UP = 20 * statements.MOST_LINKS
LEASE = timedelta(minutes=2)
LONGEST_PAUSE_SECONDS = 300
LEAST_PATIENCE = timedelta(minutes=1)


def anchor() -> int:
    """Sign what was sealed since the last anchor; return how many anchors that made.

    Raises
    ------
    clinic.audit.anchors.keys.NoKey
        When there is nothing to sign with.
    """
    made = 0
    while _anchor_some():
        made += 1
    return made


def due() -> bool:
    """Return whether there is something to anchor, and enough of it or for long enough."""
    last = Anchor.objects.order_by("-number").first()
    newest = Seal.objects.order_by("-position").values_list("position", flat=True).first() or 0
    behind = newest - (last.position if last else 0)
    if behind <= 0:
        return False
    pause = timedelta(seconds=settings.AUDIT_ANCHOR_SECONDS)
    return last is None or behind >= statements.MOST_LINKS or last.made_at <= timezone.now() - pause


def unanchored() -> Seal | None:
    """Return the first seal without an anchor when it waits for longer than two cadences, else ``None``."""
    patience = max(timedelta(seconds=2 * settings.AUDIT_ANCHOR_SECONDS), LEAST_PATIENCE)
    last = Anchor.objects.order_by("-number").values_list("position", flat=True).first() or 0
    return Seal.objects.filter(position=last + 1, sealed_at__lt=timezone.now() - patience).first()


def deliver() -> None:
    """Send every target what it has not taken yet, unless it just failed or another process is at it."""
    for target in configured():
        row = _leased(target)
        if row is None:
            continue
        try:
            _send_all(target, row)
        except NotTaken as error:
            _failed(row, str(error))
        finally:
            AnchorTarget.objects.filter(pk=row.pk).update(leased_until=None)


def _anchor_some() -> bool:
    """Make one anchor; ``False`` when there is nothing to, or another process was quicker."""
    last = Anchor.objects.order_by("-number").first()
    after = last.position if last else 0
    seals = list(Seal.objects.filter(position__gt=after).order_by("position")[: statements.MOST_LINKS])
    if not seals:
        return False
    newest = Seal.objects.order_by("-position").first() or seals[-1]
    if newest.position - after > CATCH_UP:
        seals = [newest]
    statement = _statement(seals, last)
    try:
        with transaction.atomic():
            Anchor.objects.create(
                number=statement.number,
                position=statement.position,
                statement=statement.signed(keys.signing_key()),
                made_at=datetime.fromisoformat(statement.at),
            )
    except IntegrityError:
        return False
    return True


def _statement(seals: Sequence[Seal], last: Anchor | None) -> Statement:
    end = seals[-1]
    return Statement(
        chain=Seal.objects.order_by("position").values_list("hash", flat=True)[0],
        number=last.number + 1 if last else 1,
        previous=statements.line_hash(last.statement) if last else "",
        first=seals[0].position,
        links=statements.links([seal.hash for seal in seals]),
        position=end.position,
        event=end.event_id,
        hash=end.hash,
        sealed_at=end.sealed_at.isoformat(),
        at=timezone.now().isoformat(),
    )


def _leased(target: Target) -> AnchorTarget | None:
    """Return the target's row for this process alone; ``None`` when it is not its turn or nothing waits."""
    row, _ = AnchorTarget.objects.get_or_create(name=target.name)
    if not Anchor.objects.filter(number__gt=row.sent).exists():
        return None
    now = timezone.now()
    free = AnchorTarget.objects.filter(Q(leased_until=None) | Q(leased_until__lt=now), pk=row.pk)
    mine = free.filter(Q(retry_at=None) | Q(retry_at__lte=now)).update(leased_until=now + LEASE)
    return AnchorTarget.objects.get(pk=row.pk) if mine else None


def _send_all(target: Target, row: AnchorTarget) -> None:
    while waiting := list(Anchor.objects.filter(number__gt=row.sent).order_by("number")[:AT_ONCE]):
        target.send([one.statement for one in waiting])
        row.sent = waiting[-1].number
        AnchorTarget.objects.filter(pk=row.pk).update(
            sent=row.sent, failures=0, failing_since=None, retry_at=None, problem=""
        )


def _failed(row: AnchorTarget, problem: str) -> None:
    now = timezone.now()
    failures = row.failures + 1
    pause = timedelta(seconds=min(2**failures, LONGEST_PAUSE_SECONDS))
    AnchorTarget.objects.filter(pk=row.pk).update(
        failures=failures, failing_since=row.failing_since or now, retry_at=now + pause, problem=problem[:200]
    )
    logger.warning("an anchor target did not take what it was sent", extra={"attempt": failures})
