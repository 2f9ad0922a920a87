"""A hospital's CSV file as cells of the mapped columns."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ml.algorithms.haemorrhage import mapping as mappings
from ml.algorithms.haemorrhage.hospital import file_sentences as say
from ml.algorithms.haemorrhage.mapping import Mapping
from ml.algorithms.haemorrhage.mapping.simulated import marker, says_simulated
from ml.contracts import Refused
from ml.tables import encoding_of, head

SHORT_ROWS = 0.01


@dataclass(frozen=True)
class Table:
    """Cells of the mapped columns as they stand in the file.

    Parameters
    ----------
    cells
        Column per field, of strings.
    line
        Shape (rows,): line of the file on which each row ends, counted from 1.
    header
        Names of all columns.
    simulated
        Whether a column marks every row as a simulated birth.
    """

    cells: pd.DataFrame
    line: np.ndarray
    header: tuple[str, ...]
    encoding: str
    separator: str
    simulated: bool


def read(path: Path, mapping: Mapping) -> Table:
    """Read the mapped columns of a file.

    Raises
    ------
    Refused
        With what the file is instead, or with what is wrong with header, rows or mapping.
    """
    encoding = encoding_of(path)
    header, separator = head(path, encoding)
    if problems := mappings.check(header, mapping):
        raise Refused(*problems)
    wanted = [(field, header.index(column.column)) for field, column in mapping.columns.items()]
    cells, lines, simulated = _cells(path, encoding, separator, wanted, header)
    return Table(cells, lines, tuple(header), encoding, separator, simulated)


def _cells(
    path: Path, encoding: str, separator: str, wanted: Sequence[tuple[str, int]], header: Sequence[str]
) -> tuple[pd.DataFrame, np.ndarray, bool]:
    # Columns have few different cells: each is kept once, so that a large file fits into memory.
    columns: list[tuple[list[str], int, dict[str, str]]] = [([], index, {}) for _, index in wanted]
    lines: list[int] = []
    width, mark, short, marked = len(header), marker(header), 0, 0
    with path.open(encoding=encoding, newline="") as stream:
        # Strict: a quotation mark that is never closed would swallow every row behind it.
        rows = csv.reader(stream, delimiter=separator, strict=True)
        next(rows)
        try:
            for row in rows:
                if not row:
                    continue
                if len(row) > width:
                    raise Refused(say.ragged(rows.line_num))
                if [cell.strip() for cell in row] == header:
                    raise Refused(say.header_again(rows.line_num))
                short += len(row) < width
                marked += mark is not None and mark < len(row) and says_simulated(row[mark])
                lines.append(rows.line_num)
                for kept, index, seen in columns:
                    cell = row[index] if index < len(row) else ""
                    kept.append(seen.setdefault(cell, cell))
        except csv.Error as error:
            raise Refused(say.ragged(rows.line_num)) from error
    if short > SHORT_ROWS * len(lines):
        raise Refused(say.short_rows(short / len(lines)))
    table = {
        field: pd.Series(kept, dtype=object) for (field, _), (kept, _, _) in zip(wanted, columns, strict=True)
    }
    return pd.DataFrame(table), np.array(lines, dtype=int), 0 < len(lines) == marked
