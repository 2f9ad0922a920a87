"""A CSV file as hospitals write it: encoding, separator, header, rows, or why it is no table.

Two readers share it: tables of births to learn from, whose columns may have any name, and tables of forms to
answer. Standard library only.
"""

from __future__ import annotations

import codecs
import csv
import re
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from ml.contracts import Problem, Refused, Text
from ml.csv_rows import Lines, Row, cells, is_open, joined, rows

MOST_BYTES = 200 * 1000 * 1000
HEAD_BYTES, PIECE = 1 << 16, 1 << 20
SEPARATORS = ";,\t|"
SAID_SEPARATOR = re.compile(rf'\ufeff?"?sep=([{SEPARATORS}])"?[;,\t|]*[\r\n]*', re.IGNORECASE)
LINE_BREAK = re.compile(r"\s*[\r\n]\s*")
LONGEST_LINE, MOST_COLUMNS = 1 << 20, 1000
LONGEST_NAME, NAMES_SHOWN = 60, 5
# First bytes of files that are often sent instead of a CSV.
MAGIC = {b"PK\x03\x04": "zip", b"\xd0\xcf\x11\xe0": "xls", b"\x1f\x8b": "gz", b"%PDF": "pdf"}
NUMBER_OR_DATE = re.compile(r"\s*[-+]?[0-9][0-9 .,:/T+-]*\s*")

EMPTY = Problem(
    "empty_file",
    Text("The file is empty. Export it again.", "Le fichier est vide. Exportez-le de nouveau."),
)
ENCODING = Problem(
    "unknown_encoding",
    Text(
        "The file’s letters are in an encoding that is not understood. Save it as CSV in UTF-8.",
        "Le codage des caractères du fichier n’est pas reconnu. Enregistrez-le en CSV, en UTF-8.",
    ),
)
NO_SEPARATOR = Problem(
    "no_separator",
    Text(
        "The first line holds no separator: columns are separated by a semicolon, a comma or a tab. "
        "Export the table as CSV with all its columns.",
        "La première ligne ne contient aucun séparateur : les colonnes se séparent par un point-virgule, une "
        "virgule ou une tabulation. Exportez la table en CSV avec toutes ses colonnes.",
    ),
)
NO_HEADER = Problem(
    "no_header",
    Text(
        "The first line holds values instead of the names of the columns. Export the table with its header.",
        "La première ligne contient des valeurs au lieu des noms de colonnes. Exportez la table avec son "
        "en-tête.",
    ),
)
NO_ROWS = Problem(
    "no_rows",
    Text(
        "The file holds a header and no rows. Export it again.",
        "Le fichier contient un en-tête et aucune ligne. Exportez-le de nouveau.",
    ),
)
NO_NAMES = Problem(
    "no_header",
    Text(
        "The file has no header: its first row must name the fields.",
        "Le fichier n’a pas d’en-tête : sa première ligne doit nommer les champs.",
    ),
)
LINE_TOO_LONG = Problem(
    "line_too_long",
    Text(
        "A line of the file is longer than a mebibyte: this is no table. Save it as CSV, one row a line.",
        "Une ligne du fichier dépasse un mébioctet : ce n’est pas une table. Enregistrez-la en CSV, une "
        "ligne par cas.",
    ),
)
COLUMN_TWICE = Text(
    "The header names a column twice: {names}. Give each its own name.",
    "L’en-tête nomme deux fois une colonne : {names}. Donnez un nom à chacune.",
)
TOO_WIDE = Text(
    "The file has {count} columns; at most {most} are read. Export those of the fields alone.",
    "Le fichier a {count} colonnes ; {most} au plus sont lues. N’exportez que celles des champs.",
)
KINDS = {
    "xlsx": Text("an Excel workbook", "un classeur Excel"),
    "xls": Text("an old Excel workbook", "un ancien classeur Excel"),
    "zip": Text("a compressed archive (ZIP)", "une archive compressée (ZIP)"),
    "gz": Text("a compressed file", "un fichier compressé"),
    "pdf": Text("a PDF", "un PDF"),
    "": Text("a binary file", "un fichier binaire"),
}


class WrongTable(Refused):
    """The file cannot be taken for a table at all; its problem says why and what to do."""


@dataclass(frozen=True)
class Table:
    """A file that is open, its header read.

    Parameters
    ----------
    rows
        The rows that are not blank, in order. A lost quotation mark costs its own row: a cell goes on over a
        line break only where no other reading is as likely.
    """

    header: tuple[str, ...]
    delimiter: str
    rows: Iterator[Row]


@contextmanager
def opened(path: Path) -> Iterator[Table]:
    """Open a table whose columns have the names of fields, separated by comma, semicolon, tab or bar.

    The line ``sep=;`` that spreadsheets write before the header is heard, separators behind the last name and
    blank rows are passed over.

    Raises
    ------
    WrongTable
        When there is no header, a name occurs twice, or the file is none of text.
    """
    try:
        encoding = encoding_of(path, most=0)
    except Refused as refusal:
        raise WrongTable(*refusal.problems) from refusal
    with path.open(encoding=encoding, newline="") as stream:
        lines = Lines(_lines(stream))
        header, delimiter = _header(lines)
        yield Table(tuple(header), delimiter, rows(lines, delimiter, len(header)))


def named(code: str, message: Text, names: Sequence[str]) -> Problem:
    """Return a problem that shows the first few names of columns."""
    shown = ", ".join(repr(name[:LONGEST_NAME]) for name in names[:NAMES_SHOWN])
    return Problem(code, message.format(names=shown))


def _lines(source: TextIO) -> Iterator[str]:
    while line := source.readline(LONGEST_LINE):
        if len(line) == LONGEST_LINE:
            raise WrongTable(LINE_TOO_LONG)
        yield line


def _header(lines: Lines) -> tuple[list[str], str]:
    """Return the column names and the delimiter: the one said, or that cuts the header into most cells."""
    line = lines.take() or ""
    if said := SAID_SEPARATOR.fullmatch(line):
        line = lines.take() or ""
    marks = said[1] if said else SEPARATORS
    delimiter = max(marks, key=lambda mark: len(cells(line, mark) or ()))
    found = joined(line, lines, delimiter) if is_open(line, delimiter) else None
    header = [_name(cell) for cell in found or cells(line, delimiter) or ()]
    while header and not header[-1]:
        header.pop()
    if not header:
        raise WrongTable(NO_NAMES)
    if len(header) > MOST_COLUMNS:
        message = TOO_WIDE.format(count=len(header), most=MOST_COLUMNS)
        raise WrongTable(Problem("table_too_wide", message))
    if twice := [name for name, count in Counter(header).items() if count > 1]:
        raise WrongTable(named("column_twice", COLUMN_TWICE, twice))
    return header, delimiter


def _name(cell: str) -> str:
    return LINE_BREAK.sub(" ", cell).strip().strip("\ufeff")


def not_a_table(kind: str) -> Problem:
    """Say what the file is instead of a CSV."""
    what = KINDS[kind]
    return Problem(
        "not_a_table",
        Text(
            f"This is {what.en}, not a CSV file. Save the table as CSV (UTF-8) and try again.",
            f"C’est {what.fr}, pas un fichier CSV. Enregistrez la table en CSV (UTF-8) et recommencez.",
        ),
    )


def too_large(size: int, most: int) -> Problem:
    """Say how large a file may be."""
    found, limit = size / 1e6, most / 1e6
    return Problem(
        "too_large",
        Text(
            f"The file has {found:.0f} MB; at most {limit:.0f} MB are read. Export only the columns of the "
            "form.",
            f"Le fichier pèse {found:.0f} Mo ; {limit:.0f} Mo au plus sont lus. Exportez seulement les "
            "colonnes du formulaire.",
        ),
    )


def head(path: Path, encoding: str = "") -> tuple[list[str], str]:
    """Return the header of a file and its separator.

    Raises
    ------
    Refused
        When there is no header.
    """
    with path.open(encoding=encoding or encoding_of(path), newline="") as stream:
        first = stream.readline(HEAD_BYTES)
    separator = max(SEPARATORS, key=first.count)
    if not first.count(separator):
        raise Refused(NO_SEPARATOR)
    header = [name.strip().strip("\ufeff") for name in next(csv.reader([first], delimiter=separator))]
    if _is_data(header):
        raise Refused(NO_HEADER)
    return header, separator


def sample(path: Path, rows: int = 200) -> tuple[list[str], list[list[str]]]:
    """Return the header and some rows, for proposing a mapping; raises as :func:`head`."""
    encoding = encoding_of(path)
    header, separator = head(path, encoding)
    found = []
    with path.open(encoding=encoding, newline="") as stream:
        for row in csv.reader(_first_lines(stream), delimiter=separator):
            found.append(row)
            if len(found) > rows:
                break
    return header, found[1:]


def _first_lines(stream: TextIO) -> Iterator[str]:
    """Yield the first lines, a mebibyte at most: a line may be as long as its sender likes."""
    left = PIECE
    while left > 0 and (line := stream.readline(HEAD_BYTES)):
        left -= len(line)
        yield line


def encoding_of(path: Path, *, most: int = MOST_BYTES) -> str:
    """Return the encoding of a file that may be a table.

    Parameters
    ----------
    most
        Bytes read at most; 0 for a reader that keeps no more than a piece of it.

    Raises
    ------
    Refused
        With what the file is instead.
    """
    size = path.stat().st_size
    if most and size > most:
        raise Refused(too_large(size, most))
    with path.open("rb") as stream:
        start = stream.read(HEAD_BYTES)
    if not start.strip():
        raise Refused(EMPTY)
    for magic, kind in MAGIC.items():
        if start.startswith(magic):
            raise Refused(not_a_table("xlsx" if kind == "zip" and _holds_workbook(path) else kind))
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        if _decodes(path, "utf-16"):
            return "utf-16"
        raise Refused(ENCODING)
    if b"\x00" in start or sum(byte < 9 or 13 < byte < 32 for byte in start) > len(start) / 100:
        raise Refused(not_a_table(""))
    for encoding in ("utf-8-sig", "cp1252"):
        if _decodes(path, encoding):
            return encoding
    raise Refused(ENCODING)


def _holds_workbook(path: Path) -> bool:
    """Whether a ZIP file holds the folder ``xl/`` of an Excel workbook."""
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.startswith("xl/") for name in archive.namelist())
    except (zipfile.BadZipFile, ValueError):
        return False


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
