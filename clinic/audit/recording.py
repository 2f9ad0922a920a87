"""Writing down what somebody did, in the transaction of the change it describes."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.utils import timezone

from clinic.audit import context, emergencies
from clinic.audit.models import Action, Event, Payload, Waiting
from clinic.logs import request_id

WORKER = "worker"
COMMAND_LINE = "command line"


def canonical(detail: Mapping[str, Any]) -> str:
    """Write ``detail`` as JSON in the one form that is hashed: sorted, compact, ASCII."""
    return json.dumps(detail, sort_keys=True, separators=(",", ":"), allow_nan=False, cls=DjangoJSONEncoder)


def payload_hash(salt: str, content: str) -> str:
    """Return the commitment to a payload: SHA-256 over salt and content.

    The salt keeps an erased payload from being guessed back out of its hash.
    """
    return hashlib.sha256(f"{salt}:{content}".encode()).hexdigest()


def record(
    action: Action,
    *,
    actor: Any = None,
    actor_label: str = "",
    patient: UUID | None = None,
    study: UUID | None = None,
    kind: str = "",
    object_id: str = "",
    detail: Mapping[str, Any] | None = None,
) -> Event:
    """Write one event; it commits or rolls back with the transaction it is called in.

    A refusal is recorded outside the transaction it ends, or it would be rolled back with it.

    Parameters
    ----------
    actor
        The member of staff, or ``None`` (also for an anonymous user).
    actor_label
        Who acted when no member of staff did: :data:`WORKER`; by default :data:`COMMAND_LINE`
        outside a request, nobody within one.
    patient, study
        The record concerned, found again by "who opened this record".
    kind, object_id
        What else it concerns (``"patient"``, ``"staff"``, ``"audit"``) and its id.
    detail
        Anything JSON can hold; kept in a payload of its own, never in a log.

    Returns
    -------
    Event
        Committed to the chain by the sealer, within a second of the commit.
    """
    if isinstance(actor, AnonymousUser):
        actor = None
    salt = secrets.token_hex(16)
    content = canonical(detail) if detail else ""
    with transaction.atomic():
        event = Event.objects.create(
            at=timezone.now(),
            action=action,
            actor=actor,
            actor_label=_label(actor, actor_label),
            role=actor.role if actor else "",
            patient=patient,
            study=study,
            kind=kind,
            object_id=str(object_id)[:64],
            address=context.address.get(),
            request=request_id.get()[:32],
            payload_hash=payload_hash(salt, content) if content else "",
            emergency=_mark(actor, actor_label, patient, study),
            token=context.token.get()[:40],
        )
        if content:
            Payload.objects.create(event=event, salt=salt, content=content)
        Waiting.objects.create(event=event)
    if action == Action.REFUSED:
        context.refused.set(True)
    return event


def record_seen(
    action: Action,
    *,
    actor: Any,
    patients: Iterable[UUID],
    kind: str,
    under: Mapping[UUID, UUID] | None = None,
) -> None:
    """Write whom a list showed: one event for each patient, so that "who opened this record" finds it.

    A list is loaded again and again: what this person already saw of a patient in such a list on this day is
    not written once more. However long the list, it takes one look and two inserts.

    Parameters
    ----------
    actor
        The member of staff.
    patients
        Everybody whose name or result stood in the list.
    under
        The emergency accesses by which the list showed some of them, by patient.
    """
    under = under or {}
    token = context.token.get()[:40]
    today = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    shown = {(patient, under.get(patient)) for patient in patients}
    known = Event.objects.filter(actor=actor, action=action, kind=kind, token=token, at__gte=today)
    known = known.filter(patient__in={patient for patient, _ in shown})
    unseen = sorted(shown - set(known.values_list("patient", "emergency")), key=str)
    if not unseen:
        return
    now = timezone.now()
    events = [
        Event(
            at=now,
            action=action,
            actor=actor,
            actor_label=_label(actor, ""),
            role=actor.role,
            patient=patient,
            kind=kind,
            address=context.address.get(),
            request=request_id.get()[:32],
            emergency=emergency,
            token=token,
        )
        for patient, emergency in unseen
    ]
    with transaction.atomic():
        Waiting.objects.bulk_create(Waiting(event=event) for event in Event.objects.bulk_create(events))


def _mark(actor: Any, actor_label: str, patient: UUID | None, study: UUID | None) -> UUID | None:
    """Return the emergency access under which something is done: what a worker does for a study that was
    sent in under one is marked with it, however long ago that access ended.
    """
    if actor_label != WORKER or patient is None or study is None:
        return emergencies.running(actor, patient)
    sent = Event.objects.filter(patient=patient, study=study, action__in=(Action.SUBMIT, Action.RETRY))
    return sent.order_by("-pk").values_list("emergency", flat=True).first()


def _label(actor: Any, given: str) -> str:
    if actor is not None:
        return actor.label[:150]
    return given[:150] or ("" if request_id.get() else COMMAND_LINE)
