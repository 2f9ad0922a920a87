"""Many inputs at once: one row of a CSV file in, one row out, in order, for any algorithm with a form.

The file is read and written a thousand rows at a time, so its length costs time and no memory.
"""

from __future__ import annotations

import csv
import logging
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any, TextIO

from ml import package as packages
from ml import registry
from ml.cells import inert_unless_number
from ml.contracts import Loaded, Problem, Refused, Source, Status, Text
from ml.tables import Table, WrongTable, named, opened

log = logging.getLogger(__name__)

ROWS_AT_ONCE = 1000
STATUS, IMPUTED, PROBLEMS = "answer", "imputed", "problems"
REFERENCE = "reference"
"""A column of the sender's own, their number of the row: given back and never read."""

NOT_ALIKE = Text(
    "The row has {found} cells and the header {expected}: correct the row.",
    "La ligne a {found} cellules et l’en-tête {expected} : corrigez-la.",
)
NOT_READABLE = Problem(
    "not_a_row",
    Text(
        "The row cannot be read as CSV: a quotation mark has no counterpart, or a cell is too long. Correct "
        "the row.",
        "La ligne ne se lit pas comme du CSV : un guillemet n’a pas son pendant, ou une cellule est trop "
        "longue. Corrigez-la.",
    ),
)
DEFECT = Problem(
    "internal",
    Text(
        "The analyser stopped on this row; this is a defect of the software.",
        "L’analyse s’est arrêtée sur cette ligne ; c’est un défaut du logiciel.",
    ),
)


SAME_FILE = Problem(
    "out_is_table",
    Text(
        "The file to write is the table itself. Name another one.",
        "Le fichier à écrire est la table elle-même. Indiquez-en un autre.",
    ),
)
NO_ROWS = Problem(
    "no_rows",
    Text(
        "The file has a header and no row. Export it again.",
        "Le fichier a un en-tête et aucune ligne. Exportez-le de nouveau.",
    ),
)
COLUMN_TAKEN = Text(
    "The file has columns named like the answer’s: {names}. Rename them.",
    "Le fichier a des colonnes du nom de celles de la réponse : {names}. Renommez-les.",
)


NO_SUCH_COLUMN = Text(
    "The file has no column {names}. Look at its first line.",
    "Le fichier n’a pas de colonne {names}. Vérifiez sa première ligne.",
)
FIELD_TWICE = Text(
    "Several columns hold {names}. Keep the one that does.",
    "Plusieurs colonnes contiennent {names}. Gardez la bonne.",
)


@dataclass
class Answer:
    """What one row gets.

    Parameters
    ----------
    cells
        The row as it was sent.
    result
        What the algorithm’s ``rows.answers`` returned; empty unless ``status`` is ``ok``.
    """

    cells: Sequence[str]
    status: Status
    result: Mapping[str, Any] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()


@dataclass
class Summary:
    """How a file was answered: rows by status, fields filled in and reasons, with their counts."""

    rows: Counter[str] = field(default_factory=Counter)
    imputed: Counter[str] = field(default_factory=Counter)
    problems: Counter[str] = field(default_factory=Counter)

    def add(self, answer: Answer) -> None:
        """Count one answer."""
        self.rows[str(answer.status)] += 1
        self.imputed.update(list(answer.result.get(IMPUTED, ())))
        self.problems.update(f"{p.field}: {p.code}" if p.field else p.code for p in answer.problems)

    def as_json(self) -> dict[str, Any]:
        """Return the counts, most frequent first."""
        return {
            "rows": self.rows.total(),
            **{str(status): self.rows[status] for status in Status},
            IMPUTED: dict(self.imputed.most_common()),
            PROBLEMS: dict(self.problems.most_common()),
        }


def score_file(
    algorithm: str,
    table: Path,
    out: Path,
    *,
    version: str = "",
    options: Mapping[str, Any] | None = None,
    language: str = "en",
    columns: Mapping[str, str] | None = None,
) -> Summary:
    """Answer every row of a CSV file and write ``out``: the columns of the file, then the answer.

    Parameters
    ----------
    algorithm
        One whose input is a form.
    table
        CSV with a header of field names and perhaps :data:`REFERENCE`, separated by comma, semicolon, tab or
        bar; UTF-8, UTF-16 or Windows-1252, as spreadsheets write them.
    out
        Written beside its name first and moved there when whole.
    options
        As of a :class:`ml.contracts.Source`.
    language
        Of the sentences in the column ``problems``.
    columns
        Column → field, for columns that are not called as their field; empty for one that is not read.

    Raises
    ------
    WrongTable
        When there is no header, a name occurs twice or is one of the answer's, ``columns`` names a column
        that is not there or a field twice, or ``out`` is ``table``.
    ml.package.BrokenPackage
        The package is not what its manifest says.
    """
    if out.exists() and out.samefile(table):
        raise WrongTable(SAME_FILE)
    asked = Asked(algorithm, packages.load(algorithm, version), options or {}, language)
    part = out.with_name(f"{out.name}.part")
    try:
        with (
            opened(table) as source,
            part.open("w", encoding="utf-8", newline="") as target,
        ):
            summary = _score(asked, source, target, columns or {})
        os.replace(part, out)
    finally:
        part.unlink(missing_ok=True)
    return summary


@dataclass(frozen=True)
class Asked:
    """What rows are answered with.

    Parameters
    ----------
    options
        As of a :class:`ml.contracts.Source`.
    language
        Of the sentences written into a table.
    stops
        Exceptions that are no defect of one row and end the work on all: its time is over, or its memory.
    """

    algorithm: str
    package: packages.Package
    options: Mapping[str, Any]
    language: str = "en"
    stops: tuple[type[BaseException], ...] = ()

    @property
    def door(self) -> ModuleType:
        """The algorithm's module that answers many rows at once."""
        return registry.door(self.algorithm, "rows")


def _score(asked: Asked, source: Table, target: TextIO, columns: Mapping[str, str]) -> Summary:
    header = source.header
    fields = _fields(header, columns)
    if taken := sorted({STATUS, *asked.door.COLUMNS, IMPUTED, PROBLEMS} & set(header)):
        raise WrongTable(named("column_taken", COLUMN_TAKEN, taken))
    write = csv.writer(target, delimiter=source.delimiter, lineterminator="\n").writerow
    write((*map(inert_unless_number, header), STATUS, *asked.door.COLUMNS, IMPUTED, PROBLEMS))
    summary = Summary()
    while chunk := list(islice(source.rows, ROWS_AT_ONCE)):
        for answer in answers(asked, fields, [row.cells for row in chunk]):
            summary.add(answer)
            write(_written(asked, answer, header))
    if not summary.rows:
        raise WrongTable(NO_ROWS)
    return summary


def _fields(header: Sequence[str], columns: Mapping[str, str]) -> list[str]:
    """Return the field that each column holds; empty for one that is not read."""
    if absent := sorted(set(columns) - set(header)):
        raise WrongTable(named("no_such_column", NO_SUCH_COLUMN, absent))
    own = {name: "" for name in header if name.strip().casefold() == REFERENCE}
    said = {name: "" if field == REFERENCE else field for name, field in columns.items()}
    fields = [(own | said).get(name, name) for name in header]
    if twice := sorted(field for field, count in Counter(filter(None, fields)).items() if count > 1):
        raise WrongTable(named("field_twice", FIELD_TWICE, twice))
    return fields


def answers(asked: Asked, header: Sequence[str], rows: Sequence[Sequence[str] | None]) -> Iterator[Answer]:
    """Yield one answer per row, in order; what can be scored is scored together.

    Parameters
    ----------
    header
        Names of fields; empty for a cell that is not read.
    rows
        Their cells; ``None`` for a row that is no CSV.
    """
    read = [_read(asked, header, row) for row in rows]
    scored = iter(_scored(asked, [found for found in read if isinstance(found, Loaded)]))
    for row, found in zip(rows, read, strict=True):
        if not isinstance(found, Loaded):
            status = Status.FAILED if DEFECT in found else Status.REFUSED
            yield Answer(row or (), status, problems=found)
        elif (result := next(scored)) is None:
            yield Answer(row or (), Status.FAILED, problems=(DEFECT,))
        else:
            yield Answer(row or (), Status.OK, result, found.problems)


def _read(asked: Asked, header: Sequence[str], row: Sequence[str] | None) -> Loaded | tuple[Problem, ...]:
    if row is None:
        return (NOT_READABLE,)
    if len(row) != len(header):
        return (Problem("not_alike", NOT_ALIKE.format(found=len(row), expected=len(header))),)
    values = {name: cell for name, cell in zip(header, row, strict=True) if name}
    source = Source(values=values, options=asked.options)
    try:
        return registry.door(asked.algorithm, "load").load(source, asked.package)
    except Refused as refusal:
        return refusal.problems
    except asked.stops:
        raise
    # One row we stumble over must not cost the answers to the others; the log has the type only,
    # because messages may quote the row.
    except Exception as error:  # noqa: BLE001
        log.error("row not read", extra={"algorithm": asked.algorithm, "error": type(error).__name__})
        return (DEFECT,)


def _scored(asked: Asked, loaded: Sequence[Loaded]) -> list[Mapping[str, Any] | None]:
    """Return a result per row, ``None`` for one that cannot be scored through a defect of ours."""
    if not loaded:
        return []
    try:
        return list(asked.door.answers(asked.package, [found.data for found in loaded]))
    except asked.stops:
        raise
    except Exception as error:  # noqa: BLE001
        log.error("rows not scored", extra={"algorithm": asked.algorithm, "error": type(error).__name__})
        if len(loaded) == 1:
            return [None]
        return [result for found in loaded for result in _scored(asked, [found])]


def _written(asked: Asked, answer: Answer, header: Sequence[str]) -> list[Any]:
    """Return the row to write: the cells as sent, cut or filled to the header, then the answer."""
    cells = [*map(inert_unless_number, answer.cells), *[""] * len(header)][: len(header)]
    results = [answer.result.get(name, "") for name in asked.door.COLUMNS]
    imputed = "; ".join(f"{name}={value}" for name, value in answer.result.get(IMPUTED, {}).items())
    sentences = " ".join(problem.message.to(asked.language) for problem in answer.problems)
    return [*cells, str(answer.status), *results, imputed, sentences]
