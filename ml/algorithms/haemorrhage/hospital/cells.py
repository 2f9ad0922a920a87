"""From cells to values: numbers in the form's units, dates, codes; what cannot be is counted as unknown."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from ml.algorithms.haemorrhage.mapping import MISSING, Column, Mapped, Mapping
from ml.contracts import FieldKind

NUMBER = re.compile(r"[-+]?(?:[0-9]+|[0-9]{1,3}(?: [0-9]{3})+)(?:[.,][0-9]+)?")
TRAILING_UNIT = re.compile(
    r"\s*(?:sa|ans?|years?|cm|kg|g/?d?l?|ml|mm3|/mm3|g/l|weeks?|sem(?:aines?)?|j(?:ours)?|days)\.?$", re.I
)
WEEKS_DAYS = re.compile(
    r"([0-9]{1,2})\s*(?:sa|wk|w|weeks?|sem\.?)?\s*(?:\+\s*([0-9])\s*(?:j|d|days?|jours?)?)?", re.I
)
DAY_FIRST = re.compile(r"([0-9]{1,2})[/.-]([0-9]{1,2})[/.-]([0-9]{4})")
ISO = re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})")
COMPACT = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")
EARLIEST = date(1930, 1, 1)
UNREADABLE = object()


@dataclass(frozen=True, slots=True)
class Values:
    """One column, read.

    Parameters
    ----------
    raw
        Shape (n,): numbers in the unit of the file, ``nan`` where there is none; ``None`` for other kinds.
    values
        Shape (n,): numbers in the form's unit, codes, or dates; ``nan``, ``None`` or ``NaT`` where unknown.
    missing
        Cells that say nothing.
    impossible
        Cells that were read and cannot be right, or could not be read; unknown afterwards.
    strange
        The words nobody explained, with how often each occurs.
    """

    raw: np.ndarray | None
    values: np.ndarray
    missing: int
    impossible: int
    strange: Counter[str]


def series(values: np.ndarray) -> pd.Series:
    """Return values as a column of the same kind: pandas would guess codes to be its own strings."""
    return pd.Series(values, dtype=object if values.dtype == object else None)


def folded(text: str) -> str:
    """Return a word without case, accents and double spaces: ``" Déclenché "`` is ``"declenche"``."""
    plain = unicodedata.normalize("NFKD", text.replace("≥", ">=").replace("œ", "oe").replace("’", "'"))
    return " ".join(plain.encode("ascii", "ignore").decode("ascii").casefold().split())


def read(cells: pd.Series, known: Mapped, column: Column, mapping: Mapping) -> Values:
    """Read the cells of one field.

    Parameters
    ----------
    cells
        Strings, as they stand in the file.
    """
    silent = {folded(word) for word in (*MISSING, *mapping.missing)}
    unique = {cell: cell.strip() for cell in cells.unique()}
    said = {cell: word for cell, word in unique.items() if folded(word) not in silent or _lost(word)}
    missing = ~cells.isin(list(said))
    if known.kind in {FieldKind.DATE, FieldKind.DATETIME}:
        return _dates(cells, said, missing, known, column)
    if known.kind is FieldKind.TEXT:
        values = cells.str.strip().where(~missing, None).to_numpy(dtype=object)
        return Values(None, values, int(missing.sum()), 0, Counter())
    if known.choices:
        return _codes(cells, said, missing, known, column)
    return _numbers(cells, said, missing, known, column)


def _lost(word: str) -> bool:
    """Whether folding leaves nothing of a word that says something: digits or letters of another script."""
    kinds = (unicodedata.category(letter)[0] for letter in word)
    return not folded(word) and any(kind in "LNS" for kind in kinds)


def _numbers(
    cells: pd.Series, said: dict[str, str], missing: pd.Series, known: Mapped, column: Column
) -> Values:
    words = _meaning(known, column)
    read_one = _gestation if column.unit == "weeks+days" else number
    found = {cell: _number_or_word(word, words, read_one) for cell, word in said.items()}
    strange = _count(cells, [cell for cell, value in found.items() if value is UNREADABLE])
    plain = {cell: value for cell, value in found.items() if value is not UNREADABLE}
    unknown = int(cells.isin([cell for cell, value in plain.items() if value is None]).sum())
    raw = cells.map(plain).to_numpy(dtype=float)
    unit = known.unit(column.unit)
    values = raw * (unit.factor if unit else 1.0)
    if column.unit == "including":
        values = values - 1
    low, high = known.minimum, known.maximum
    outside = np.zeros(len(values), dtype=bool)
    with np.errstate(invalid="ignore"):
        if low is not None:
            outside |= values < low - 1e-9
        if high is not None:
            # Completed weeks: 43 weeks and 6 days is still within 43.
            outside |= values >= high + 1 if known.kind is FieldKind.INTEGER else values > high + 1e-9
    values = np.where(outside, np.nan, values)
    if known.kind is FieldKind.INTEGER:
        values = np.floor(values + 1e-9)
    impossible = int(outside.sum()) + sum(strange.values())
    return Values(raw, values, int(missing.sum()) + unknown, impossible, strange)


def _codes(
    cells: pd.Series, said: dict[str, str], missing: pd.Series, known: Mapped, column: Column
) -> Values:
    meaning = _meaning(known, column)
    found = {cell: meaning.get(folded(word), UNREADABLE) for cell, word in said.items()}
    strange = _count(cells, [cell for cell, code in found.items() if code is UNREADABLE])
    plain = {cell: code for cell, code in found.items() if code not in (UNREADABLE, "unknown")}
    unknown = int(cells.isin([cell for cell, code in found.items() if code == "unknown"]).sum())
    values = cells.map(plain).to_numpy(dtype=object)
    values[pd.isna(values)] = None
    return Values(None, values, int(missing.sum()) + unknown, sum(strange.values()), strange)


def _dates(
    cells: pd.Series, said: dict[str, str], missing: pd.Series, known: Mapped, column: Column
) -> Values:
    form = column.unit or known.units[0].code
    found = {cell: day(word, form) for cell, word in said.items()}
    strange = _count(cells, [cell for cell, value in found.items() if value is None])
    values = cells.map({cell: np.datetime64(value, "D") for cell, value in found.items() if value})
    impossible = sum(strange.values())
    return Values(None, values.to_numpy(dtype="datetime64[D]"), int(missing.sum()), impossible, strange)


def number(word: str) -> float | None:
    """Read ``"11,8"``, ``"11.8 g/dL"``, ``"230 000"``; ``None`` for anything else."""
    text = TRAILING_UNIT.sub("", re.sub(r"[\u00a0\u202f\u2009]", " ", word)).strip()
    if not text.isascii() or not NUMBER.fullmatch(text):
        return None
    return float(text.replace(" ", "").replace(",", "."))


def day(word: str, form: str) -> date | None:
    """Read a date, with or without a time of day behind it; ``None`` for anything else.

    Parameters
    ----------
    form
        ``"dd/mm/yyyy"``, ``"mm/dd/yyyy"`` or ``"yyyymmdd"``; ISO 8601 is read whatever is said.
    """
    if (found := ISO.match(word)) or (form == "yyyymmdd" and (found := COMPACT.match(word))):
        parts = (int(found[1]), int(found[2]), int(found[3]))
    elif found := DAY_FIRST.match(word):
        first, second, year = int(found[1]), int(found[2]), int(found[3])
        parts = (year, first, second) if form == "mm/dd/yyyy" else (year, second, first)
    else:
        return None
    try:
        read = date(*parts)
    except ValueError:
        return None
    return read if EARLIEST <= read <= date.today() else None


def _gestation(word: str) -> float | None:
    found = WEEKS_DAYS.fullmatch(word.strip())
    if found is None or (found[2] and int(found[2]) > 6):
        return number(word)
    return int(found[1]) + int(found[2] or 0) / 7


def _meaning(known: Mapped, column: Column) -> dict[str, str]:
    """Word → code: codes and labels of the form, usual words, and before all what the mapping says."""
    meaning: dict[str, str] = {}
    for choice in known.choices:
        meaning |= {folded(text): choice.code for text in (choice.code, choice.label.en, choice.label.fr)}
    meaning |= {folded(word): code for word, code in known.words.items()}
    return meaning | {folded(word): code for word, code in column.codes.items()}


def _number_or_word(
    word: str, words: dict[str, str], read_one: Callable[[str], float | None]
) -> float | object | None:
    if (code := words.get(folded(word))) is not None:
        return None if code == "unknown" else float(code)
    value = read_one(word)
    return UNREADABLE if value is None else value


def _count(cells: pd.Series, strange: Collection[str]) -> Counter[str]:
    found = cells[cells.isin(list(strange))]
    return Counter(found.str.strip().to_list())
