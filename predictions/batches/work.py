"""What a worker does for a batch: take apart what was sent, answer a chunk of it, write the result.

Each ends in one transaction or not at all: a chunk whose worker was lost is done again from its beginning.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.core.files.base import ContentFile
from django.db import transaction
from django.utils import timezone

from ml import package as packages
from ml.contracts import Problem
from ml.package import BrokenPackage
from predictions.batches import access, answering, progress, results, services, taking_apart
from predictions.batches.models import (
    Batch,
    BatchFile,
    Chunk,
    Format,
    Item,
    ItemState,
    Output,
    Stage,
    Step,
)
from predictions.batches.taking_apart import Taken
from predictions.batches.words import IN_SILENCE
from predictions.jobs import Ending
from predictions.run import PACKAGE_BROKEN
from predictions.storage import receive, storage

log = logging.getLogger(__name__)

FOLDER = "batches"
AT_ONCE = 1000


def work(chunk: Chunk) -> Ending:
    """Do one piece of work on a batch, as :data:`progress.KIND` names it.

    Raises
    ------
    ml.contracts.Refused
        When what was sent cannot be taken apart.
    """
    return STEPS[Step(chunk.step)](chunk)


def _read(chunk: Chunk) -> Ending:
    batch = chunk.batch
    taken = taking_apart.rows(batch) if batch.tabular else taking_apart.inputs(batch)
    return Ending(write=partial(_keep, batch, taken))


def _keep(batch: Batch, taken: Taken) -> None:
    """Write the rows of a batch, and the chunks in which they are answered."""
    for span in taken.spans:
        chunk = progress.begin(batch, Step.ANSWER, offset=span.offset, length=span.length)
        for item in span.items:
            item.chunk = chunk
    items = sorted([*taken.refused, *(item for span in taken.spans for item in span.items)], key=_number)
    Item.objects.bulk_create(items, batch_size=AT_ONCE)
    BatchFile.objects.bulk_update(taken.kept, ["item", "holding", "number"], batch_size=AT_ONCE)
    services.drop_sent(batch)
    BatchFile.objects.bulk_create(taken.files, batch_size=AT_ONCE)
    progress.move(batch, Stage.ANSWERING, left_out=taken.left_out)
    # A table of nothing but refused rows has its result already.
    progress.advance(batch.pk)


def _number(item: Item) -> int:
    return item.number


def _answer(chunk: Chunk) -> Ending:
    batch = chunk.batch
    items = list(chunk.items.filter(state=ItemState.WAITING))
    if access.is_withheld(batch.created_by, batch.contract):
        return Ending(write=partial(_unanswered, chunk, items, ItemState.WITHDRAWN, IN_SILENCE))
    try:
        package = packages.by_sha256(batch.algorithm, batch.package_sha256)
    except BrokenPackage as error:
        log.error("model package broken", exc_info=error, extra={"batch": str(batch.pk)})
        return Ending(write=partial(_unanswered, chunk, items, ItemState.FAILED, PACKAGE_BROKEN))
    answer = answering.rows if batch.tabular else answering.files
    lines = answer(chunk, items, package)
    stored = _store("".join(f"{json.dumps(line, allow_nan=False)}\n" for line in lines).encode())
    return Ending({"stored_name": stored.name}, partial(_answered, chunk, items, lines, stored.name))


def _unanswered(chunk: Chunk, items: Iterable[Item], state: ItemState, problem: Problem) -> None:
    said = [problem.as_json()]
    Item.objects.filter(pk__in=[item.pk for item in items]).update(state=state, problems=said)
    progress.advance(chunk.batch_id)


def _answered(chunk: Chunk, items: Iterable[Item], lines: Iterable[dict[str, Any]], stored_name: str) -> None:
    """Write what became of each row; nothing of it when a silent evaluation began meanwhile."""
    if access.is_withheld(chunk.batch.created_by, chunk.batch.contract):
        Chunk.objects.filter(pk=chunk.pk).update(stored_name="")
        transaction.on_commit(partial(storage.discard, stored_name))
        _unanswered(chunk, items, ItemState.WITHDRAWN, IN_SILENCE)
        return
    by_number = {line["row"]: line for line in lines}
    changed = []
    for item in items:
        line = by_number[item.number]
        item.state = ItemState(line["status"])
        item.problems = [] if item.state == ItemState.OK else line["problems"]
        changed.append(item)
    Item.objects.bulk_update(changed, ["state", "problems"], batch_size=AT_ONCE)
    progress.advance(chunk.batch_id)


def _write(chunk: Chunk) -> Ending:
    batch = chunk.batch
    table = results.gather(batch)
    written = {Format.CSV: results.as_csv(table), Format.PARQUET: results.as_parquet(table)}
    outputs = []
    for form, content in written.items():
        kept = _store(content)
        outputs.append(
            Output(batch=batch, format=form, stored_name=kept.name, size=kept.size, sha256=kept.sha256)
        )
    return Ending(write=partial(_written, batch, outputs))


def _written(batch: Batch, outputs: list[Output]) -> None:
    services.drop_outputs(batch)
    Output.objects.bulk_create(outputs)
    services.drop_inputs(batch)
    progress.move(batch, Stage.DONE, problems=[], finished_at=timezone.now())


@dataclass(frozen=True, slots=True)
class _Kept:
    name: str
    size: int
    sha256: str


def _store(content: bytes) -> _Kept:
    received = receive(ContentFile(content), limit=len(content))
    return _Kept(storage.adopt(received, FOLDER), received.size, received.sha256)


STEPS: dict[Step, Callable[[Chunk], Ending]] = {Step.READ: _read, Step.ANSWER: _answer, Step.WRITE: _write}
