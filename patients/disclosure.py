"""Who opened this record, in plain words for the patient it is about (right of access, GDPR article 15).

Written from the audit: every read, every change, every analysis and every refusal, a day at a time. The
language is the reader's, whatever the language of the screen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from clinic.accounts.models import User
from clinic.accounts.roles import Role
from clinic.audit.models import Action, Event
from clinic.audit.recording import COMMAND_LINE, WORKER
from ml.contracts import Text
from patients.disclosure_words import ANYTHING, BY_ACTION, BY_KIND, ROLES, UNNAMED


@dataclass(frozen=True, slots=True)
class Access:
    """What one person did on one day, of one sort.

    Parameters
    ----------
    first, last
        When, where the hospital is; the same moment when it happened once.
    who, role
        Name and role at that time; the role is empty for what is no person.
    what
        In plain words.
    emergency
        Whether it was done under an emergency access, outside the usual rules.
    times
        How often that day.
    """

    first: datetime
    last: datetime
    who: Text
    role: Text | None
    what: Text
    emergency: bool
    times: int


@dataclass(frozen=True, slots=True)
class Summary:
    """What stands above the list."""

    people: int
    accesses: int
    emergencies: int
    first: date | None
    last: date | None


def accesses(patient: UUID) -> Iterator[Access]:
    """Yield who did what with a record, the latest day first."""
    events = _events(patient).order_by("-at", "-pk").iterator(1000)
    for _, of_the_day in groupby(events, key=lambda event: timezone.localdate(event.at)):
        yield from _gathered(of_the_day)


def summary(patient: UUID) -> Summary:
    """Return how many people and accesses there were, and over which time."""
    events = _events(patient)
    times = events.order_by("at").values_list("at", flat=True)
    first, last = times.first(), times.last()
    return Summary(
        people=events.filter(actor__isnull=False).values("actor").distinct().count(),
        accesses=events.count(),
        emergencies=events.filter(action=Action.BREAK_GLASS).count(),
        first=timezone.localdate(first) if first else None,
        last=timezone.localdate(last) if last else None,
    )


def written_by(user: User) -> Text:
    """Name whoever hands the list out."""
    role = ROLES.get(user.role, UNNAMED)
    return Text(f"{user.label} ({role.en})", f"{user.label} ({role.fr})")


def _events(patient: UUID) -> QuerySet[Event]:
    return Event.objects.filter(patient=patient)


def _gathered(events: Iterator[Event]) -> Iterator[Access]:
    """Yield one access for each sort of thing that each person did."""
    found: dict[tuple[object, ...], list[Event]] = {}
    for event in events:
        in_emergency = event.emergency is not None or event.action == Action.BREAK_GLASS
        key = (event.actor_id, event.actor_label, event.role, _what(event), in_emergency)
        found.setdefault(key, []).append(event)
    for (_, label, role, what, in_emergency), done in found.items():
        yield Access(
            first=timezone.localtime(done[-1].at),
            last=timezone.localtime(done[0].at),
            who=_who(str(label)),
            role=ROLES.get(str(role)),
            what=what,
            emergency=bool(in_emergency),
            times=len(done),
        )


def _who(label: str) -> Text:
    nobody = {"": UNNAMED, WORKER: ANYTHING[WORKER], COMMAND_LINE: ANYTHING[COMMAND_LINE]}
    return nobody.get(label, Text(label, label))


def _what(event: Event) -> Text:
    action = Action(event.action)
    return BY_KIND.get((action, event.kind)) or BY_ACTION[action]


# A role without its words would leave a patient in the dark about who it was.
if missing := set(Role.values) - set(ROLES):
    raise LookupError(f"no plain words for the roles {missing}")
