"""Pages of questions built from a contract: no algorithm has a form of its own."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.utils import timezone

from ml import registry
from ml.contracts import Contract, Field, FieldKind, Problem, Section, Severity, Text
from patients.models import Encounter, Patient
from predictions import answers
from predictions.answers import Difference

LONGEST = 200
CLOCK = re.compile(r"([0-9]{1,2})\s*[:h]\s*([0-9]{2})")
# Of so many questions one has to be answered for the form to be sent without asking back.
ENOUGH = 3
LITTLE_KNOWN = Text(
    "Only {known} of {counted} known: send all the same?",
    "Seulement {known} réponses connues sur {counted} : envoyer quand même ?",
)
# The record's word stands, whatever a form says; the page shows it and does not ask.
FROM_RECORD = frozenset({"birth_date"})
WIDGETS = {
    FieldKind.NUMBER: "number",
    FieldKind.INTEGER: "number",
    FieldKind.CHOICE: "segments",
    FieldKind.TERNARY: "segments",
    FieldKind.DATETIME: "datetime",
    FieldKind.DATE: "date",
    FieldKind.TEXT: "text",
}


@dataclass(frozen=True, slots=True)
class Question:
    """A field with what was answered, what is wrong with it, and what was answered before.

    Parameters
    ----------
    was, at_was
        How the answer and the time of its result differ from the assessment before; ``None`` where they
        do not, or where there was none.
    """

    field: Field
    value: str
    at: str
    problems: tuple[Problem, ...]
    at_problems: tuple[Problem, ...]
    fixed: bool
    was: Difference | None = None
    at_was: Difference | None = None

    @property
    def widget(self) -> str:
        """Name of the template that draws it."""
        return WIDGETS[self.field.kind]

    @property
    def at_name(self) -> str:
        """Name under which the time of a laboratory result is sent."""
        return f"{self.field.name}_at"

    @property
    def refused(self) -> bool:
        """Whether its answer cannot be taken."""
        return any(problem.severity is Severity.REFUSE for problem in self.problems)

    @property
    def at_refused(self) -> bool:
        """Whether the time of its result cannot be taken."""
        return any(problem.severity is Severity.REFUSE for problem in self.at_problems)


@dataclass(frozen=True, slots=True)
class Group:
    """A section of the form with its questions."""

    section: Section
    questions: tuple[Question, ...]


def groups(
    contract: Contract,
    values: Mapping[str, str],
    problems: Iterable[Problem],
    changed: Mapping[str, Difference] | None = None,
) -> list[Group]:
    """Return the sections of the form in their order, each question with its answer and problems.

    Parameters
    ----------
    changed
        How the answers differ from the assessment before, by name; ``None`` without one.
    """
    by_field: dict[str, list[Problem]] = {}
    for problem in problems:
        by_field.setdefault(problem.field, []).append(problem)
    return [
        Group(
            section,
            tuple(
                _question(field, values, by_field, changed)
                for field in contract.fields
                if field.section == section.name
            ),
        )
        for section in contract.sections
    ]


def _question(
    field: Field,
    values: Mapping[str, str],
    by_field: Mapping[str, list[Problem]],
    changed: Mapping[str, Difference] | None,
) -> Question:
    at = f"{field.name}_at"
    was = (changed or {}).get(field.name)
    return Question(
        field=field,
        value=values.get(field.name, ""),
        at=values.get(at, "") if field.timed else "",
        problems=tuple(by_field.get(field.name, ())),
        at_problems=tuple(by_field.get(at, ())) if field.timed else (),
        fixed=field.name in FROM_RECORD,
        was=was,
        at_was=(changed or {}).get(at) if field.timed else None,
    )


def names(contract: Contract) -> list[str]:
    """Return every name the form of ``contract`` may send."""
    return [
        name
        for field in contract.fields
        for name in ((field.name, f"{field.name}_at") if field.timed else (field.name,))
    ]


def posted(contract: Contract, data: Mapping[str, str], patient: Patient) -> dict[str, str]:
    """Return the answers among what a browser sent, without the blank ones, with the record's own."""
    # A NUL cannot be kept in a draft; what stands for it is refused as it would be.
    sent = {name: data.get(name, "").replace("\x00", "\ufffd").strip()[:LONGEST] for name in names(contract)}
    given = {name: _with_day(contract, name, answer) for name, answer in sent.items() if answer}
    return given | initial(contract, patient, None)


def initial(contract: Contract, patient: Patient, encounter: Encounter | None) -> dict[str, str]:
    """Return what the record already answers: the birth date, and when she came."""
    known: dict[str, Any] = {"birth_date": patient.birth_date}
    if encounter is not None:
        known["admission_at"] = encounter.started_at
    fields = {field.name for field in contract.fields}
    return {name: answers.as_typed(answer) for name, answer in known.items() if name in fields}


def changes(
    contract: Contract, before: Mapping[str, Any], values: Mapping[str, str]
) -> dict[str, Difference]:
    """Return how the answers in a form differ from stored ones, by name; what cannot be read differs too."""
    typed, problems = registry.door(contract.name, "contract").check(values)
    found = answers.differences(contract, before, answers.stored(typed))
    for problem in refusals(problems):
        if problem.field in found:
            found[problem.field] = replace(found[problem.field], after=values.get(problem.field, ""))
    return found


def _with_day(contract: Contract, name: str, answer: str) -> str:
    """Complete a time of day alone, "07:40" or "7h40", with today's date."""
    clock = CLOCK.fullmatch(answer)
    if not clock or name not in _moments(contract):
        return answer
    return f"{timezone.localdate().isoformat()} {int(clock[1]):02d}:{clock[2]}"


def _moments(contract: Contract) -> set[str]:
    return {f.name for f in contract.fields if f.kind is FieldKind.DATETIME} | {
        f"{f.name}_at" for f in contract.fields if f.timed
    }


def moment(contract: Contract, values: Mapping[str, str], name: str) -> datetime | None:
    """Return the time typed for a question, ``None`` when there is none that can be taken."""
    typed, problems = registry.door(contract.name, "contract").check(values)
    wrong = any(problem.field == name for problem in refusals(problems))
    return None if wrong else typed.get(name)


def check(contract: Contract, values: Mapping[str, str]) -> list[Problem]:
    """Return everything the contract finds wrong or unusual."""
    _typed, problems = registry.door(contract.name, "contract").check(values)
    return problems


def thin(contract: Contract, values: Mapping[str, str]) -> list[Problem]:
    """Return the question whether so little shall be sent, when less than a third is known."""
    answered, counted = known(contract, values)
    if ENOUGH * answered >= counted:
        return []
    return [
        Problem(
            "little_known",
            LITTLE_KNOWN.format(known=str(answered), counted=str(counted)),
            severity=Severity.WARN,
        )
    ]


def known(contract: Contract, values: Mapping[str, str]) -> tuple[int, int]:
    """Return how many of the counted questions are answered, and how many there are."""
    return registry.door(contract.name, "contract").known(values)


def refusals(problems: Iterable[Problem]) -> list[Problem]:
    """Return the problems that stop the form."""
    return [problem for problem in problems if problem.severity is Severity.REFUSE]


def warnings(problems: Iterable[Problem]) -> list[Problem]:
    """Return the problems that only ask."""
    return [problem for problem in problems if problem.severity is Severity.WARN]


def confirmation(problems: Iterable[Problem]) -> str:
    """Return the mark of exactly these warnings, sent back by whoever confirms them.

    Another value with another warning has another mark, so that nothing is confirmed unseen.
    """
    asked = sorted(f"{problem.code}|{problem.field}|{problem.message.en}" for problem in warnings(problems))
    return hashlib.sha256("\n".join(asked).encode()).hexdigest()[:16]
