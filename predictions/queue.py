"""Sending a study's id to its queue. The database knows what waits; the broker only wakes a worker."""

from __future__ import annotations

import logging
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.utils import timezone
from kombu.exceptions import OperationalError

from clinic.celery import app
from predictions.models import Document, DocumentState, Inquiry, InquiryKind, Study
from predictions.states import State

log = logging.getLogger(__name__)

ANALYSE = "predictions.analyse"
ANSWER = "predictions.answer"
RENDER = "predictions.render"
# The hard limit is Celery's, from outside; the child stops itself before, with a sentence.
HARD_LIMIT_GRACE = 30
INQUIRY_QUEUES = {
    InquiryKind.CREDIT: "tabular",
    InquiryKind.SLEEP_EPOCH: "signals",
    InquiryKind.SLEEP_MODEL: "signals",
    InquiryKind.WHAT_IF: "tabular",
}
INQUIRY_SECONDS = 10
DOCUMENT_QUEUE = "upkeep"


def send(study_id: UUID) -> bool:
    """Wake a worker for a waiting study; ``False`` when there is no broker or nothing waits.

    Never raises for a broker that is down: the study is accepted all the same, and the reaper sends it
    once there is one.
    """
    study = Study.objects.filter(pk=study_id, state=State.QUEUED).first()
    if study is None:
        return False
    limit = study.contract.limits.seconds + HARD_LIMIT_GRACE
    if not wake(ANALYSE, {"study_id": str(study_id)}, study.contract.queue, time_limit=limit):
        return False
    Study.objects.filter(pk=study_id, state=State.QUEUED).update(sent_at=timezone.now())
    return True


def send_inquiry(inquiry: Inquiry) -> bool:
    """Wake a worker for a question that a program waits on; stale ones are dropped by the broker."""
    queue = INQUIRY_QUEUES[InquiryKind(inquiry.kind)]
    limits = {"time_limit": 3 * INQUIRY_SECONDS, "expires": INQUIRY_SECONDS}
    return wake(ANSWER, {"inquiry_id": str(inquiry.pk)}, queue, **limits)


def send_document(document_id: UUID, seconds: int) -> bool:
    """Wake a worker for a document; ``False`` when there is no broker, and the reaper sends it later.

    Parameters
    ----------
    seconds
        What writing it may take.
    """
    limit = seconds + HARD_LIMIT_GRACE
    if not wake(RENDER, {"document_id": str(document_id)}, DOCUMENT_QUEUE, time_limit=limit):
        return False
    waiting = Document.objects.filter(pk=document_id, state=DocumentState.REQUESTED)
    waiting.update(sent_at=timezone.now())
    return True


def overdue() -> list[UUID]:
    """Return the waiting studies whose message was never sent, or was sent so long ago that it may be lost.

    A message is presumed lost only when its queue is empty; in a long queue it is still on its way.
    """
    limit = timezone.now() - timedelta(seconds=settings.STUDY_RESEND_SECONDS)
    waiting = Study.objects.filter(state=State.QUEUED).order_by("submitted_at")
    never = waiting.filter(sent_at=None).values_list("pk", flat=True)
    quiet = list(waiting.filter(sent_at__lt=limit).only("pk", "algorithm"))
    empty = {queue for queue in {study.contract.queue for study in quiet} if is_empty(queue)}
    return [*never, *(study.pk for study in quiet if study.contract.queue in empty)]


def wake(task: str, kwargs: dict[str, str], queue: str, **options: int) -> bool:
    """Put a message into a queue; ``False`` when there is no broker."""
    if not settings.REDIS_URL:
        return False
    try:
        app.send_task(task, kwargs=kwargs, queue=queue, retry=False, ignore_result=True, **options)
    except (OperationalError, OSError) as error:
        log.warning("broker does not answer", extra={"queue": queue, "error": type(error).__name__})
        return False
    return True


def is_empty(queue: str) -> bool:
    """Say whether nothing is on its way in a queue; ``False`` also when there is no broker to ask."""
    try:
        with app.connection_for_read() as connection:
            return connection.default_channel.client.llen(queue) == 0
    except (OperationalError, OSError):
        return False
