"""How long the details of events are kept, by class of action; the events themselves stay.

The terms are the least that is kept; ``VIGIE_AUDIT_KEEP_DAYS`` can only make them longer. Reads are recorded
and kept like everything else. Why these, and why events stay: decision 25.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from clinic.audit import redaction
from clinic.audit.classes import CLASSES, ActionClass
from clinic.audit.models import Event

YEAR = 365
RECORD = 20 * YEAR
"""As long as the record they are about (Code de la santé publique, R1112-7: twenty years)."""
LEAST_DAYS: Mapping[ActionClass, int] = {
    ActionClass.READ: 6 * YEAR,
    ActionClass.CHANGE: RECORD,
    ActionClass.ANALYSIS: RECORD,
    ActionClass.SIGNATURE: RECORD,
    ActionClass.ENTRANCE: YEAR,
    ActionClass.EMERGENCY: RECORD,
    ActionClass.GOVERNANCE: RECORD,
    ActionClass.MODELS: RECORD,
}
WHY = "kept for its time"
BATCH = 1000


def days(kind: ActionClass) -> int:
    """Return for how many days the details of a class are kept."""
    return max(LEAST_DAYS[kind], settings.AUDIT_KEEP_DAYS.get(kind.value, 0))


def problems() -> Iterator[str]:
    """Yield what is wrong with ``VIGIE_AUDIT_KEEP_DAYS``."""
    for name, wanted in settings.AUDIT_KEEP_DAYS.items():
        if name not in ActionClass.values:
            known = ", ".join(ActionClass.values)
            yield f"VIGIE_AUDIT_KEEP_DAYS: there is no class {name!r} of actions; write some of {known}."
        elif wanted < LEAST_DAYS[ActionClass(name)]:
            least = LEAST_DAYS[ActionClass(name)]
            yield f"VIGIE_AUDIT_KEEP_DAYS: {name}={wanted} is less than the {least} days laid down."


def due(kind: ActionClass, now: datetime) -> Iterator[list[int]]:
    """Yield the events of a class whose details have been kept for their time, in batches, oldest first."""
    old = Event.objects.filter(action__in=CLASSES[kind], at__lt=now - timedelta(days=days(kind)))
    waiting = redaction.redactable(old).order_by("pk").values_list("pk", flat=True)
    last = 0
    while batch := list(waiting.filter(pk__gt=last)[:BATCH]):
        yield batch
        last = batch[-1]


def expire(*, now: datetime | None = None) -> dict[ActionClass, int]:
    """Delete the details that were kept for their time; return how many of each class."""
    now = now or timezone.now()
    return {
        kind: sum(redaction.redact_events(batch, why=f"{kind.value}: {WHY}") for batch in due(kind, now))
        for kind in ActionClass
    }
