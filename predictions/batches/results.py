"""The result of a batch: one row for each row sent, in their order, as CSV and as Parquet.

The CSV is as every other of the product: UTF-8 with a byte order mark, commas between cells, a decimal point
in both languages, an apostrophe before what a spreadsheet would run. Parquet holds the same cells, typed.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow
from pyarrow import parquet

from ml.contracts import Problem
from predictions.batches import layout
from predictions.batches.layout import Column, Holds
from predictions.batches.models import Batch, Chunk, Item, ItemState, Step
from predictions.outputs.csv_cells import written
from predictions.outputs.wording import RESEARCH_USE
from predictions.storage import storage

TYPES = {Holds.WHOLE: pyarrow.int64(), Holds.NUMBER: pyarrow.float64(), Holds.WORDS: pyarrow.string()}
CASTS = {Holds.WHOLE: int, Holds.NUMBER: float, Holds.WORDS: str}


@dataclass(frozen=True, slots=True)
class Table:
    """A result before it is written: its columns, and the cells of each row; ``None`` where nothing is."""

    batch: Batch
    columns: tuple[Column, ...]
    rows: list[list[Any]]


def gather(batch: Batch) -> Table:
    """Put the answers of all chunks together with the rows that nobody answered."""
    answered = {line["row"]: line for line in _lines(batch)}
    columns = layout.columns(batch.algorithm)
    items = batch.items.all().iterator(chunk_size=1000)
    lines = (_of_item(batch, item, answered.get(item.number)) for item in items)
    return Table(batch, columns, [_cells(columns, line) for line in lines])


def as_csv(table: Table) -> bytes:
    """Write a result as CSV."""
    rows = ([_blank(cell) for cell in row] for row in table.rows)
    return written([[column.name for column in table.columns], *rows])


def as_parquet(table: Table) -> bytes:
    """Write a result as Parquet; every column says what it means, the file what answered."""
    language, batch = table.batch.language, table.batch
    about = {
        "batch": str(batch.pk),
        "algorithm": batch.algorithm,
        "package_version": batch.package_version,
        "package_sha256": batch.package_sha256,
        "notice": RESEARCH_USE.to(language),
    }
    fields = [
        pyarrow.field(column.name, TYPES[column.holds], metadata={"description": column.meaning.to(language)})
        for column in table.columns
    ]
    cells = list(zip(*table.rows, strict=True)) or [()] * len(fields)
    arrays = [pyarrow.array(column, field.type) for column, field in zip(cells, fields, strict=True)]
    made = pyarrow.Table.from_arrays(arrays, schema=pyarrow.schema(fields, metadata=about))
    target = io.BytesIO()
    parquet.write_table(made, target, compression="zstd")
    return target.getvalue()


def _lines(batch: Batch) -> Iterator[dict[str, Any]]:
    """Yield every answer; of a row answered twice the later one comes last."""
    done = batch.chunks.filter(step=Step.ANSWER).exclude(stored_name="").order_by("queued_at")
    for chunk in done:
        yield from _of_chunk(chunk)


def _of_chunk(chunk: Chunk) -> list[dict[str, Any]]:
    with storage.reader(chunk.stored_name) as stream:
        return [json.loads(line) for line in stream.read().splitlines()]


def _of_item(batch: Batch, item: Item, line: dict[str, Any] | None) -> dict[str, Any]:
    """Return what the row of an item says: its answer, or why it has none."""
    pinned = {"package_version": batch.package_version, "package_sha256": batch.package_sha256}
    found = {"row": item.number, "reference": item.name, "values": {}, "imputed": ""} | pinned | (line or {})
    problems = item.problems if line is None or item.state != ItemState.OK else line["problems"]
    said = [Problem.from_json(problem) for problem in problems]
    return (
        {key: value for key, value in found.items() if key != "values"}
        | (found["values"] if item.state == ItemState.OK else {})
        | {
            "status": str(item.state),
            "problems": "; ".join(f"{p.field}: {p.code}" if p.field else p.code for p in said),
            "sentences": " ".join(problem.message.to(batch.language) for problem in said),
        }
    )


def _cells(columns: tuple[Column, ...], line: dict[str, Any]) -> list[Any]:
    cells = [line.get(column.name) for column in columns]
    return [
        None if cell is None or cell == "" else CASTS[column.holds](cell)
        for column, cell in zip(columns, cells, strict=True)
    ]


def _blank(cell: Any) -> Any:
    return "" if cell is None else cell
