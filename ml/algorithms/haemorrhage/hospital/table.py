"""A hospital's CSV file as cells: encodings, separators, and files that are no table at all."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

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
        Column per field, of strings; row ``i`` is row ``i + 2`` of the file where no cell breaks a line.
    header
        Names of all columns.
    """

    cells: pd.DataFrame
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
    names = {column.column: field for field, column in mapping.columns.items()}
    try:
        cells = pd.read_csv(
            path,
            sep=separator,
            encoding=encoding,
            dtype=str,
            keep_default_na=False,
            index_col=False,
            usecols=[header.index(name) for name in names],
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError, csv.Error) as error:
        raise Refused(say.ragged(_line(str(error)))) from error
    # Only a cell that is not there at all is read as not a number.
    if len(cells) and (short := float(cells.isna().any(axis=1).mean())) > SHORT_ROWS:
        raise Refused(say.short_rows(short))
    cells.columns = [names[name.strip().strip("\ufeff")] for name in cells.columns]
    return Table(cells.fillna(""), tuple(header), encoding, separator)


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


def _line(message: str) -> int:
    found = re.search(r"line (\d+)", message)
    return int(found[1]) if found else 0
