"""From what was sent to rows and studies, each with its number: done by a worker.

A table becomes a file of one row a line, its cells in the order of the named fields and nothing else of it. A
ZIP file becomes its files; images of one DICOM study become one study.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec

from ml import batch as floor
from ml import registry, tables
from ml.contracts import Problem, Refused
from predictions.batches import archives
from predictions.batches.models import Batch, BatchFile, Holding, Item, ItemState
from predictions.batches.progress import ROWS_A_CHUNK
from predictions.batches.table import NO_ROWS
from predictions.batches.words import (
    LARGE_STUDY,
    LONG_REFERENCE,
    LONGEST_REFERENCE,
    MOST_ROWS,
    NOTHING_INSIDE,
    ONLY_HIDDEN,
    TOO_MANY_ROWS,
)
from predictions.storage import HEAD_BYTES, Received, storage, too_large

FOLDER = "batches"
LONGEST_NAME = 255
# Larger than the largest table with every cell quoted anew.
LARGEST_ROWS = 1 << 30


@dataclass
class Span:
    """The rows or the study of one chunk, and where its rows lie."""

    items: list[Item]
    offset: int = 0
    length: int = 0


@dataclass
class Taken:
    """What was taken out of a batch.

    Parameters
    ----------
    refused
        What is answered by no worker.
    files
        New files of the rows, in private storage already.
    kept
        Files as they were sent that are a row's own now.
    left_out
        Files of an archive that are no input: hidden ones, folders of a system.
    """

    spans: list[Span] = field(default_factory=list)
    refused: list[Item] = field(default_factory=list)
    files: list[BatchFile] = field(default_factory=list)
    kept: list[BatchFile] = field(default_factory=list)
    left_out: int = 0


def rows(batch: Batch) -> Taken:
    """Take a table apart.

    Raises
    ------
    ml.contracts.Refused
        When it holds no row, too many, or is no table after all.
    """
    taken = Taken()
    kept = Received(limit=LARGEST_ROWS)
    try:
        sent = batch.files.get(holding=Holding.SENT)
        with storage.local(sent.stored_name) as path, tables.opened(path) as table:
            _write_rows(batch, table, kept, taken)
        taken.files.append(_file(batch, Holding.ROWS, kept, sent.original_name))
    finally:
        kept.close()
    return taken


def _write_rows(batch: Batch, table: tables.Table, kept: Received, taken: Taken) -> None:
    places = [index for index, name in enumerate(table.header) if batch.columns.get(name)]
    named = [batch.columns[table.header[index]] for index in places]
    said = places[named.index(floor.REFERENCE)] if floor.REFERENCE in named else None
    read = [index for index in places if index != said]
    count = 0
    for count, (number, cells) in enumerate(table.rows, 1):
        if count > MOST_ROWS:
            raise Refused(TOO_MANY_ROWS)
        reference = cells[said] if cells and said is not None and said < len(cells) else ""
        item = Item(batch=batch, number=number, name=_shown(reference))
        if problem := _unlike(cells, table.header) or _too_long(reference):
            taken.refused.append(_refused(item, problem))
            continue
        line = json.dumps([number, reference, [cells[index] for index in read]], ensure_ascii=False)
        line = f"{line}\n".encode()
        if not taken.spans or len(taken.spans[-1].items) == ROWS_A_CHUNK:
            taken.spans.append(Span([], offset=kept.size))
        span = taken.spans[-1]
        kept.write(line)
        span.items.append(item)
        span.length += len(line)
    if not count:
        raise Refused(NO_ROWS)
    if kept.problem:
        raise Refused(kept.problem)


def names(batch: Batch) -> list[str]:
    """Return the fields whose cells a row of a taken table has, in their order."""
    named = [batch.columns.get(name, "") for name in batch.header]
    return [name for name in named if name and name != floor.REFERENCE]


def _unlike(cells: Sequence[str] | None, header: Sequence[str]) -> Problem | None:
    if cells is None:
        return floor.NOT_READABLE
    if len(cells) == len(header):
        return None
    return Problem("not_alike", floor.NOT_ALIKE.format(found=len(cells), expected=len(header)))


def _too_long(reference: str) -> Problem | None:
    return LONG_REFERENCE if len(reference) > LONGEST_REFERENCE else None


def _shown(reference: str) -> str:
    """Return a reference as it is kept: whole, or plainly cut where its row is refused for its length."""
    reference = reference.replace("\x00", "\N{REPLACEMENT CHARACTER}")
    return reference if len(reference) <= LONGEST_REFERENCE else f"{reference[: LONGEST_REFERENCE - 1]}…"


def _refused(item: Item, problem: Problem) -> Item:
    item.state, item.problems = ItemState.REFUSED, [problem.as_json()]
    return item


def inputs(batch: Batch) -> Taken:
    """Take images or recordings out of what was sent, and put together what belongs together.

    Raises
    ------
    ml.contracts.Refused
        When there is none, or an archive cannot be opened.
    """
    taken = Taken()
    studies: dict[str, list[BatchFile] | _Found] = {}
    try:
        for place, found in enumerate(_found(batch, taken), 1):
            alone = f"file {place}"
            if found.problem:
                studies[alone] = found
                continue
            study = _study_of(batch, found) or alone
            studies.setdefault(study, []).append(_keep(batch, taken, found, place))
    except BaseException:
        for file in taken.files:
            storage.discard(file.stored_name)
        raise
    if not studies:
        Batch.objects.filter(pk=batch.pk).update(left_out=taken.left_out)
        raise Refused(_nothing(taken.left_out))
    for number, what in enumerate(studies.values(), 1):
        if isinstance(what, _Found):
            item = Item(batch=batch, number=number, name=what.name[-LONGEST_NAME:])
            taken.refused.append(_refused(item, what.problem))
        else:
            _add_study(batch, taken, what, number)
    return taken


def _nothing(left_out: int) -> Problem:
    if not left_out:
        return NOTHING_INSIDE
    return Problem("only_hidden", ONLY_HIDDEN.format(count=left_out), field="file")


@dataclass(frozen=True, slots=True)
class _Found:
    """A file of what was sent: one as it came, or one out of an archive."""

    name: str
    problem: Problem | None = None
    sent: BatchFile | None = None
    received: Received | None = None


def _found(batch: Batch, taken: Taken) -> Iterator[_Found]:
    limit = batch.contract.limits.upload_bytes
    for sent in batch.files.filter(holding=Holding.SENT):
        if archives.is_clutter(sent.original_name):
            taken.left_out += 1
            continue
        with storage.reader(sent.stored_name) as stream:
            if archives.is_zip(stream.read(HEAD_BYTES)):
                archive = archives.opened(stream)
                taken.left_out += archive.left_out
                for member in archive.members(limit=limit):
                    yield _Found(member.name, member.problem, None, member.received)
                continue
        problem = too_large(limit) if sent.size > limit else None
        yield _Found(sent.original_name, problem, sent)


def _keep(batch: Batch, taken: Taken, found: _Found, place: int) -> BatchFile:
    if found.received is not None:
        stored = _file(batch, Holding.INPUT, found.received, found.name, place)
        taken.files.append(stored)
        return stored
    kept = found.sent
    kept.holding, kept.number = Holding.INPUT, place
    taken.kept.append(kept)
    return kept


def _add_study(batch: Batch, taken: Taken, files: list[BatchFile], number: int) -> None:
    """Make one row of the files of a study."""
    item = Item(batch=batch, number=number, name=_name(files))
    for file in files:
        file.item = item
    most = batch.contract.max_files
    if len(files) > most:
        message = LARGE_STUDY.format(sent=len(files), limit=most)
        taken.refused.append(_refused(item, Problem("too_many_files", message)))
    else:
        taken.spans.append(Span([item]))


def _name(files: Sequence[BatchFile]) -> str:
    if len(files) == 1:
        return files[0].original_name
    return ", ".join(file.original_name.rpartition("/")[2] for file in files)[:LONGEST_NAME]


def _study_of(batch: Batch, found: _Found) -> str:
    """Return what puts a file together with others; empty where each file is a study of its own."""
    if batch.contract.max_files == 1 or find_spec(f"{registry.ALGORITHMS[batch.algorithm]}.grouping") is None:
        return ""
    lent = found.received.local() if found.received else storage.local(found.sent.stored_name)
    with lent as path:
        return registry.door(batch.algorithm, "grouping").study_of(path)


def _file(batch: Batch, holding: Holding, received: Received, name: str, number: int = 0) -> BatchFile:
    return BatchFile(
        batch=batch,
        holding=holding,
        number=number,
        original_name=name[-LONGEST_NAME:],
        size=received.size,
        sha256=received.sha256,
        stored_name=storage.adopt(received, FOLDER),
    )
