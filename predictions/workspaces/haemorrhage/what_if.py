"""The questions of a what-if, and where the two figures stand on one scale."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from ml.contracts import Problem
from predictions import answers, first_read, forms
from predictions.forms import Question
from predictions.models import Study

WIDTH, LANE = 480, 26
TICK_STEPS = (1, 2, 5, 10, 20, 50)


def changeable(study: Study) -> list[str]:
    """Return the fields whose answer may still change, by the package of the serving result."""
    prediction = study.prediction
    return list(prediction.result.get("changeable", ())) if prediction else []


def offered(study: Study) -> bool:
    """Return whether anything may be supposed of a study now."""
    return bool(changeable(study)) and first_read.supposing(study)


def questions(study: Study, supposed: Mapping[str, str], problems: Iterable[Problem] = ()) -> list[Question]:
    """Return the questions that may be answered otherwise, with what is supposed or else was answered."""
    names, by_field = changeable(study), {}
    for problem in problems:
        by_field.setdefault(problem.field, []).append(problem)
    given = answers.retyped(study.contract, study.values) | dict(supposed)
    return [
        Question(
            field=field,
            value=given.get(field.name, ""),
            at="",
            problems=tuple(by_field.get(field.name, ())),
            at_problems=(),
            fixed=False,
        )
        for field in study.contract.fields
        if field.name in names
    ]


def posted(study: Study, data: Mapping[str, str]) -> dict[str, str]:
    """Return the supposed answers among what a browser sent; a blank one supposes that it were unknown."""
    return {
        name: data[name].strip()[: forms.LONGEST] or "unknown" for name in changeable(study) if name in data
    }


def different(study: Study, supposed: Mapping[str, str]) -> dict[str, str]:
    """Return the supposed answers that are not typed as the real ones are."""
    real = answers.retyped(study.contract, study.values)
    return {name: value for name, value in supposed.items() if value != real.get(name, "unknown")}


def drawing(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Place both figures with their intervals on one scale of women of 100."""
    rows = {
        when: [100 * value for value in (answer[when]["risk"], *answer[when]["interval"])]
        for when in ("before", "after")
    }
    most = max(2, math.ceil(1.1 * max(high for _risk, _low, high in rows.values())))

    def x(value: float) -> float:
        return round(8 + (WIDTH - 16) * value / most, 1)

    step = next(step for step in TICK_STEPS if most / step <= 8 or step == TICK_STEPS[-1])
    return {
        "rows": {
            when: {"x": x(risk), "low": x(low), "high": x(high)} for when, (risk, low, high) in rows.items()
        },
        "ticks": [{"x": x(value), "per_100": value} for value in range(0, most + 1, step)],
        "width": WIDTH,
        "height": LANE,
    }


def context(
    study: Study,
    *,
    supposed: Mapping[str, str] | None = None,
    answer: Mapping[str, Any] | None = None,
    problems: Iterable[Problem] = (),
) -> dict[str, Any]:
    """Return what the panel shows."""
    told = list(problems)
    return {
        "questions": questions(study, supposed or {}, told),
        "supposed": bool(supposed),
        "answer": answer,
        "drawing": drawing(answer) if answer else None,
        "problems": told,
    }
