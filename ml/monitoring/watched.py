"""What is watched of every study: a few plain values per algorithm, from its input and from its answer.

Each algorithm names its own in ``summary.py``: ``WATCHED``, ``row`` and ``score``. Standard library only.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ml.contracts import Contract, Field, FieldKind, Text

Row = dict[str, float | str | None]
NUMBERS = (FieldKind.NUMBER, FieldKind.INTEGER)
LEVELS = (FieldKind.CHOICE, FieldKind.TERNARY)
UNKNOWN = "unknown"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Watched:
    """One thing that is watched.

    Parameters
    ----------
    numeric
        Whether its values are numbers; else they are levels.
    output
        Whether the model made it: it is compared only between studies that one version answered.
    levels
        Labels of levels; a level without one is shown as it is.
    """

    name: str
    label: Text
    numeric: bool = True
    output: bool = False
    unit: str = ""
    levels: Mapping[str, Text] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Study:
    """What is stored of one study, as far as it says something of input and answer.

    Parameters
    ----------
    values
        Of a form.
    result
        As ``predict`` returned it; of a refused study what could be said all the same, or empty.
    refused
        Codes of the reasons; empty for an answered study.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    result: Mapping[str, Any] = field(default_factory=dict)
    quality: Sequence[Mapping[str, Any]] = ()
    refused: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Score:
    """What a model said of one study, as performance is judged by it.

    Parameters
    ----------
    expected
        Probability of the event; of a night the share of epochs that a scorer is expected to agree with.
    flagged
        The decision at the operating point; ``None`` where there is none.
    """

    expected: float
    flagged: bool | None = None


def of_form(contract: Contract, *, without: Sequence[str] = ()) -> tuple[Watched, ...]:
    """Return the numbers and choices of a form; moments, dates and free text are nothing to compare."""
    fields = [f for f in contract.fields if f.kind in (*NUMBERS, *LEVELS) and f.name not in without]
    return tuple(
        Watched(f.name, f.label, f.kind in NUMBERS, unit=f.unit, levels={c.code: c.label for c in f.choices})
        for f in fields
    )


def form_row(contract: Contract, values: Mapping[str, Any]) -> Row:
    """Return the answers of a form; a choice without an answer is its level "unknown" where it has one."""
    return {f.name: _answer(f, values.get(f.name)) for f in contract.fields if f.kind in (*NUMBERS, *LEVELS)}


@dataclass(frozen=True, slots=True)
class ReferenceCase:
    """What is watched of the cases of a reference task: the fields of its form, probability and decision.

    Parameters
    ----------
    key
        Of the probability in its result.
    event
        The decision when the model flags a case.
    said
        What the probability is of.
    """

    contract: Contract
    key: str
    event: str
    said: Text

    @property
    def watched(self) -> tuple[Watched, ...]:
        """Everything that is watched."""
        return (
            *of_form(self.contract),
            Watched("probability", self.said, output=True),
            Watched("label", Text("Decision", "Décision"), numeric=False, output=True),
        )

    def row(self, study: Study) -> Row:
        """Return the watched values of one case."""
        said = {"probability": number(study.result.get(self.key)), "label": study.result.get("label")}
        return form_row(self.contract, study.values) | said

    def score(self, study: Study) -> Score | None:
        """Return probability and decision; ``None`` without an answer."""
        probability = number(study.result.get(self.key))
        return None if probability is None else Score(probability, study.result.get("label") == self.event)


def firsts(found: Iterable[tuple[Hashable, T]]) -> list[T]:
    """Return the first one of everybody.

    Reassessments of one woman are nearly the same study: counted each, they would pass for agreement of many
    and make chance look like drift.

    Parameters
    ----------
    found
        Who it is of and what it is, in the order of time.
    """
    kept: dict[Hashable, T] = {}
    for person, one in found:
        kept.setdefault(person, one)
    return list(kept.values())


def number(value: Any) -> float | None:
    """Return a stored number; ``None`` for nothing and for what is no number."""
    try:
        return None if value is None or value == "" else float(value)
    except (TypeError, ValueError):
        return None


def _answer(asked: Field, value: Any) -> float | str | None:
    if asked.kind in NUMBERS:
        return number(value)
    if value is None or value == "":
        return UNKNOWN if any(choice.code == UNKNOWN for choice in asked.choices) else None
    return str(value)
