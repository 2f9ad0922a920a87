"""The first lines of an uploaded table: enough to name its columns, or to say why it is none.

The web process reads no more than this; the whole table is read by a worker. What makes a file no CSV at all
is known to the algorithm's door ``mapping``.
"""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from ml import registry
from ml.contracts import Problem, Refused, Text

SAMPLE_ROWS = 200
MOST_COLUMNS = 200


def _problem(code: str, en: str, fr: str) -> Problem:
    return Problem(code, Text(en, fr), field="file")


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
    "Exportez de nouveau la table.",
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
    "Most lines do not have as many cells as the first one has names: this is no table. Export it again as "
    "CSV, one line for each birth.",
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


def read_head(algorithm: str, path: Path) -> Head:
    """Read the names of the columns and some rows.

    Raises
    ------
    ml.contracts.Refused
        With every reason why this is no table that can be learned from.
    """
    try:
        header, rows = registry.door(algorithm, "mapping").sample(path, SAMPLE_ROWS)
    except csv.Error as error:
        raise Refused(BAD_QUOTES) from error
    cells = tuple(tuple(cell.strip() for cell in row) for row in rows if any(row))
    if problems := _header_problems(header, cells):
        raise Refused(*problems)
    return Head(tuple(header), cells)


def _header_problems(header: list[str], rows: tuple[tuple[str, ...], ...]) -> list[Problem]:
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
