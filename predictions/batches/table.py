"""Which column of a table is which field: proposed by name, said at the column where it is not known.

The web process reads a table as far as its first row that is not blank.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from ml import registry, tables
from ml.batch import REFERENCE
from ml.contracts import Contract, Field, Problem, Refused, Text

LONGEST_SHOWN = 60
ALIKE = 0.75

UNKNOWN_COLUMN = Text(
    "“{column}” is no field of this algorithm.{hint} Say which field it is, or leave it aside.",
    "« {column} » n’est pas un champ de cet algorithme.{hint} Indiquez de quel champ il s’agit, ou laissez "
    "cette colonne de côté.",
)
HINT = Text(" It may be “{field}”.", " Il s’agit peut-être de « {field} ».")
UNKNOWN_FIELD = Text(
    "“{field}” is no field of this algorithm, so the column “{column}” cannot be it.",
    "« {field} » n’est pas un champ de cet algorithme : la colonne « {column} » ne peut pas l’être.",
)
NO_SUCH_COLUMN = Text(
    "The file has no column “{column}”. Look at its first line.",
    "Le fichier n’a pas de colonne « {column} ». Vérifiez sa première ligne.",
)
FIELD_TWICE = Text(
    "“{field}” is named for several columns. Keep the one that holds it.",
    "« {field} » est indiqué pour plusieurs colonnes. Gardez celle qui le contient.",
)
MISSING = Text(
    "No column holds “{label}” ({field}), and no row can be answered without it.",
    "Aucune colonne ne contient « {label} » ({field}), sans quoi aucune ligne ne peut être traitée.",
)
NO_FIELD = Problem(
    "no_known_column",
    Text(
        "No column was said to hold a field. Name at least one.",
        "Aucune colonne n’a été associée à un champ. Indiquez-en au moins une.",
    ),
    field="columns",
)
NO_ROWS = Problem(
    "no_rows",
    Text(
        "The file has a header and no row. Export it again.",
        "Le fichier a un en-tête et aucune ligne. Exportez-le de nouveau.",
    ),
    field="file",
)


@dataclass(frozen=True, slots=True)
class Column:
    """One column on the page.

    Parameters
    ----------
    field
        What it was said to be, or what its name says; empty when it is left aside.
    guessed
        Whether that is a guess that somebody has to look at.
    """

    index: int
    name: str
    field: str
    guessed: bool
    problems: tuple[Problem, ...] = ()


def header(path: Path) -> list[str]:
    """Return the names of the columns.

    Raises
    ------
    ml.contracts.Refused
        When it is no table, or one without rows.
    """
    with tables.opened(path) as table:
        if next(table.rows, None) is None:
            raise Refused(NO_ROWS)
        return list(table.header)


def fields(contract: Contract) -> dict[str, Field]:
    """Return what a column may be, by its name in the API; the time of a result is under ``<name>_at``."""
    found: dict[str, Field] = {}
    for field in contract.fields:
        found[field.name] = field
        if field.timed:
            found[f"{field.name}_at"] = field
    return found


def exact(contract: Contract, name: str) -> str:
    """Return the field that a column has the name of, empty when it has that of none."""
    known = [*fields(contract), REFERENCE]
    folded = name.strip().casefold()
    if folded in known:
        return folded
    return _synonyms(contract).get(" ".join(folded.split()), "")


def guess(contract: Contract, name: str) -> str:
    """Return the field that a column is most likely to be, empty when nothing is like it."""
    if contract.name in MAPPED and (found := _by_hospital_name(contract, name)):
        return found
    words = _by_words(contract)
    said = _plain(name)
    if said in words:
        return words[said]
    near = get_close_matches(said, words, n=1, cutoff=ALIKE) if said else []
    return words[near[0]] if near else ""


def proposal(contract: Contract, names: Sequence[str]) -> dict[str, str]:
    """Return what each column is taken for until somebody says otherwise; no field for two columns."""
    columns = {name: exact(contract, name) for name in names}
    for name in names:
        taken = {field for field in columns.values() if field}
        found = columns[name] or guess(contract, name)
        columns[name] = found if columns[name] or found not in taken else ""
    return columns


def resolved(
    contract: Contract, names: Sequence[str], given: Mapping[str, str]
) -> tuple[dict[str, str], list[Problem]]:
    """Return what the columns are when a program says so: by their names, or as it named them.

    Nothing is guessed for a program: a column that is no field is told with what it may be.
    """
    columns, problems = dict(given), []
    for name in names:
        if name in columns:
            continue
        columns[name] = exact(contract, name)
        if not columns[name]:
            problems.append(_unknown(contract, name))
    return columns, problems + check(contract, names, columns)


def check(contract: Contract, names: Sequence[str], columns: Mapping[str, str]) -> list[Problem]:
    """Return everything wrong with what the columns were said to be, each problem at its column."""
    known = fields(contract)
    problems = [_about("no_such_column", NO_SUCH_COLUMN, name) for name in columns if name not in names]
    problems += [
        _about("unknown_field", UNKNOWN_FIELD, name, field=field[:LONGEST_SHOWN])
        for name, field in columns.items()
        if field and field != REFERENCE and field not in known
    ]
    used = Counter(field for field in columns.values() if field)
    for name, field in columns.items():
        if field and used[field] > 1:
            problems.append(_about("field_twice", FIELD_TWICE, name, field=field))
    if not any(field in known for field in used):
        problems.append(NO_FIELD)
    problems += [_missing(field) for field in contract.fields if field.required and field.name not in used]
    return problems


def shown(
    contract: Contract, names: Sequence[str], columns: Mapping[str, str], problems: Sequence[Problem]
) -> list[Column]:
    """Return every column for the page, with what is wrong at it; those to be looked at come first."""
    by_column: dict[str, list[Problem]] = {}
    for problem in problems:
        by_column.setdefault(problem.field, []).append(problem)
    found = [
        Column(
            index=index,
            name=name,
            field=columns.get(name, ""),
            guessed=bool(columns.get(name)) and columns[name] != exact(contract, name),
            problems=tuple(by_column.get(place(name), ())),
        )
        for index, name in enumerate(names)
    ]
    return sorted(found, key=lambda column: (not column.problems, not column.guessed, bool(column.field)))


def absent(contract: Contract, columns: Mapping[str, str]) -> list[Field]:
    """Return the fields that no column holds: they count as not given, in every row."""
    return [field for field in contract.fields if field.name not in columns.values()]


def place(name: str) -> str:
    """Return where a problem with a column is: the name a program sent it under."""
    return f"columns.{name[:LONGEST_SHOWN]}"


# Algorithms that know what French and English hospitals call their columns.
MAPPED = ("haemorrhage",)


def _by_hospital_name(contract: Contract, name: str) -> str:
    """Return the field that a hospital's name of a column stands for; nothing known only after the birth."""
    rules = registry.door(contract.name, "mapping")
    if rules.leak(name) is not None:
        return ""
    found = next(iter(rules.suggest([name])["columns"]), "")
    return found if found in fields(contract) else ""


def _synonyms(contract: Contract) -> Mapping[str, str]:
    """Return the names of the public data that the checks of a reference task take too."""
    return {} if contract.clinical else registry.door(contract.name, "fields").COLUMNS


def _by_words(contract: Contract) -> dict[str, str]:
    words: dict[str, str] = {}
    for name, field in fields(contract).items():
        for said in (name, *(() if name != field.name else (field.label.en, field.label.fr))):
            words.setdefault(_plain(said), name)
    return words


def _plain(name: str) -> str:
    bare = unicodedata.normalize("NFKD", name.replace("œ", "oe")).encode("ascii", "ignore").decode().lower()
    return " ".join(re.findall(r"[a-z]+|[0-9]+", bare))


def _unknown(contract: Contract, name: str) -> Problem:
    found = guess(contract, name)
    hint = HINT.format(field=found) if found else Text("", "")
    column = name[:LONGEST_SHOWN]
    message = Text(
        UNKNOWN_COLUMN.en.format(column=column, hint=hint.en),
        UNKNOWN_COLUMN.fr.format(column=column, hint=hint.fr),
    )
    return Problem("unknown_column", message, field=place(name))


def _about(code: str, message: Text, name: str, **values: str) -> Problem:
    return Problem(code, message.format(column=name[:LONGEST_SHOWN], **values), field=place(name))


def _missing(field: Field) -> Problem:
    message = Text(
        MISSING.en.format(label=field.label.en, field=field.name),
        MISSING.fr.format(label=field.label.fr, field=field.name),
    )
    return Problem("column_missing", message, field="columns")
