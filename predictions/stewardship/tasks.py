"""What the worker of the ``training`` queue does when woken. A message carries an id, nothing else."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task

from predictions.stewardship import queue, run


@shared_task(name=queue.WORK)
def work(*, training_id: str) -> None:
    """Read or train on one waiting table; a second message for it finds nothing to do."""
    if training := run.claim(UUID(training_id)):
        run.run(training)
