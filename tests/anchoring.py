"""A chain with heads outside it, for the tests of anchors."""

from __future__ import annotations

from uuid import uuid4

from clinic.audit.anchors import sending
from clinic.audit.models import Action, Event
from clinic.audit.recording import record
from clinic.audit.seal import seal_all


def write(number: int) -> list[Event]:
    """Record events, the odd ones with details."""
    return [
        record(Action.VIEW, actor_label="worker", patient=uuid4(), detail={"n": n} if n % 2 else None)
        for n in range(number)
    ]


def six_events() -> list[Event]:
    """Return six sealed events, anchored after the third and after the sixth."""
    events = []
    for _ in range(2):
        events += write(3)
        seal_all()
        assert sending.anchor() == 1
    sending.deliver()
    return events
