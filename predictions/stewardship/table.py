"""The first lines of an uploaded table: enough to name its columns, or to say why it is none.

The web process reads no more than this; the whole table is read by a worker.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections import Counter
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from ml.contracts import Problem, Refused, Text

FIRST_BYTES = 1024 * 1024
SAMPLE_ROWS = 200
MOST_COLUMNS = 200
LONGEST_NAME = 200
DELIMITERS = ";,\t|"
UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
# What people send instead: the first bytes of spreadsheets, archives, documents, pictures.
OTHER_FORMATS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"%PDF", b"\x89PNG", b"\x1f\x8b", b"\xff\xd8\xff")


def _problem(code: str, en: str, fr: str) -> Problem:
    return Problem(code, Text(en, fr), field="file")


EMPTY = _problem(
    "table_empty",
    "The file is empty. Export the table again.",
    "Le fichier est vide. Exportez de nouveau la table.",
)
NOT_TEXT = _problem(
    "not_csv",
    "This is no CSV file but something else, a spreadsheet for example. In the spreadsheet choose “Save "
    "as”, then "
    "“CSV UTF-8”, and send that.",
    "Ce n’est pas un fichier CSV mais autre chose, un classeur par exemple. Dans le tableur, choisissez "
    "« Enregistrer sous », puis « CSV UTF-8 », et envoyez ce fichier-là.",
)
ONE_COLUMN = _problem(
    "table_one_column",
    "Only one column was found. The columns of a CSV file are separated by commas or semicolons, and its "
    "first "
    "line names them.",
    "Une seule colonne a été trouvée. Les colonnes d’un fichier CSV sont séparées par des virgules ou des "
    "points-virgules, et sa première ligne les nomme.",
)
NO_ROWS = _problem(
    "table_no_rows",
    "The file has a line of column names and no birth below it. Export the table again.",
    "Le fichier a une ligne de noms de colonnes et aucun accouchement en dessous. Exportez de nouveau la "
    "table.",
)
BAD_QUOTES = _problem(
    "table_damaged",
    "The file cannot be split into columns: a quotation mark is opened and not closed. Export the table "
    "again.",
    "Le fichier ne se laisse pas découper en colonnes : des guillemets sont ouverts et jamais fermés. "
    "Exportez de "
    "nouveau la table.",
)
HEADERLESS = _problem(
    "table_no_header",
    "The first line has to name the columns; here some names are missing. Export the table with its "
    "column names.",
    "La première ligne doit nommer les colonnes ; ici des noms manquent. Exportez la table avec les noms de "
    "colonnes.",
)
RAGGED = _problem(
    "table_ragged",
    "Most lines do not have as many cells as the first one has names: this is no table. Export it again "
    "as CSV, "
    "one line for each birth.",
    "La plupart des lignes n’ont pas autant de cellules que la première a de noms : ce n’est pas une table. "
    "Exportez-la de nouveau en CSV, une ligne par accouchement.",
)
TOO_MANY = Text(
    "The file has {count} columns; at most {most} can be read. Export only those of the admission form, the "
    "mother’s number, the date and the outcome.",
    "Le fichier a {count} colonnes ; {most} au plus peuvent être lues. N’exportez que celles du formulaire "
    "d’admission, le numéro de la mère, la date et le critère.",
)
TWICE = Text(
    "Several columns are called “{name}”. Give each its own name and export again.",
    "Plusieurs colonnes s’appellent « {name} ». Donnez à chacune un nom et exportez de nouveau.",
)


@dataclass(frozen=True, slots=True)
class Head:
    """Names of the columns and the first rows, cells in their order."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def column(self, index: int) -> list[str]:
        """Return the cells of a column that hold something."""
        return [row[index] for row in self.rows if index < len(row) and row[index]]


def read_head(path: Path) -> Head:
    """Read the names of the columns and some rows.

    Raises
    ------
    ml.contracts.Refused
        With every reason why this is no table of births.
    """
    with path.open("rb") as stream:
        first = stream.read(FIRST_BYTES + 1)
    whole = len(first) <= FIRST_BYTES
    text = _decoded(first[:FIRST_BYTES], whole=whole)
    if not whole:
        text = text[: text.rfind("\n") + 1]  # the last line is cut in the middle
    try:
        found = _split(text)
    except csv.Error as error:
        raise Refused(BAD_QUOTES) from error
    if not found:
        raise Refused(EMPTY)
    header, rows = tuple(cell.strip() for cell in found[0]), found[1:]
    if problems := _header_problems(header, rows):
        raise Refused(*problems)
    return Head(header, tuple(tuple(cell.strip() for cell in row) for row in rows))


def _decoded(first: bytes, *, whole: bool) -> str:
    if not first.strip():
        raise Refused(EMPTY)
    if first.startswith(UTF16):
        return codecs.getincrementaldecoder("utf-16")("replace").decode(first, final=whole)
    if first.startswith(OTHER_FORMATS) or b"\0" in first:
        raise Refused(NOT_TEXT)
    try:
        decoder = codecs.getincrementaldecoder("utf-8-sig")()
        return decoder.decode(first, final=whole)
    except UnicodeDecodeError:
        # What French spreadsheets write when nobody asks for UTF-8.
        return first.decode("cp1252", errors="replace")


def _split(text: str) -> list[list[str]]:
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(DELIMITERS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    filled = (row for row in reader if any(cell.strip() for cell in row))
    return list(islice(filled, SAMPLE_ROWS + 1))


def _header_problems(header: tuple[str, ...], rows: list[list[str]]) -> list[Problem]:
    if len(header) < 2:
        return [ONE_COLUMN]
    problems = []
    if len(header) > MOST_COLUMNS:
        message = TOO_MANY.format(count=len(header), most=MOST_COLUMNS)
        problems.append(Problem("table_too_wide", message, field="file"))
    if not all(header):
        problems.append(HEADERLESS)
    for name, count in Counter(name for name in header if name).items():
        if count > 1:
            message = TWICE.format(name=name[:60])
            problems.append(Problem("column_twice", message, field="file"))
    if not rows:
        problems.append(NO_ROWS)
    elif sum(len(row) != len(header) for row in rows) > len(rows) / 2:
        problems.append(RAGGED)
    return problems
