"""Read a hospital's CSV by its mapping, or say every reason why it cannot be learned from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from ml.algorithms.haemorrhage import literature
from ml.algorithms.haemorrhage.hospital import births as of_births
from ml.algorithms.haemorrhage.hospital import cells, doubts, months, table
from ml.algorithms.haemorrhage.hospital import sentences as say
from ml.algorithms.haemorrhage.hospital.births import Births
from ml.algorithms.haemorrhage.hospital.cells import Values
from ml.algorithms.haemorrhage.mapping import FIELDS, Mapping
from ml.algorithms.haemorrhage.mapping.fields import DATE, LOSS, MOTHER
from ml.algorithms.haemorrhage.mapping.structure import SEVERE_ML
from ml.contracts import Problem, Refused
from ml.package import file_sha256
from ml.tables import NO_ROWS


def read(csv_path: Path, mapping: Mapping) -> Births:
    """Read births from a file.

    Parameters
    ----------
    csv_path
        CSV in UTF-8, UTF-16 or Windows-1252; separated by semicolons, commas or tabs; decimals with a point
        or a comma.

    Returns
    -------
    Births
        In the order of time, one per row that has a mother, a date and an outcome.

    Raises
    ------
    Refused
        With every reason found, each naming the column and what to do.
    """
    file = table.read(csv_path, mapping)
    if file.cells.empty:
        raise Refused(NO_ROWS)
    # A mapping may be lost or untrue; births that say they are simulated stay so.
    mapping = replace(mapping, synthetic=mapping.synthetic or file.simulated)
    read_of = {
        name: cells.read(file.cells[name], FIELDS[name], column, mapping)
        for name, column in mapping.columns.items()
        if name not in mapping.aside
    }
    rows = len(file.cells)
    # A column in another unit is full of impossible values too: said once.
    in_doubt = doubts.units(read_of, mapping)
    named = {problem.field for problem in in_doubt}
    others = {name: values for name, values in read_of.items() if name not in named}
    _stop([*in_doubt, *doubts.unreadable(others, mapping, rows)])
    mother, day, label = read_of[MOTHER].values, read_of[DATE].values, _label(read_of, mapping)
    _stop(doubts.identity(mother, day, label, mapping))
    whole = ~(np.isnan(label) | np.isnat(day) | np.array([number is None for number in mother]))
    kept = np.flatnonzero(whole)
    kept = kept[np.argsort(day[kept], kind="stable")]
    outcome = label[kept].astype(int)
    _stop(
        [
            *doubts.label(outcome, mapping),
            *doubts.period(day[kept], mapping),
        ]
    )
    _stop(
        [
            *doubts.duplicates(mother[kept], day[kept], file.line[kept]),
            *doubts.leaks(read_of, outcome, kept, mapping),
            *months.shifted(read_of, kept, day[kept], outcome, mapping),
        ]
    )
    return _births(csv_path, mapping, read_of, kept, outcome)


def _births(
    path: Path, mapping: Mapping, read_of: dict[str, Values], kept: np.ndarray, outcome: np.ndarray
) -> Births:
    day = read_of[DATE].values[kept]
    values = {name: read_of[name].values[kept] for name in mapping.predictors}
    levels, contradicting = of_births.levels(literature.model(), values, day)
    _stop(_wrong_ages(contradicting["birth_date"], len(kept), mapping))
    mother = np.unique(read_of[MOTHER].values[kept].astype(str), return_inverse=True)[1]
    births = Births(levels, outcome, mother, day, {}, mapping, file_sha256(path))
    counts = {
        name: (values.missing, values.impossible + contradicting.get(name, 0))
        for name, values in read_of.items()
    }
    rows = len(read_of[DATE].values)
    dropped = {"without_mother_date_or_outcome": rows - len(kept)}
    return Births(
        levels, outcome, mother, day, of_births.report(births, rows, counts, dropped), mapping, births.sha256
    )


def _label(read_of: dict[str, Values], mapping: Mapping) -> np.ndarray:
    """Return 1 for a severe haemorrhage, 0 for none, ``nan`` where nobody wrote it down, shape (rows,)."""
    values = read_of[mapping.label].values
    if mapping.label == LOSS:
        return np.where(np.isnan(values), np.nan, values >= SEVERE_ML)
    return np.array([{"yes": 1.0, "no": 0.0}.get(code, np.nan) for code in values])


def _wrong_ages(count: int, births: int, mapping: Mapping) -> list[Problem]:
    if count <= doubts.MOST_IMPOSSIBLE * births:
        return []
    column = mapping.columns["birth_date"].column
    return [say.impossible_ages(FIELDS["birth_date"], column, count / births)]


def _stop(problems: list[Problem]) -> None:
    if problems:
        raise Refused(*problems)
