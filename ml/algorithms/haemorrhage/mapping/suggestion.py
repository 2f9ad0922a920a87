"""A first proposal for a mapping, from names of columns and some rows. Standard library only."""

from __future__ import annotations

import re
import statistics
from collections.abc import Sequence
from typing import Any

from ml.algorithms.haemorrhage.mapping.fields import (
    COMPACT,
    DAY_FIRST,
    FIELDS,
    LOSS,
    MONTH_FIRST,
    OUTCOMES,
    SEVERE,
    YEAR_FIRST,
    Mapped,
    Unit,
)
from ml.algorithms.haemorrhage.mapping.names import field_of, leak, plain
from ml.algorithms.haemorrhage.mapping.simulated import simulated
from ml.contracts import FieldKind

WEEKS_DAYS = re.compile(r"\s*[0-9]{2}\s*(SA|wk|w|sem)?\s*\+\s*[0-6]\s*(j|d)?\s*", re.I)
NUMBER = re.compile(r"-?[0-9]+(?:[.,][0-9]+)?")
MOST_WORDS = 12


def suggest(header: Sequence[str], sample_rows: Sequence[Sequence[str]] = ()) -> dict[str, Any]:
    """Propose a mapping; somebody who knows the export has to confirm it.

    Parameters
    ----------
    header
        Names of the columns.
    sample_rows
        Some rows, cells in the order of the header: units and codes are guessed from them.

    Returns
    -------
    dict
        The structure of ``mapping.yaml``: fields that no column seems to hold are absent, and so are columns
        known only after admission. ``synthetic`` where the rows say they are simulated.
    """
    columns: dict[str, dict[str, Any]] = {}
    for index, name in enumerate(header):
        field = field_of(name)
        if not field or field in columns or (field not in OUTCOMES and leak(name) is not None):
            continue
        cells = [row[index].strip() for row in sample_rows if index < len(row) and row[index].strip()]
        known = FIELDS[field]
        columns[field] = {"column": name} | _unit(known, name, cells) | _codes(known, cells)
    if LOSS in columns:
        columns.pop(SEVERE, None)
    ordered = {name: columns[name] for name in FIELDS if name in columns}
    found = {"columns": ordered, "missing": [], "outcome": {"definition": "", "window_hours": 24}}
    return found | ({"synthetic": True} if simulated(header, sample_rows) else {})


def numbers(cells: Sequence[str]) -> list[float]:
    """Return the cells that are plain numbers, with either decimal sign."""
    return [float(cell.replace(",", ".")) for cell in cells if NUMBER.fullmatch(cell)]


def _unit(known: Mapped, name: str, cells: Sequence[str]) -> dict[str, str]:
    if not known.units:
        return {}
    if known.kind in {FieldKind.DATE, FieldKind.DATETIME}:
        return {"unit": _date_format(cells)}
    if known.name == "gestation_weeks" and any(WEEKS_DAYS.fullmatch(cell) for cell in cells):
        return {"unit": "weeks+days"}
    found = numbers(cells)
    if found:
        median = statistics.median(found)
        for unit in known.units:
            if unit.typical and unit.typical[0] <= median <= unit.typical[1]:
                return {"unit": unit.code}
    by_name = named_unit(known, name)
    return {"unit": by_name.code if by_name else known.units[0].code}


def named_unit(known: Mapped, name: str) -> Unit | None:
    """Return the unit that the name of a column ends with: g/dL of ``haemoglobin_g_dl``, or ``None``."""
    words = plain(name).split()
    endings = {"".join(words[start:]) for start in range(1, len(words))}
    for unit in sorted(known.units, key=lambda unit: -len(unit.code)):
        if plain(unit.code).replace(" ", "") in endings:
            return unit
    return None


def _date_format(cells: Sequence[str]) -> str:
    if cells and all(re.fullmatch(r"[0-9]{8}", cell) for cell in cells):
        return COMPACT.code
    if cells and all(re.match(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}", cell) for cell in cells):
        return YEAR_FIRST.code
    parts = [re.match(r"([0-9]{1,2})[/.-]([0-9]{1,2})[/.-][0-9]{4}", cell) for cell in cells]
    seconds = [int(found[2]) for found in parts if found]
    firsts = [int(found[1]) for found in parts if found]
    if seconds and max(seconds) > 12 and max(firsts) <= 12:
        return MONTH_FIRST.code
    return DAY_FIRST.code


def _codes(known: Mapped, cells: Sequence[str]) -> dict[str, dict[str, str]]:
    """Name the codes of words that are not understood anyway; those nobody can guess stay unknown."""
    if not known.choices:
        return {}
    words = list(dict.fromkeys(cells))
    if len(words) > MOST_WORDS:
        return {}
    accepted = {choice.code for choice in known.choices} | set(known.words) | {"unknown"}
    strange = [word for word in words if word.casefold() not in accepted and plain(word) not in accepted]
    return {"codes": {word: _guess(known, word) for word in strange}} if strange else {}


def _guess(known: Mapped, word: str) -> str:
    said = plain(word)
    for phrase, code in sorted(known.words.items(), key=lambda item: -len(item[0])):
        if len(phrase) > 3 and (phrase in said or (len(said) > 3 and said in phrase)):
            return code
    return "unknown"
