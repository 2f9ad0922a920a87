"""A mapping, read, checked and written. Standard library only.

It is the same structure as page, JSON and ``mapping.yaml``::

    columns:
      mother: {column: id_mere}
      admission_at: {column: date_admission, unit: dd/mm/yyyy}
      haemoglobin: {column: Hb, unit: g/L}
      onset: {column: debut, codes: {S: spontaneous, D: induced, C: planned_caesarean}}
      blood_loss_ml: {column: pertes, unit: mL}
    missing: [NR, "9999"]
    outcome: {definition: "pertes mesurées par sac de recueil", window_hours: 24}
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping as Map
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ml.algorithms.haemorrhage.mapping import problems as say
from ml.algorithms.haemorrhage.mapping.fields import FIELDS, LOSS, OUTCOMES, SEVERE
from ml.contracts import Problem, Text

# Always understood as "not known", beside what a mapping adds.
MISSING = (
    "", "na", "n/a", "nan", "null", "none given", "nr", "nsp", "nc", "nd", "inconnu", "inconnue", "unknown",
    "non renseigne", "non renseigné", "non connu", "?", ".", "-", "--",
)  # fmt: skip
WINDOW_HOURS = 24
SEVERE_ML = 1000
LONGEST_NAME, LONGEST_WORDS, MOST_CODES = 200, 500, 200

TIERS: dict[str, Text] = {
    "intercept": Text(
        "the published odds ratios at this hospital’s own incidence",
        "les odds ratios publiés, à l’incidence de cet hôpital",
    ),
    "intercept_slope": Text(
        "the published odds ratios, all stretched or shrunk by one number, at this hospital’s own incidence",
        "les odds ratios publiés, tous étirés ou resserrés par un même nombre, à l’incidence de cet hôpital",
    ),
    "refit": Text(
        "odds ratios learned here, held near the published ones",
        "odds ratios appris ici, retenus près des valeurs publiées",
    ),
    "trees": Text(
        "odds ratios learned here, held near the published ones, with trees compared beside them",
        "odds ratios appris ici, retenus près des valeurs publiées, avec des arbres comparés à côté",
    ),
}


class WrongMapping(ValueError):
    """A structure that is no mapping; carries every problem found."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("; ".join(problem.message.en for problem in problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Column:
    """How one column is read.

    Parameters
    ----------
    column
        Its name in the header.
    unit
        A unit code of the field; the field's first one when empty.
    codes
        What a cell says → the code or number it stands for, beside the usual words.
    """

    column: str
    unit: str = ""
    codes: Map[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return the stored form, without what is empty."""
        whole = {"column": self.column, "unit": self.unit, "codes": dict(self.codes)}
        return {key: value for key, value in whole.items() if value}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the outcome was found.

    Parameters
    ----------
    definition
        In the hospital's own words.
    window_hours
        Hours after birth in which blood was counted.
    """

    definition: str = ""
    window_hours: float = WINDOW_HOURS


@dataclass(frozen=True, slots=True)
class Mapping:
    """A mapping, well formed but not yet held against a header.

    Parameters
    ----------
    columns
        Column by field name.
    missing
        Further words for "not known".
    synthetic
        The table is simulated: said wherever something learned from it shows.
    """

    columns: Map[str, Column]
    missing: tuple[str, ...] = ()
    outcome: Outcome = field(default_factory=Outcome)
    synthetic: bool = False

    @property
    def label(self) -> str:
        """Name of the outcome field mapped: blood loss where it is measured."""
        return LOSS if LOSS in self.columns else SEVERE

    @property
    def predictors(self) -> tuple[str, ...]:
        """Names of the mapped fields that enter the figure, in the order of :data:`FIELDS`."""
        return tuple(n for n, f in FIELDS.items() if f.used and not f.needed and n in self.columns)

    @property
    def aside(self) -> tuple[str, ...]:
        """Names of the mapped fields that do not enter the figure."""
        return tuple(n for n in self.columns if not FIELDS[n].used and n not in OUTCOMES)

    def as_dict(self) -> dict[str, Any]:
        """Return the structure of ``mapping.yaml``."""
        found: dict[str, Any] = {"columns": {name: c.as_dict() for name, c in self.columns.items()}}
        if self.missing:
            found["missing"] = list(self.missing)
        found["outcome"] = {
            "definition": self.outcome.definition,
            "window_hours": self.outcome.window_hours,
        }
        return found | ({"synthetic": True} if self.synthetic else {})

    @classmethod
    def from_mapping(cls, value: Any) -> Mapping:
        """Read the structure of ``mapping.yaml``; unknown fields, units and codes are refused.

        Raises
        ------
        WrongMapping
            With every reason.
        """
        problems: list[Problem] = []
        if not isinstance(value, Map) or not isinstance(value.get("columns"), Map):
            raise WrongMapping(say.NOT_A_MAPPING)
        columns = {}
        for name, entry in value["columns"].items():
            column = _column(str(name), entry, problems)
            if column is not None:
                columns[str(name)] = column
        outcome = _outcome(value.get("outcome") or {}, problems)
        missing = value.get("missing") or ()
        if isinstance(missing, str) or not isinstance(missing, Sequence) or len(missing) > MOST_CODES:
            problems.append(say.bad("missing", "a list of words", "une liste de mots"))
            missing = ()
        if problems:
            raise WrongMapping(*problems)
        words = tuple(_word(word) for word in missing)
        return cls(columns, words, outcome, value.get("synthetic") is True)


def check(header: Sequence[str], mapping: Mapping) -> list[Problem]:
    """Hold a mapping against the header of a file.

    Returns
    -------
    list of Problem
        Every reason why the file cannot be read so; ``field`` names the field concerned.
    """
    problems = [*_needed(mapping), *_outcome_problems(mapping)]
    counts, used = Counter(header), Counter(c.column for c in mapping.columns.values())
    for name, column in mapping.columns.items():
        if column.column not in counts:
            problems.append(say.absent(name, column.column, header))
        elif counts[column.column] > 1:
            problems.append(say.ambiguous(name, column.column))
        if name not in OUTCOMES and FIELDS[name].used and not FIELDS[name].needed:
            problems += say.leaking(name, column.column)
        if used[column.column] > 1:
            problems.append(say.twice(name, column.column))
    return problems


def _column(name: str, entry: Any, problems: list[Problem]) -> Column | None:
    known = FIELDS.get(name)
    if known is None:
        problems.append(say.unknown_field(name))
        return None
    if isinstance(entry, str):
        entry = {"column": entry}
    if not isinstance(entry, Map) or not isinstance(entry.get("column"), str) or not entry["column"].strip():
        problems.append(say.bad(name, "{column: name of the column}", "{column: nom de la colonne}"))
        return None
    unit = str(entry.get("unit") or "")
    if unit and known.unit(unit) is None:
        problems.append(say.unknown_unit(known, unit))
    codes = entry.get("codes") or {}
    if not isinstance(codes, Map) or len(codes) > MOST_CODES:
        problems.append(say.bad(name, "codes: {word: code}", "codes: {mot: code}"))
        codes = {}
    read = {_word(word): _code(code) for word, code in codes.items()}
    problems += say.unknown_codes(known, read)
    return Column(entry["column"].strip()[:LONGEST_NAME], unit, read)


def _word(value: Any) -> str:
    # YAML reads an unquoted yes or no as true or false.
    return ("yes" if value else "no") if isinstance(value, bool) else str(value).strip()[:LONGEST_NAME]


def _code(value: Any) -> str:
    word = _word(value)
    return "unknown" if value is None or word.casefold() in {"unknown", "inconnu"} else word


def _outcome(value: Any, problems: list[Problem]) -> Outcome:
    if not isinstance(value, Map):
        example = "{definition: …, window_hours: 24}"
        problems.append(say.bad("outcome", example, example))
        return Outcome()
    hours = value.get("window_hours", WINDOW_HOURS)
    if isinstance(hours, bool) or not isinstance(hours, int | float) or not 0 < hours <= WINDOW_HOURS:
        problems.append(say.WRONG_WINDOW)
        hours = WINDOW_HOURS
    threshold = value.get("threshold_ml", SEVERE_ML)
    if threshold != SEVERE_ML:
        problems.append(say.WRONG_THRESHOLD)
    return Outcome(str(value.get("definition") or "")[:LONGEST_WORDS], hours)


def _needed(mapping: Mapping) -> list[Problem]:
    absent = [name for name, known in FIELDS.items() if known.needed and name not in mapping.columns]
    problems = [say.not_mapped(FIELDS[name]) for name in absent]
    return problems if mapping.predictors else [*problems, say.NO_PREDICTOR]


def _outcome_problems(mapping: Mapping) -> list[Problem]:
    given = [name for name in OUTCOMES if name in mapping.columns]
    if len(given) != 1:
        return [say.OUTCOME_NOT_ONE]
    undefined = given == [SEVERE] and not mapping.outcome.definition.strip()
    return [say.OUTCOME_NOT_DEFINED] if undefined else []
