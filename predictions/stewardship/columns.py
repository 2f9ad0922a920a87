"""What each column of an uploaded table is: proposed, shown with masked samples, checked, read back.

The mapping itself and its rules are the algorithm's door ``mapping``; here is what the page makes of them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import yaml
from django.utils.translation import gettext_lazy as _

from ml import registry
from ml.contracts import Problem, Refused, Severity, Text
from predictions.stewardship.table import Head

SAMPLES, LONGEST_SAMPLE = 3, 24
MOST_CODES = 12
LARGEST_MAPPING = 64 * 1024
# A run of digits this long is a number of somebody, a name is letters that hardly repeat.
NUMBER_OF_SOMEBODY = re.compile(r"[0-9]{7,}")
PLAIN_VALUE = re.compile(r"[-+<>=~]*\s*[0-9]+(?:[.,][0-9]+)?(?:\s*\+\s*[0-9])?")
PLAIN_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
DATE = re.compile(r"([0-9]{1,4})([-/.])([0-9]{1,2})\2([0-9]{1,4})([ T].*)?")
WORDS_THAT_REPEAT = 12
MASK = "•••"

NOT_YAML = Problem(
    "mapping_not_yaml",
    Text(
        "This file is not a mapping in YAML. Download one from this page to see its form.",
        "Ce fichier n’est pas une correspondance au format YAML. Téléchargez-en une depuis cette page pour "
        "en voir la forme.",
    ),
)
OTHER_FILE = Text(
    "This mapping is for another file: of the {given} columns it names, {absent} are not in this one: {en}.",
    "Cette correspondance est celle d’un autre fichier : sur les {given} colonnes qu’elle nomme, {absent} ne "
    "sont pas dans celui-ci : {fr}.",
)
SOME_ABSENT = Text(
    "The mapping was read, but the file lacks {absent} of the {given} columns it names: {en}. Look through "
    "the columns and name them here.",
    "La correspondance a été lue, mais le fichier n’a pas {absent} des {given} colonnes qu’elle nomme : "
    "{fr}. Parcourez les colonnes et nommez-les ici.",
)
COLUMNS_NAMED = 8
FIELD_TWICE = Text(
    "{label}: chosen for several columns. Keep the one that holds it.",
    "{label} : choisi pour plusieurs colonnes. Gardez celle qui le contient.",
)
NO_MAPPING = Problem(
    "no_mapping",
    Text(
        "No column has been named yet: say at least which holds the mother’s number, the date and the "
        "outcome.",
        "Aucune colonne n’a encore été nommée : indiquez au moins celles du numéro de la mère, de la date et "
        "du critère.",
    ),
)


@dataclass(frozen=True, slots=True)
class Code:
    """A word found in a column and the answer it stands for."""

    index: int
    word: str
    code: str


@dataclass(frozen=True, slots=True)
class Row:
    """One column of the table on the page.

    Parameters
    ----------
    leak
        What it holds that nobody knows at admission; ``None`` for a column that may be used.
    field
        What it was said to be; empty when it is left aside.
    named_unit
        The unit its name says, where another one is chosen; ``None`` otherwise.
    """

    index: int
    name: str
    samples: tuple[str, ...]
    masked: bool
    leak: Text | None
    field: str
    known: Any
    unit: str
    unit_words: Text | None
    named_unit: Any
    codes: tuple[Code, ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Fields offered together on the page."""

    title: Any
    fields: tuple[Any, ...]


def door(algorithm: str) -> ModuleType:
    """Return the module that knows what can be mapped."""
    return registry.door(algorithm, "mapping")


def suggestion(algorithm: str, head: Head) -> dict[str, Any]:
    """Return a proposal for the mapping of a table."""
    return door(algorithm).suggest(head.header, head.rows)


def choices(algorithm: str) -> list[Group]:
    """Return the fields a column may be, grouped as the page offers them."""
    rules = door(algorithm)
    fields = rules.FIELDS.values()
    outcomes = tuple(rules.FIELDS[name] for name in rules.OUTCOMES)
    return [
        Group(_("Needed"), tuple(field for field in fields if field.needed)),
        Group(_("Outcome (one of them)"), outcomes),
        Group(_("Known at admission"), tuple(field for field in fields if field.used and not field.needed)),
        Group(_("Read but not used"), tuple(f for f in fields if not (f.used or f.needed or f in outcomes))),
    ]


def check(algorithm: str, header: Sequence[str], mapping: Mapping[str, Any]) -> list[Problem]:
    """Return everything wrong with a mapping, each problem with the field it belongs to."""
    if not mapping.get("columns"):
        return [NO_MAPPING]
    rules = door(algorithm)
    try:
        formed = rules.Mapping.from_mapping(mapping)
    except rules.WrongMapping as wrong:
        return list(wrong.problems)
    return [*_other_file(header, mapping), *rules.check(header, formed)]


def missing(header: Sequence[str], mapping: Mapping[str, Any]) -> Problem | None:
    """Return what an uploaded mapping names that the file lacks, ``None`` when it fits.

    Raises
    ------
    ml.contracts.Refused
        When it fits no column: it is the mapping of another file.
    """
    named, absent = _absent(header, mapping)
    if named and len(absent) == len(named):
        raise Refused(*_other_file(header, mapping))
    return Problem("columns_missing", _listed(SOME_ABSENT, named, absent)) if absent else None


def marked(algorithm: str, head: Head, mapping: Mapping[str, Any]) -> dict[str, Any]:
    """Return a mapping that says the births are simulated where a column of theirs says so."""
    simulated = door(algorithm).simulated(head.header, head.rows)
    return dict(mapping) | ({"synthetic": True} if simulated else {})


def refusals(problems: Iterable[Problem]) -> list[Problem]:
    """Return the problems that stand in the way."""
    return [problem for problem in problems if problem.severity is Severity.REFUSE]


def rows(
    algorithm: str, head: Head, mapping: Mapping[str, Any], problems: Iterable[Problem] = ()
) -> list[Row]:
    """Return the columns of a table as the page shows them."""
    rules = door(algorithm)
    said: dict[str, tuple[str, Mapping[str, Any]]] = {}
    for field, entry in (mapping.get("columns") or {}).items():
        said.setdefault(_column_of(entry), (field, entry if isinstance(entry, Mapping) else {}))
    by_field: dict[str, list[Problem]] = {}
    for problem in problems:
        by_field.setdefault(problem.field, []).append(problem)
    return [_row(rules, head, index, said, by_field) for index in range(len(head.header))]


def unplaced(shown: Iterable[Row], problems: Iterable[Problem]) -> list[Problem]:
    """Return the problems that belong to no column on the page."""
    placed = {row.field for row in shown if row.field}
    return [problem for problem in problems if problem.field not in placed]


def posted(
    algorithm: str, header: Sequence[str], data: Mapping[str, str]
) -> tuple[dict[str, Any], list[Problem]]:
    """Read the form of the page back into a mapping; what a mapping cannot hold comes as problems."""
    rules = door(algorithm)
    columns: dict[str, dict[str, Any]] = {}
    chosen = Counter(data.get(f"f-{index}", "") for index in range(len(header)))
    for index, name in enumerate(header):
        field = data.get(f"f-{index}", "")
        if field not in rules.FIELDS or field in columns:
            continue
        columns[field] = {"column": name}
        # Units and words on the page are still those of the field chosen before.
        if (unit := data.get(f"u-{index}", "")) and rules.FIELDS[field].unit(unit):
            columns[field]["unit"] = unit
        if codes := _posted_codes(data, index, rules.FIELDS[field]):
            columns[field]["codes"] = codes
    mapping: dict[str, Any] = {
        "columns": {field: columns[field] for field in rules.FIELDS if field in columns}
    }
    mapping["missing"] = [word.strip() for word in data.get("missing", "").split(";") if word.strip()]
    mapping["outcome"] = {"definition": data.get("definition", "").strip(), "window_hours": _hours(data)}
    if data.get("synthetic"):
        mapping["synthetic"] = True
    twice = [field for field, count in chosen.items() if field in rules.FIELDS and count > 1]
    return mapping, [_field_twice(rules, field) for field in twice]


def from_yaml(content: bytes) -> dict[str, Any]:
    """Read an uploaded ``mapping.yaml``; :class:`ml.contracts.Refused` when it is none."""
    try:
        read = yaml.safe_load(content)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise Refused(NOT_YAML) from error
    if not isinstance(read, dict):
        raise Refused(NOT_YAML)
    return read


def normal(algorithm: str, mapping: Mapping[str, Any]) -> dict[str, Any]:
    """Return a mapping in its one stored form; :class:`ml.contracts.Refused` with every reason against it."""
    rules = door(algorithm)
    try:
        return rules.Mapping.from_mapping(mapping).as_dict()
    except rules.WrongMapping as wrong:
        raise Refused(*wrong.problems) from wrong


def as_yaml(mapping: Mapping[str, Any]) -> str:
    """Write a mapping as the file that the command line takes too."""
    return yaml.safe_dump(dict(mapping), allow_unicode=True, sort_keys=False)


def _row(
    rules: ModuleType,
    head: Head,
    index: int,
    said: Mapping[str, tuple[str, Mapping[str, Any]]],
    problems: Mapping[str, Sequence[Problem]],
) -> Row:
    name = head.header[index]
    field, entry = said.get(name, ("", {}))
    known = rules.FIELDS.get(field)
    cells = head.column(index)
    masked = field == rules.MOTHER or _names_somebody(cells)
    unit = str(entry.get("unit") or "")
    chosen = known.unit(unit) if known else None
    by_name = rules.named_unit(known, name) if known else None
    return Row(
        index=index,
        name=name,
        samples=(MASK,) if masked and cells else _samples(cells),
        masked=masked,
        leak=rules.leak(name),
        field=field if known else "",
        known=known,
        unit=unit,
        unit_words=chosen.label if chosen else None,
        named_unit=by_name if by_name != chosen else None,
        codes=_codes(known, entry, cells),
        problems=tuple(problems.get(field, ())) if field else (),
    )


def _samples(cells: Sequence[str]) -> tuple[str, ...]:
    """Return a few values of a column, sorted, so that no row can be put together from them."""
    found = sorted({_short(cell) for cell in cells}, key=_by_size)
    step = max(1, len(found) // SAMPLES)
    return tuple(found[::step][:SAMPLES])


def _by_size(value: str) -> tuple[bool, float, str]:
    number = value.replace(",", ".")
    return (False, float(number), value) if PLAIN_NUMBER.fullmatch(number) else (True, 0.0, value)


def _short(cell: str) -> str:
    """Return a value fit for the page; of a date no more than its form and year."""
    if date := DATE.fullmatch(cell):
        year = date[1] if len(date[1]) == 4 else date[4]
        return cell[: date.end(4)].replace(date[3], "••", 1) if len(year) == 4 else MASK
    plain = "".join(c if c.isprintable() else "�" for c in cell)
    return plain if len(plain) <= LONGEST_SAMPLE else f"{plain[:LONGEST_SAMPLE]}…"


def _names_somebody(cells: Sequence[str]) -> bool:
    """Say whether a column may name people: long numbers, or words that hardly repeat."""
    if any(NUMBER_OF_SOMEBODY.search(cell) and not DATE.fullmatch(cell) for cell in cells):
        return True
    words = [cell for cell in cells if not PLAIN_VALUE.fullmatch(cell) and not DATE.fullmatch(cell)]
    return len(set(words)) > WORDS_THAT_REPEAT


def _codes(known: Any, entry: Mapping[str, Any], cells: Sequence[str]) -> tuple[Code, ...]:
    """Return the words of a coded column: those the mapping explains, then those it does not have to."""
    given = entry.get("codes") or {}
    if known is None or not (known.choices or given):
        return ()
    usual = {choice.code for choice in known.choices} | set(known.words)
    strange = [cell for cell in dict.fromkeys(cells) if cell.casefold() not in usual and cell not in given]
    words = [*((word, str(code)) for word, code in given.items())]
    if known.choices and len(strange) <= MOST_CODES:
        words += [(word, "unknown") for word in strange]
    return tuple(Code(index, word, code) for index, (word, code) in enumerate(words))


def _posted_codes(data: Mapping[str, str], index: int, known: Any) -> dict[str, str]:
    allowed = {choice.code for choice in known.choices}
    codes = {}
    for number in range(200):
        if (word := data.get(f"w-{index}-{number}")) is None:
            break
        code = data.get(f"k-{index}-{number}", "")
        codes[word] = code if code in allowed or (not allowed and code.isdecimal()) else "unknown"
    return codes


def _hours(data: Mapping[str, str]) -> float | str:
    text = data.get("window_hours", "24").strip().replace(",", ".")
    try:
        hours = float(text)
    except ValueError:
        return text
    return int(hours) if hours.is_integer() else hours


def _column_of(entry: Any) -> str:
    return str(entry.get("column", "")) if isinstance(entry, Mapping) else str(entry)


def _other_file(header: Sequence[str], mapping: Mapping[str, Any]) -> list[Problem]:
    named, absent = _absent(header, mapping)
    if 2 * len(absent) <= len(named):
        return []
    return [Problem("mapping_of_another_file", _listed(OTHER_FILE, named, absent))]


def _absent(header: Sequence[str], mapping: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Return the columns a mapping names, and those of them that a file lacks."""
    named = [_column_of(entry) for entry in mapping["columns"].values()]
    return named, [name for name in named if name not in header]


def _listed(message: Text, named: Sequence[str], absent: Sequence[str]) -> Text:
    names = [_short(name) for name in absent[:COLUMNS_NAMED]]
    more = ", …" if len(absent) > COLUMNS_NAMED else ""
    en, fr = ", ".join(f"“{name}”" for name in names), ", ".join(f"« {name} »" for name in names)
    return message.format(given=len(named), absent=len(absent), en=en + more, fr=fr + more)


def _field_twice(rules: ModuleType, field: str) -> Problem:
    label = rules.FIELDS[field].label
    message = Text(FIELD_TWICE.en.format(label=label.en), FIELD_TWICE.fr.format(label=label.fr))
    return Problem("field_twice", message, field=field)
