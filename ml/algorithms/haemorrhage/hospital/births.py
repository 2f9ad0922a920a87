"""Births of a hospital, ready to learn from: levels, outcome, mother and day, and the data report."""

from __future__ import annotations

from collections.abc import Mapping as Map
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ml.algorithms.haemorrhage import answers, rules
from ml.algorithms.haemorrhage.external import OR, UNKNOWN
from ml.algorithms.haemorrhage.fields import FIELDS as FORM
from ml.algorithms.haemorrhage.mapping import FIELDS, Mapping
from ml.algorithms.haemorrhage.model import Factor, Model

YEAR_DAYS = 365.2425
NOBODY = {name: None for field in FORM for name in (field.name, f"{field.name}_at")}

# Which answers decide which factors; the rules themselves are those of the form (`answers.allowed`).
TOGETHER: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (("parity", "previous_caesareans", "previous_pph"), ("parity", "previous_caesarean", "previous_pph")),
    (("preeclampsia", "severe_preeclampsia", "gestational_hypertension"), ("hypertension",)),
    (("fetuses",), ("multiple",)),
    (("placenta",), ("placenta",)),
    (("estimated_fetal_weight_g",), ("macrosomia",)),
    (("haemoglobin",), ("haemoglobin",)),
    (("platelets",), ("platelets",)),
    (("onset",), ("onset",)),
    (("gestation_weeks",), ("post_term",)),
    *(((name,), (name,)) for name in answers.TERNARY),
)


@dataclass(frozen=True, eq=False)
class Births:
    """What a table says, one entry per birth, in the order of time.

    Parameters
    ----------
    levels
        Column per factor of the model: a level code, several joined by ``|`` where the answers leave them
        open, ``""`` where nothing is known.
    outcome
        Shape (n,): 0 or 1.
    mother
        Shape (n,): a number per mother.
    day
        Shape (n,): ``datetime64[D]``.
    report
        JSON-ready: rows, births, events, incidence, missing and impossible values per field, mothers with
        several births, births and events per month.
    sha256
        Of the file.
    """

    levels: pd.DataFrame
    outcome: np.ndarray
    mother: np.ndarray
    day: np.ndarray
    report: Map[str, Any]
    mapping: Mapping
    sha256: str

    def __len__(self) -> int:
        return len(self.outcome)

    @property
    def events(self) -> int:
        """Births with the outcome."""
        return int(self.outcome.sum())

    def take(self, rows: np.ndarray) -> Births:
        """Return some births; the report stays that of the whole table."""
        return Births(
            self.levels.iloc[rows].reset_index(drop=True),
            self.outcome[rows],
            self.mother[rows],
            self.day[rows],
            self.report,
            self.mapping,
            self.sha256,
        )


def levels(
    model: Model, values: Map[str, np.ndarray], day: np.ndarray
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Return the level codes of every birth, and how many values contradict others.

    Parameters
    ----------
    values
        Per mapped field, shape (n,), in the form's units; ``nan``, ``None`` or ``NaT`` where unknown.
    day
        Shape (n,): day of admission or birth.
    """
    n = len(day)
    kept = dict(values)
    found: dict[str, np.ndarray] = {}
    age, young = _ages(kept, day)
    index, odd = _bmi(kept)
    crossed = _more_caesareans_than_births(kept)
    found["age"] = _measured(model.by_name["age"], age, n)
    found["bmi"] = _measured(model.by_name["bmi"], index, n)
    for fields, factors in TOGETHER:
        found |= _answered(model, fields, factors, kept, n)
    table = pd.DataFrame({factor.name: found[factor.name] for factor in model.factors}, dtype=object)
    return table, {"birth_date": young, "bmi": odd, "previous_caesareans": crossed}


def report(
    births: Births, rows: int, counts: Map[str, tuple[int, int]], dropped: Map[str, int]
) -> dict[str, Any]:
    """Return the data report.

    Parameters
    ----------
    counts
        Per field: how many values are missing and how many impossible.
    dropped
        Rows left out, by reason.
    """
    _, per_mother = np.unique(births.mother, return_counts=True)
    month = births.day.astype("datetime64[M]")
    names, member, size = np.unique(month, return_inverse=True, return_counts=True)
    events = np.bincount(member, weights=births.outcome, minlength=len(names)).astype(int)
    mapping = births.mapping
    return {
        "rows": rows,
        "births": len(births),
        "events": births.events,
        "incidence": births.events / len(births),
        "period": [str(births.day.min()), str(births.day.max())],
        "dropped": dict(dropped),
        "fields": [
            {
                "field": name,
                "label": FIELDS[name].label.as_json(),
                "column": mapping.columns[name].column,
                "unit": mapping.columns[name].unit,
                "missing": missing,
                "impossible": impossible,
                "missing_share": missing / rows,
                "in_the_figure": name in mapping.predictors,
            }
            for name, (missing, impossible) in counts.items()
        ],
        "mothers": {
            "mothers": len(per_mother),
            "with_several_births": int((per_mother > 1).sum()),
            "most_births": int(per_mother.max()),
        },
        "months": [
            {"month": str(name), "births": int(count), "events": int(hits)}
            for name, count, hits in zip(names, size, events, strict=True)
        ],
        "outcome": {
            "field": mapping.label,
            "definition": mapping.outcome.definition,
            "window_hours": mapping.outcome.window_hours,
        },
        "synthetic": mapping.synthetic,
    }


def _ages(values: dict[str, np.ndarray], day: np.ndarray) -> tuple[np.ndarray | None, int]:
    """Completed years; ages nobody gives birth at become unknown and are counted."""
    if "birth_date" not in values:
        return values.get("age"), 0
    born = values["birth_date"].astype("datetime64[D]")
    known = ~(np.isnat(born) | np.isnat(day))
    age = np.full(len(day), np.nan)
    age[known] = [
        (b.year - a.year) - ((b.month, b.day) < (a.month, a.day))
        for a, b in zip(born[known].tolist(), day[known].tolist(), strict=True)
    ]
    with np.errstate(invalid="ignore"):
        wrong = (age < rules.AGE_HARD[0]) | (age > rules.AGE_HARD[1])
    age[wrong] = np.nan
    if "age" in values:
        age = np.where(np.isnan(age), values["age"], age)
    return age, int(wrong.sum())


def _bmi(values: dict[str, np.ndarray]) -> tuple[np.ndarray | None, int]:
    index = values.get("bmi")
    if "height_cm" not in values or "weight_kg" not in values:
        return index, 0
    worked_out = values["weight_kg"] / (values["height_cm"] / 100) ** 2
    with np.errstate(invalid="ignore"):
        wrong = (worked_out < rules.BMI_HARD[0]) | (worked_out > rules.BMI_HARD[1])
    worked_out = np.where(wrong, np.nan, worked_out)
    return (worked_out if index is None else np.where(np.isnan(worked_out), index, worked_out)), int(
        wrong.sum()
    )


def _more_caesareans_than_births(values: dict[str, np.ndarray]) -> int:
    """Take a number of caesareans above parity as unknown, as the form refuses it; return how many."""
    if "parity" not in values or "previous_caesareans" not in values:
        return 0
    with np.errstate(invalid="ignore"):
        wrong = values["previous_caesareans"] > values["parity"]
    values["previous_caesareans"] = np.where(wrong, np.nan, values["previous_caesareans"])
    return int(wrong.sum())


def _measured(factor: Factor, values: np.ndarray | None, n: int) -> np.ndarray:
    if values is None:
        return np.full(n, UNKNOWN, dtype=object)
    at = np.searchsorted(factor.bounds, np.nan_to_num(values), side="right")
    return np.where(np.isnan(values), UNKNOWN, np.array(factor.codes, dtype=object)[at])


def _answered(
    model: Model, fields: Sequence[str], factors: Sequence[str], values: Map[str, np.ndarray], n: int
) -> dict[str, np.ndarray]:
    """Ask the form's own rules once for every different answer."""
    given = [name for name in fields if name in values]
    if not given:
        return {name: np.full(n, UNKNOWN, dtype=object) for name in factors}
    table = pd.DataFrame({name: pd.Series(values[name].astype(object), dtype=object) for name in given})
    table = table.where(table.notna(), None)
    group = table.groupby(given, dropna=False, sort=False).ngroup().to_numpy()
    first = np.unique(group, return_index=True)[1]
    opened = [
        answers.allowed(model, NOBODY | {k: _plain(v) for k, v in row.items()})
        for row in table.iloc[first].to_dict("records")
    ]
    return {
        name: np.array([OR.join(sorted(a[name])) if name in a else UNKNOWN for a in opened], dtype=object)[
            group
        ]
        for name in factors
    }


def _plain(value: Any) -> Any:
    return None if pd.isna(value) else value
