"""What becomes of a batch: asked again, withdrawn, deleted; and swept when its days are over."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from django.db import transaction

from clinic.accounts.models import User
from clinic.audit.models import Action
from clinic.audit.recording import WORKER, record
from ml.contracts import Refused
from predictions.batches import access, progress, selectors
from predictions.batches.models import (
    REPEATABLE,
    Batch,
    BatchFile,
    Chunk,
    Format,
    Holding,
    Item,
    ItemState,
    Output,
    Stage,
    Step,
)
from predictions.batches.words import MOVED_ON, NO_RESULT, NOT_YET, NOTHING_TO_REPEAT
from predictions.storage import storage


def withdraw(*, user: User, batch: Batch) -> int:
    """Take back what no worker has begun, and return how many rows; recorded.

    Raises
    ------
    ml.contracts.Refused
        When the batch is not being answered.
    """
    if batch.stage != Stage.ANSWERING:
        raise Refused(MOVED_ON)
    with transaction.atomic():
        rows = progress.withdraw(batch)
        record(Action.WITHDRAW, actor=user, kind="batch", object_id=str(batch.pk), detail={"rows": rows})
    return rows


def ask_again(*, user: User, batch: Batch) -> int:
    """Have the failed and the withdrawn rows answered after all, by the same package; return how many.

    A batch that could not be taken apart, or whose result could not be written, goes on from there.

    Raises
    ------
    ml.contracts.Refused
        When it is still being worked on, nothing of it failed, or its unit evaluates in silence.
    """
    access.require_answers(user, batch)
    with transaction.atomic():
        held = progress.locked(batch.pk)
        if held is None or held.goes_on or held.stage == Stage.PREPARED:
            raise Refused(NOT_YET)
        failed = list(held.items.filter(state__in=REPEATABLE).select_related("chunk"))
        if held.stage == Stage.FAILED and not held.items.exists():
            _resume(held, Stage.READING, Step.READ)
        elif failed:
            _repeat(held, failed)
        elif held.stage == Stage.FAILED:
            _resume(held, Stage.WRITING, Step.WRITE)
        else:
            raise Refused(NOTHING_TO_REPEAT)
        record(Action.RETRY, actor=user, kind="batch", object_id=str(held.pk), detail={"rows": len(failed)})
    return len(failed)


def output(batch: Batch, form: str) -> Output:
    """Return the result of a batch in a format.

    Raises
    ------
    ml.contracts.Refused
        When there is none yet.
    """
    found = batch.outputs.filter(format=Format(form)).first()
    if found is None:
        raise Refused(NO_RESULT)
    return found


def delete(batch: Batch, *, actor: User | None = None) -> None:
    """Delete a batch with everything it brought and everything that came of it; recorded, as nothing else is.

    A chunk that a worker is at is dropped: it finds its row gone.
    """
    by = {"actor": actor} if actor else {"actor_label": WORKER}
    with transaction.atomic():
        _discard_after_commit(_names(batch))
        detail = {"algorithm": batch.algorithm, "rows": batch.items.count()}
        record(Action.DISCARD, kind="batch", object_id=str(batch.pk), detail=detail, **by)
        batch.delete()


def sweep() -> None:
    """Delete the batches whose days are over, and the tables whose columns nobody named for a day."""
    for batch in selectors.overdue():
        delete(batch)


def drop_inputs(batch: Batch) -> None:
    """Delete the files that nothing can be asked of any more: those of rows answered or refused."""
    done = batch.files.filter(item__state__in=(ItemState.OK, ItemState.REFUSED))
    _drop(done)
    if not batch.items.filter(state__in=REPEATABLE).exists():
        _drop(batch.files.filter(holding=Holding.ROWS))


def drop_sent(batch: Batch) -> None:
    """Delete what was sent once its rows or files were taken out of it."""
    _drop(batch.files.filter(holding=Holding.SENT))


def drop_outputs(batch: Batch) -> None:
    """Delete the result: another one is being written."""
    _discard_after_commit(batch.outputs.values_list("stored_name", flat=True))
    batch.outputs.all().delete()


def _repeat(batch: Batch, failed: Iterable[Item]) -> None:
    """Put rows into new chunks, those of one former chunk together: they lie in one piece of the table."""
    drop_outputs(batch)
    by_chunk: dict[Chunk, list[Item]] = {}
    for item in failed:
        if item.chunk is not None:
            by_chunk.setdefault(item.chunk, []).append(item)
    for former, items in by_chunk.items():
        chunk = progress.begin(batch, Step.ANSWER, offset=former.offset, length=former.length)
        Item.objects.filter(pk__in=[item.pk for item in items]).update(
            chunk=chunk, state=ItemState.WAITING, problems=[]
        )
    progress.move(batch, Stage.ANSWERING, problems=[], finished_at=None)


def _resume(batch: Batch, stage: Stage, step: Step) -> None:
    progress.move(batch, stage, problems=[], finished_at=None)
    progress.begin(batch, step)


def _drop(files: Iterable[BatchFile]) -> None:
    rows = list(files)
    _discard_after_commit(file.stored_name for file in rows)
    BatchFile.objects.filter(pk__in=[file.pk for file in rows]).delete()


def _names(batch: Batch) -> list[str]:
    kept = (batch.files.all(), batch.outputs.all(), batch.chunks.exclude(stored_name=""))
    return [name for rows in kept for name in rows.values_list("stored_name", flat=True)]


def _discard_after_commit(names: Iterable[str]) -> None:
    for name in list(names):
        transaction.on_commit(partial(storage.discard, name))
