"""The list of who opened a record: ordered in the web process, written by a worker, gone after a day."""

from __future__ import annotations

import logging
from datetime import timedelta
from functools import partial
from importlib import import_module
from uuid import UUID

from django.core.files.base import ContentFile
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from clinic.accounts.models import User
from clinic.audit.models import Action
from clinic.audit.recording import record
from ml.contracts import LANGUAGES, Limits, Problem, Refused, Text
from patients.models import Patient
from predictions import queue
from predictions.limits import within
from predictions.models import Disclosure, DocumentState
from predictions.outputs.ordering import NO_SUCH_LANGUAGE
from predictions.sightings import Sightings
from predictions.storage import receive, storage

log = logging.getLogger(__name__)

KIND = "disclosure"
"""In the audit, what such an event concerns."""
RENDERER = "predictions.outputs.disclosure"
"""Imported by the worker that writes with it: the web process has no typesetting."""
SECONDS = 60
MEMORY_BYTES = 1024**3
MAX_ATTEMPTS = 2
LOST_GRACE_SECONDS = 30
KEPT = timedelta(days=1)
SEEN = ("state", "attempts", "sent_at")

NOT_WRITTEN = Problem(
    "disclosure_not_written",
    Text(
        "The list could not be written, by a defect of ours. Order it again; if it happens again, tell IT.",
        "La liste n’a pas pu être rédigée, par un défaut interne. Redemandez-la ; si cela se reproduit, "
        "prévenez le service informatique.",
    ),
)


def order(*, user: User, patient: Patient, language: str) -> Disclosure:
    """Have the list written; what is on its way already is not ordered twice.

    Raises
    ------
    ml.contracts.Refused
        When the language is none of ours.
    """
    if language not in LANGUAGES:
        raise Refused(NO_SUCH_LANGUAGE)
    waiting = Disclosure.objects.filter(
        patient=patient, language=language, created_by=user, state=DocumentState.REQUESTED
    )
    if under_way := waiting.first():
        return under_way
    with transaction.atomic():
        made = Disclosure.objects.create(
            patient=patient, language=language, created_by=user, created_at=timezone.now()
        )
        detail = {"language": language}
        record(
            Action.CREATE, actor=user, patient=patient.pk, kind=KIND, object_id=str(made.pk), detail=detail
        )
        transaction.on_commit(partial(send, made.pk))
    return made


def of(user: User, patient: UUID) -> list[Disclosure]:
    """Return what ``user`` had written about a record, the latest first."""
    return list(Disclosure.objects.filter(patient=patient, created_by=user))


def recorded_download(user: User, found: Disclosure) -> None:
    """Write down that somebody took a list out of the house."""
    record(
        Action.DOWNLOAD, actor=user, patient=found.patient_id, kind=KIND, object_id=str(found.pk),
        detail={"language": found.language, "form": "pdf"},
    )  # fmt: skip


def send(disclosure_id: UUID) -> bool:
    """Wake a worker; ``False`` when there is no broker, and the watch sends it later."""
    return queue.send_disclosure(disclosure_id, SECONDS)


def render(disclosure_id: UUID) -> None:
    """Write one list; a second message for it finds nothing to do."""
    waiting = Disclosure.objects.filter(pk=disclosure_id, state=DocumentState.REQUESTED)
    if not waiting.filter(attempts__lt=MAX_ATTEMPTS).update(attempts=F("attempts") + 1):
        return
    found = waiting.select_related("patient", "created_by").first()
    if found is None:
        return
    try:
        with within(Limits(SECONDS, MEMORY_BYTES)):
            content = import_module(RENDERER).render(found)
    except Exception as error:
        # Whoever waits must hear that something broke; the log keeps type and place.
        log.error("disclosure not written", exc_info=error)
        _fail(found.pk)
    else:
        _keep(found, content)


def reap(sightings: Sightings) -> None:
    """Send again what was never sent or lost with its worker; give up on what stopped two of them."""
    waiting = list(Disclosure.objects.filter(state=DocumentState.REQUESTED).only(*SEEN))
    ages = sightings.ages({one.pk: tuple(getattr(one, name) for name in SEEN) for one in waiting})
    for found in waiting:
        if found.sent_at is not None and ages[found.pk] < SECONDS + LOST_GRACE_SECONDS:
            continue
        if found.attempts >= MAX_ATTEMPTS:
            _fail(found.pk)
        elif not send(found.pk):
            break


def sweep() -> None:
    """Throw away the lists of the days before: they name people, and are ordered again in a moment."""
    old = Disclosure.objects.filter(created_at__lt=timezone.now() - KEPT)
    for found in old.exclude(state=DocumentState.REQUESTED):
        found.delete()
        if found.stored_name:
            storage.discard(found.stored_name)


def _keep(found: Disclosure, content: bytes) -> None:
    name = storage.adopt(receive(ContentFile(content), limit=len(content)), "disclosures")
    kept = False
    try:
        with transaction.atomic():
            unwritten = Disclosure.objects.filter(pk=found.pk, state=DocumentState.REQUESTED)
            ready = {"state": DocumentState.READY, "stored_name": name, "size": len(content)}
            kept = bool(unwritten.update(**ready))
    finally:
        if not kept:
            storage.discard(name)


def _fail(disclosure_id: UUID) -> None:
    Disclosure.objects.filter(pk=disclosure_id, state=DocumentState.REQUESTED).update(
        state=DocumentState.FAILED, problems=[NOT_WRITTEN.as_json()]
    )
