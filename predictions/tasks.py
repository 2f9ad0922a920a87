"""What workers do when woken: thin, as Celery is one more way in. A message carries an id, nothing else."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task

from predictions import disclosing, erasing, inquiries, jobs, lease, queue
from predictions import run as analysis
from predictions.outputs import rendering


@shared_task(name=queue.ANALYSE)
def analyse(*, study_id: str) -> None:
    """Analyse one waiting study; a second message for the same study finds nothing to do."""
    if study := lease.claim(UUID(study_id)):
        analysis.run(study)


@shared_task(name=queue.ANSWER)
def answer(*, inquiry_id: str) -> None:
    """Answer one question of a program."""
    inquiries.answer(UUID(inquiry_id))


@shared_task(name=queue.RENDER)
def render(*, document_id: str) -> None:
    """Write one document."""
    rendering.render(UUID(document_id))


@shared_task(name=queue.DISCLOSE)
def disclose(*, disclosure_id: str) -> None:
    """Write one list of who opened a record."""
    disclosing.render(UUID(disclosure_id))


@shared_task(name=queue.ERASE)
def erase(*, erasure_id: str) -> None:
    """Do what comes next for one erasure."""
    erasing.work(UUID(erasure_id))


@shared_task(name=jobs.WORK)
def work(*, kind: str, job_id: str) -> None:
    """Do one background job."""
    jobs.work(kind, UUID(job_id))
