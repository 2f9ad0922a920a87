"""Reading the audit: pages of events walked by id, and who or what they are about."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db.models import Count, Max, Min, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from clinic.audit import naming
from clinic.audit.classes import CLASSES, ActionClass
from clinic.audit.models import Action, Event
from clinic.audit.recording import COMMAND_LINE, WORKER

PAGE = 50

# Who acted when no member of staff did.
NOBODYS = {
    "": _("nobody logged in"),
    WORKER: _("analyser"),
    COMMAND_LINE: _("command line"),
}

# What an event concerns besides a patient or a study, in the words of the page.
KINDS = {
    "patient": _("record"),
    "study": _("study"),
    "encounter": _("encounter"),
    "staff": _("staff"),
    "unit": _("unit"),
    "password": _("password"),
    "second factor": _("second factor"),
    "audit": _("audit"),
    "page": _("page"),
    "form": _("form"),
    "artefact": _("file of a result"),
    "export": _("anonymised recording"),
    "what_if": _("what if"),
    "scoring": _("scoring"),
    "scoring_room": _("scoring room"),
    "scoring_comparison": _("comparison of scorings"),
    "blood_loss": _("blood loss"),
    "births": _("births for a training"),
    "training": _("training"),
    "testbench": _("test bench"),
    "model": _("model"),
    "worklist": _("worklist"),
    "token": _("with a token"),
    "disclosure": _("access list for the patient"),
    "payload": _("details of events"),
    "document": _("document"),
    "erasure": _("erasure"),
    "hold": _("legal hold"),
    "emergency": _("emergency access"),
    "deidentified": _("de-identified export"),
    "backup": _("backup"),
    "channel_mapping": _("mapping of channels"),
    "first_read": _("first read"),
    "reading": _("report"),
    "outcome": _("outcome"),
    "session": _("session"),
    "signals": _("recording"),
    "storage": _("stored files"),
    "storage_key": _("key of stored files"),
    "research": _("consent to research"),
    "prediction": _("answer of a model"),
    "monitoring": _("watch over drift"),
    "monitoring_reference": _("reference of the watch over drift"),
    "alert": _("drift alert"),
    "batch": _("batch"),
    "training_set": _("training set"),
    "agreement": _("count of agreement"),
    "deployment": _("deployment of a version"),
    "proposal": _("proposal of a version"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One event as the page shows it.

    Parameters
    ----------
    emergency
        Whether it was done under an emergency access.
    patient_name, study_name
        From the registry of names; empty when there is none, or none any more.
    detail
        The payload as pairs of name and value.
    """

    event: Event
    who: str
    kind: str
    emergency: bool
    patient_name: str
    study_name: str
    detail: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Page:
    """Some events, latest first, and the id before which the next page goes on."""

    rows: tuple[Row, ...]
    before: int | None


def _people(text: str) -> QuerySet[Any]:
    users = get_user_model().objects.filter(username__iexact=text)
    if users.exists():
        return users
    named = Q()
    for word in text.split():
        named &= Q(first_name__icontains=word) | Q(last_name__icontains=word) | Q(username__icontains=word)
    return get_user_model().objects.filter(named)


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


def events(
    *,
    person: str = "",
    patient: str = "",
    action: str = "",
    kind: str = "",
    emergency: bool = False,
    first: date | None = None,
    last: date | None = None,
) -> QuerySet[Event]:
    """Return the events that match everything given.

    Parameters
    ----------
    person
        A user name, or any part of names; what the page calls those who are no person (``"analyser"``).
    patient
        A record number, or any part of a name.
    kind
        A class of actions (:class:`clinic.audit.classes.ActionClass`).
    emergency
        Only what was done under an emergency access, its opening and its end.
    first, last
        Days in the time zone of the hospital, both included.
    """
    found = Event.objects.all()
    if person:
        # Ids and not a subquery or an alternative: only then the index over actor and id is walked backwards.
        people = list(_people(person).values_list("pk", flat=True))
        found = (
            found.filter(actor__in=people)
            if people
            else found.filter(actor=None, actor_label__in=_labels(person))
        )
    if patient:
        found = found.filter(patient__in=naming.find("patient", patient))
    if action:
        found = found.filter(action=action)
    if kind:
        found = found.filter(action__in=CLASSES[ActionClass(kind)])
    if emergency:
        opened = Q(action__in=CLASSES[ActionClass.EMERGENCY])
        found = found.filter(opened | Q(emergency__isnull=False))
    if first:
        found = found.filter(at__gte=_midnight(first))
    if last:
        found = found.filter(at__lt=_midnight(last + timedelta(days=1)))
    return found


def page(found: QuerySet[Event], *, before: int | None = None) -> Page:
    """Return the latest :data:`PAGE` of ``found``, or those before an id: no offset to count through."""
    if before:
        found = found.filter(pk__lt=before)
    latest = list(found.select_related("actor", "payload").order_by("-pk")[: PAGE + 1])
    shown = latest[:PAGE]
    return Page(rows=tuple(_rows(shown)), before=shown[-1].pk if len(latest) > PAGE else None)


def _labels(words: str) -> list[str]:
    """Return the stored labels that read like ``words``, in the reader's language or as stored."""
    folded = words.casefold()
    return [label for label, shown in NOBODYS.items() if folded in (label, str(shown).casefold())]


def who(label: str) -> str:
    """Write out who acted; people by their names, the rest in the reader's language."""
    return str(NOBODYS.get(label, label))


def _rows(shown: Iterable[Event]) -> Iterable[Row]:
    patients = naming.names("patient", {event.patient for event in shown if event.patient})
    studies = naming.names("study", {event.study for event in shown if event.study})
    for event in shown:
        payload = getattr(event, "payload", None)
        yield Row(
            event=event,
            who=who(event.actor_label),
            kind=str(KINDS.get(event.kind, event.kind)),
            emergency=event.emergency is not None or event.action == Action.BREAK_GLASS,
            patient_name=patients.get(event.patient, ""),
            study_name=studies.get(event.study, ""),
            detail=tuple(_pairs(payload.data)) if payload else (),
        )


def _pairs(detail: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    for name, value in detail.items():
        yield (
            name.replace("_", " "),
            value if isinstance(value, str) else json.dumps(value, ensure_ascii=False),
        )


def who_opened(patient: UUID) -> list[dict[str, Any]]:
    """Return each person who did something with a record: how often, first and last time."""
    rows = (
        Event.objects.filter(patient=patient)
        .values("actor", "actor_label", "role")
        .annotate(times=Count("pk"), first=Min("at"), last=Max("at"))
        .order_by("-last")
    )
    return [row | {"who": who(row["actor_label"])} for row in rows]


def what_was_opened(person: int) -> list[dict[str, Any]]:
    """Return each record a person did something with, named: how often, first and last time; at most 200."""
    records = list(
        Event.objects.filter(actor=person, patient__isnull=False)
        .values("patient")
        .annotate(times=Count("pk"), first=Min("at"), last=Max("at"))
        .order_by("-last")[:200]
    )
    names = naming.names("patient", {row["patient"] for row in records})
    return [row | {"name": names.get(row["patient"], "")} for row in records]
