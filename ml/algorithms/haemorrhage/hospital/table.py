"""A hospital's CSV file as cells: encodings, separators, and files that are no table at all."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ml.algorithms.haemorrhage import mapping as mappings
from ml.algorithms.haemorrhage.hospital import file_sentences as say
from ml.algorithms.haemorrhage.mapping import Mapping
from ml.contracts import Refused

MOST_BYTES = 200 * 1000 * 1000
HEAD_BYTES, PIECE = 1 << 16, 1 << 20
SEPARATORS = ";,\t|"
# First bytes of files that are often sent instead of a CSV.
MAGIC = {b"PK\x03\x04": "xlsx", b"\xd0\xcf\x11\xe0": "xls", b"\x1f\x8b": "gz", b"%PDF": "pdf"}
NUMBER_OR_DATE = re.compile(r"\s*[-+]?[0-9][0-9 .,:/T+-]*\s*")
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
    """

    cells: pd.DataFrame
    line: np.ndarray
    header: tuple[str, ...]
    encoding: str
    separator: str


def read(path: Path, mapping: Mapping) -> Table:
    """Read the mapped columns of a file.

    Raises
    ------
    Refused
        With what the file is instead, or with what is wrong with header, rows or mapping.
    """
    encoding = _encoding(path)
    header, separator = head(path, encoding)
    if problems := mappings.check(header, mapping):
        raise Refused(*problems)
    wanted = [(field, header.index(column.column)) for field, column in mapping.columns.items()]
    cells, lines = _cells(path, encoding, separator, wanted, len(header))
    return Table(cells, lines, tuple(header), encoding, separator)


def _cells(
    path: Path, encoding: str, separator: str, wanted: Sequence[tuple[str, int]], width: int
) -> tuple[pd.DataFrame, np.ndarray]:
    # Columns have few different cells: each is kept once, so that a large file fits into memory.
    columns: list[tuple[list[str], int, dict[str, str]]] = [([], index, {}) for _, index in wanted]
    lines: list[int] = []
    short = 0
    with path.open(encoding=encoding, newline="") as stream:
        rows = csv.reader(stream, delimiter=separator)
        next(rows)
        try:
            for row in rows:
                if not row:
                    continue
                if len(row) > width:
                    raise Refused(say.ragged(rows.line_num))
                short += len(row) < width
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
    return pd.DataFrame(table), np.array(lines, dtype=int)


def head(path: Path, encoding: str = "") -> tuple[list[str], str]:
    """Return the header of a file and its separator.

    Raises
    ------
    Refused
        When there is no header.
    """
    with path.open(encoding=encoding or _encoding(path), newline="") as stream:
        first = stream.readline(HEAD_BYTES)
    separator = max(SEPARATORS, key=first.count)
    if not first.count(separator):
        raise Refused(say.NO_SEPARATOR)
    header = [name.strip().strip("\ufeff") for name in next(csv.reader([first], delimiter=separator))]
    if _is_data(header):
        raise Refused(say.NO_HEADER)
    return header, separator


def sample(path: Path, rows: int = 200) -> tuple[list[str], list[list[str]]]:
    """Return the header and some rows, for proposing a mapping; raises as :func:`read`."""
    encoding = _encoding(path)
    header, separator = head(path, encoding)
    found = []
    with path.open(encoding=encoding, newline="") as stream:
        for row in csv.reader(stream, delimiter=separator):
            found.append(row)
            if len(found) > rows:
                break
    return header, found[1:]


def _encoding(path: Path) -> str:
    """Return the encoding of a file that may be a table."""
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise Refused(say.too_large(size, MOST_BYTES))
    with path.open("rb") as stream:
        start = stream.read(HEAD_BYTES)
    if not start.strip():
        raise Refused(say.EMPTY)
    for magic, kind in MAGIC.items():
        if start.startswith(magic):
            raise Refused(say.not_a_table(kind))
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if b"\x00" in start or sum(byte < 9 or 13 < byte < 32 for byte in start) > len(start) / 100:
        raise Refused(say.not_a_table(""))
    for encoding in ("utf-8-sig", "cp1252"):
        if _decodes(path, encoding):
            return encoding
    raise Refused(say.ENCODING)


def _decodes(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        with path.open("rb") as stream:
            while piece := stream.read(PIECE):
                decoder.decode(piece)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _is_data(header: Sequence[str]) -> bool:
    """Whether a first line holds values instead of names."""
    filled = [name for name in header if name]
    values = sum(NUMBER_OR_DATE.fullmatch(name) is not None for name in filled)
    return not filled or values > len(filled) / 2
