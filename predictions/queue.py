"""Sending a study's id to its queue. The database knows what waits; the broker only wakes a worker."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec
from uuid import UUID

from django.conf import settings
from django.db import Error
from django.utils import timezone
from kombu.exceptions import OperationalError
from kombu.transport.redis import Channel

from clinic.celery import app
from clinic.pulse import NoBroker
from predictions.models import Disclosure, Document, DocumentState, Inquiry, InquiryKind, Study
from predictions.states import State

log = logging.getLogger(__name__)

Sent = ParamSpec("Sent")

ANALYSE = "predictions.analyse"
ANSWER = "predictions.answer"
RENDER = "predictions.render"
DISCLOSE = "predictions.disclose"
ERASE = "predictions.erase"
# The hard limit is Celery's, from outside; the child stops itself before, with a sentence.
HARD_LIMIT_GRACE = 30
INQUIRY_QUEUES = {
    InquiryKind.CREDIT: "tabular",
    InquiryKind.SLEEP_EPOCH: "signals",
    InquiryKind.SLEEP_MODEL: "signals",
    InquiryKind.WHAT_IF: "tabular",
}
DOCUMENT_QUEUE = "upkeep"
# Background jobs lie in a list of their own behind the one of the queue, which workers empty first. Of the
# priorities that the transport keeps lists for, 9 is the last; the separator is the transport's.
JOB_PRIORITY = 9
PRIORITY_SEPARATOR = Channel.sep


def unless_away(send: Callable[Sent, bool]) -> Callable[Sent, bool]:
    """Have a function that is called after a commit answer ``False`` when the database went away since.

    What was committed is accepted: whoever sent it must not read of an error, and
    :class:`predictions.watch.Watch` sends it later.
    """

    @wraps(send)
    def guarded(*args: Sent.args, **kwargs: Sent.kwargs) -> bool:
        try:
            return send(*args, **kwargs)
        except Error as error:
            log.warning("database does not answer", extra={"error": type(error).__name__})
            return False

    return guarded


@unless_away
def send(study_id: UUID) -> bool:
    """Wake a worker for a waiting study; ``False`` when there is no broker or nothing waits.

    The row itself is the outbox: as long as its ``sent_at`` is empty, the watch tries again.
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
    limits = {"time_limit": 3 * settings.INQUIRY_SECONDS, "expires": settings.INQUIRY_SECONDS}
    return wake(ANSWER, {"inquiry_id": str(inquiry.pk)}, queue, **limits)


@unless_away
def send_disclosure(disclosure_id: UUID, seconds: int) -> bool:
    """Wake a worker for a list of who opened a record, as :func:`send_document` does for a document."""
    limit = seconds + HARD_LIMIT_GRACE
    if not wake(DISCLOSE, {"disclosure_id": str(disclosure_id)}, DOCUMENT_QUEUE, time_limit=limit):
        return False
    waiting = Disclosure.objects.filter(pk=disclosure_id, state=DocumentState.REQUESTED)
    waiting.update(sent_at=timezone.now())
    return True


@unless_away
def send_document(document_id: UUID, seconds: int) -> bool:
    """Wake a worker for a document; ``False`` when there is no broker, and the watch sends it later.

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
    """Say whether no study or document is on its way in a queue; ``False`` also without a broker to ask.

    Background jobs lie in a list of their own behind it and are not counted.
    """
    return _length(queue) == 0


def is_empty_of_jobs(queue: str) -> bool:
    """Say whether no background job is on its way in a queue; ``False`` also without a broker to ask."""
    return _length(f"{queue}{PRIORITY_SEPARATOR}{JOB_PRIORITY}") == 0


def lengths() -> dict[tuple[str, str], int]:
    """Return how many messages lie in each queue, apart for studies and for background jobs.

    Returns
    -------
    dict
        By name of the queue and ``"studies"`` or ``"jobs"``.

    Raises
    ------
    clinic.pulse.NoBroker
        When the broker does not answer.
    """
    lists = {
        (name, work): f"{name}{behind}"
        for name in app.conf.QUEUES
        for work, behind in (("studies", ""), ("jobs", f"{PRIORITY_SEPARATOR}{JOB_PRIORITY}"))
    }
    try:
        with (
            app.connection_for_read() as connection,
            connection.default_channel.client.pipeline() as pipeline,
        ):
            for name in lists.values():
                pipeline.llen(name)
            return dict(zip(lists, pipeline.execute(), strict=True))
    except (OperationalError, OSError) as error:
        raise NoBroker from error


def _length(name: str) -> int | None:
    """Return how long a list of the broker is; ``None`` when it does not answer."""
    try:
        with app.connection_for_read() as connection:
            return connection.default_channel.client.llen(name)
    except (OperationalError, OSError):
        return None
