"""Answers to the rows or the study of one chunk, one line each, ready for JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

from clinic.accounts.models import Unit
from ml import batch as floor
from ml import registry, runner
from ml.contracts import Problem, Source, Status
from ml.package import Package
from predictions import channel_mapping
from predictions.batches.models import Batch, BatchFile, Chunk, Holding, Item
from predictions.batches.taking_apart import names
from predictions.limits import TooSlow
from predictions.storage import storage


def rows(chunk: Chunk, items: Sequence[Item], package: Package) -> list[dict[str, Any]]:
    """Answer the rows of a table that ``items`` are, together."""
    batch = chunk.batch
    wanted = {item.number for item in items}
    found = [line for line in _lines(chunk) if line[0] in wanted]
    asked = floor.Asked(batch.algorithm, package, batch.options, stops=(TooSlow, MemoryError))
    answers = floor.answers(asked, names(batch), [cells for _number, _reference, cells in found])
    return [
        _line(
            number,
            reference,
            answer.status,
            {name: answer.result.get(name) for name in asked.door.COLUMNS},
            answer.problems,
            package,
            imputed=answer.result.get(floor.IMPUTED, {}),
        )
        for (number, reference, _cells), answer in zip(found, answers, strict=True)
    ]


def _lines(chunk: Chunk) -> Iterable[tuple[int, str, list[str]]]:
    stored = chunk.batch.files.get(holding=Holding.ROWS)
    with storage.reader(stored.stored_name) as stream:
        stream.seek(chunk.offset)
        content = stream.read(chunk.length)
    return [json.loads(line) for line in content.splitlines()]


def files(chunk: Chunk, items: Sequence[Item], package: Package) -> list[dict[str, Any]]:
    """Answer the study of images or the recording that each of ``items`` is."""
    return [_of_files(chunk.batch, item, package) for item in items]


def _of_files(batch: Batch, item: Item, package: Package) -> dict[str, Any]:
    sent = list(item.files.all())
    with ExitStack() as stack:
        first, *further = [stack.enter_context(storage.local(file.stored_name)) for file in sent]
        source = Source(path=first, further=tuple(further), options=_options(batch, sent[0]))
        outcome = runner.run(batch.algorithm, source, package=package, explain=False)
    answered = outcome.status is Status.OK
    values = registry.door(batch.algorithm, "rows").of_result(outcome.result) if answered else {}
    return _line(item.number, item.name, outcome.status, values, outcome.problems, package)


def _options(batch: Batch, first: BatchFile) -> dict[str, Any]:
    """Return what the unit has set, and the channels that it confirmed for recordings like this one."""
    unit = Unit.objects.filter(code=batch.contract.unit).first()
    if unit is None:
        return dict(batch.options)
    with storage.open(first.stored_name) as head:
        return {**batch.options, **channel_mapping.options(unit, batch.algorithm, {}, head)}


def _line(
    number: int,
    reference: str,
    status: Status,
    values: Mapping[str, Any],
    problems: Iterable[Problem],
    package: Package,
    imputed: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    return {
        "row": number,
        "reference": reference,
        "status": str(status),
        "values": dict(values),
        "imputed": "; ".join(f"{name}={value}" for name, value in (imputed or {}).items()),
        "problems": [problem.as_json() for problem in problems],
        "package_version": package.version,
        "package_sha256": package.sha256,
    }
