"""The load door of a tabular algorithm."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ml.contracts import Finding, Loaded, Problem, Refused, Severity, Source, Text

Check = Callable[[Mapping[str, Any]], tuple[dict[str, Any], list[Problem]]]


def load_row(check: Check, source: Source) -> Loaded:
    """Return the typed fields of a form with how many of them were given.

    Raises
    ------
    Refused
        With every reason.
    """
    typed, problems = check(source.values)
    if any(problem.severity is Severity.REFUSE for problem in problems):
        raise Refused(*problems)
    given = sum(value is not None for value in typed.values())
    known = Finding(
        code="fields_given",
        label=Text("Fields given", "Champs renseignés"),
        value=f"{given}/{len(typed)}",
        attention=given < len(typed),
    )
    return Loaded(data=typed, problems=tuple(problems), quality=(known,))
