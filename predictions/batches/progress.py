"""A batch from step to step: which work follows, within which limits, what a lost worker leaves behind."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from ml.contracts import Limits
from predictions import jobs
from predictions.batches.models import Batch, Chunk, Item, ItemState, Stage, Step
from predictions.models import JOB_PENDING, JobState

ROWS_A_CHUNK = 100
GIBIBYTE = 1 << 30
SECONDS = {Step.READ: 900, Step.ANSWER: 60, Step.WRITE: 300}
MEMORY_BYTES = 2 * GIBIBYTE


def limits_of(chunk: Chunk) -> Limits:
    """Return what one piece of work may take: a file as much as a study of it, a chunk of rows a minute."""
    own = chunk.batch.contract.limits
    if chunk.step == Step.ANSWER and not chunk.batch.tabular:
        return own
    return Limits(SECONDS[Step(chunk.step)], max(own.memory_bytes, MEMORY_BYTES))


def begin(batch: Batch, step: Step, **fields: Any) -> Chunk:
    """Write a piece of work and have a worker do it once the transaction is committed."""
    chunk = Chunk.objects.create(
        batch=batch, step=step, algorithm=batch.algorithm, queued_at=timezone.now(), **fields
    )
    jobs.start(chunk)
    return chunk


def locked(batch_id: UUID) -> Batch | None:
    """Return a batch that no other transaction changes until this one ends; ``None`` once it is deleted."""
    return Batch.objects.select_for_update().filter(pk=batch_id).first()


def advance(batch_id: UUID) -> None:
    """Have the result written once no row is waited for any more; in the transaction of the last of them."""
    batch = locked(batch_id)
    if batch is None or batch.stage != Stage.ANSWERING:
        return
    if not batch.chunks.filter(step=Step.ANSWER, state__in=JOB_PENDING).exists():
        move(batch, Stage.WRITING)
        begin(batch, Step.WRITE)


def move(batch: Batch, stage: Stage, **values: Any) -> None:
    """Write where a batch is, and whatever goes with it."""
    Batch.objects.filter(pk=batch.pk).update(stage=stage, **values)


def lost(chunk: Chunk) -> None:
    """Say of the rows of a chunk, or of the batch, why a worker brought it to no good end."""
    ended = Chunk.objects.select_related("batch").get(pk=chunk.pk)
    if ended.step == Step.ANSWER:
        waiting = Item.objects.filter(chunk=ended, state=ItemState.WAITING)
        waiting.update(state=ItemState.FAILED, problems=ended.problems)
        advance(ended.batch_id)
        return
    refused = ended.state == JobState.REFUSED and ended.step == Step.READ
    stage = Stage.REFUSED if refused else Stage.FAILED
    move(ended.batch, stage, problems=ended.problems, finished_at=timezone.now())


def withdraw(batch: Batch) -> int:
    """Take back what no worker has begun; what was answered is written as the result.

    Returns
    -------
    int
        How many rows were taken back.
    """
    with transaction.atomic():
        held = locked(batch.pk)
        if held is None or held.stage != Stage.ANSWERING:
            return 0
        queued = held.chunks.filter(step=Step.ANSWER, state=JobState.QUEUED)
        taken = [chunk.pk for chunk in queued if jobs.withdraw(chunk)]
        rows = held.items.filter(chunk__in=taken, state=ItemState.WAITING).update(state=ItemState.WITHDRAWN)
        advance(held.pk)
    return rows


KIND = jobs.Kind(
    name="batch", model=Chunk, work="predictions.batches.work.work", limits_of=limits_of, lost=lost
)
