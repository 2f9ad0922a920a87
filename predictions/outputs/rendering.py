"""Writing a document in a worker: once, within limits, into private storage; or a sentence why not."""

from __future__ import annotations

import logging
from datetime import timedelta
from uuid import UUID

from django.core.files.base import ContentFile
from django.db import transaction
from django.db.models import F
from django.utils import timezone, translation

from ml.contracts import Limits, Problem, Refused, Text
from predictions import queue
from predictions.limits import within
from predictions.models import Document, DocumentState
from predictions.outputs import facts, registry
from predictions.sightings import Sightings
from predictions.storage import Received, receive, storage

log = logging.getLogger(__name__)

MEMORY_BYTES = 1024**3
MAX_ATTEMPTS = 2
# What an export may be larger than what was sent: answers, a manifest, the folder of a ZIP.
WRAPPING_BYTES = 16 * 1024 * 1024
LOST_GRACE_SECONDS = 30
SEEN = ("attempts", "sent_at")
DRAFTS_KEPT = timedelta(days=1)

NOT_WRITTEN = Problem(
    "document_not_written",
    Text(
        "The document could not be written, by a defect of ours. Order it again; if it happens again, tell "
        "IT the number of this study.",
        "Le document n’a pas pu être rédigé, par un défaut interne. Redemandez-le ; si cela se reproduit, "
        "donnez au service informatique le numéro de cette étude.",
    ),
)


def render(document_id: UUID) -> None:
    """Write one document; a second message for it finds nothing to do."""
    document = _claim(document_id)
    if document is None:
        return
    try:
        received = _written(document)
    except Refused as refusal:
        _fail(document.pk, *refusal.problems)
    except Exception as error:
        # Whoever waits must hear that something broke; the log keeps type and place.
        log.error("document not written", exc_info=error, extra={"study": str(document.study_id)})
        _fail(document.pk, NOT_WRITTEN)
    else:
        _keep(document, received)


def reap(sightings: Sightings) -> None:
    """Send again what was never sent or lost with its worker; give up on what stopped two of them.

    Parameters
    ----------
    sightings
        What the watch saw of the documents so far.
    """
    waiting = list(Document.objects.filter(state=DocumentState.REQUESTED).only(*SEEN, "kind"))
    ages = sightings.ages({one.pk: tuple(getattr(one, name) for name in SEEN) for one in waiting})
    for document in waiting:
        allowed = registry.KINDS[document.kind].seconds + LOST_GRACE_SECONDS
        if document.sent_at is not None and ages[document.pk] < allowed:
            continue
        if document.attempts >= MAX_ATTEMPTS:
            _fail(document.pk, NOT_WRITTEN)
        elif not queue.send_document(document.pk, registry.KINDS[document.kind].seconds):
            break


def sweep() -> None:
    """Throw away the drafts of the days before: they are ordered again in a moment."""
    old = Document.objects.filter(signature=None, created_at__lt=timezone.now() - DRAFTS_KEPT)
    for document in old.exclude(state=DocumentState.REQUESTED):
        document.delete()
        if document.stored_name:
            storage.discard(document.stored_name)


def _claim(document_id: UUID) -> Document | None:
    waiting = Document.objects.filter(pk=document_id, state=DocumentState.REQUESTED)
    if not waiting.filter(attempts__lt=MAX_ATTEMPTS).update(attempts=F("attempts") + 1):
        return None
    return waiting.select_related("study__patient", "prediction", "signature__signer").first()


def _written(document: Document) -> Received:
    kind = registry.KINDS[document.kind]
    with within(Limits(kind.seconds, MEMORY_BYTES)), translation.override(document.language):
        gathered = facts.gather(document)
        if kind.export:
            copy = Received(limit=sum(file.size for file in document.study.files.all()) + WRAPPING_BYTES)
            registry.copier(kind.code)(gathered, copy)
            return copy
        content = registry.renderer(kind.code)(gathered)
    return receive(ContentFile(content), limit=len(content))


def _keep(document: Document, received: Received) -> None:
    name = storage.adopt(received, "documents")
    kept = False
    try:
        with transaction.atomic():
            unwritten = Document.objects.filter(pk=document.pk).exclude(state=DocumentState.READY)
            kept = bool(
                unwritten.update(
                    state=DocumentState.READY,
                    problems=[],
                    stored_name=name,
                    media_type=registry.KINDS[document.kind].media_type,
                    sha256=received.sha256,
                    size=received.size,
                )
            )
    finally:
        if not kept:
            storage.discard(name)


def _fail(document_id: UUID, *problems: Problem) -> None:
    Document.objects.filter(pk=document_id, state=DocumentState.REQUESTED).update(
        state=DocumentState.FAILED, problems=[problem.as_json() for problem in problems]
    )
