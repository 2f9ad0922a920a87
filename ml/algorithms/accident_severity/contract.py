"""The crash report of the Chicago reference task: contract and checks. Standard library only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml.algorithms.accident_severity.fields import COLUMNS, FIELDS, SECTIONS, WORDINGS
from ml.contracts import Contract, InputKind, Limits, Problem, Text
from ml.tabular.checking import check_row

CONTRACT = Contract(
    name="accident_severity",
    title=Text("Injury in a road crash (reference task)", "Blessé dans un accident (tâche de référence)"),
    purpose=Text(
        "Probability that a reported crash injured somebody, on public data, to try the engine.",
        "Probabilité qu’un accident signalé ait fait un blessé, sur données publiques.",
    ),
    input_kind=InputKind.FORM,
    queue="tabular",
    limits=Limits(seconds=10, memory_bytes=1 << 30),
    submit_roles=("steward",),
    sections=SECTIONS,
    fields=FIELDS,
)

# Columns of the public table that are the outcome or are written down when it is known: CRASH_TYPE says
# "injury", REPORT_TYPE whether police came to the scene, DAMAGE what it cost.
LEAKS = (
    "CRASH_TYPE", "REPORT_TYPE", "DAMAGE", "MOST_SEVERE_INJURY", "INJURIES_TOTAL", "INJURIES_FATAL",
    "INJURIES_INCAPACITATING", "INJURIES_NON_INCAPACITATING", "INJURIES_REPORTED_NOT_EVIDENT",
    "INJURIES_NO_INDICATION", "INJURIES_UNKNOWN",
)  # fmt: skip


def leak(column: str) -> Problem:
    """Return the refusal of a column that gives the outcome away."""
    return Problem(
        code="leak",
        message=Text(
            f"{column} is known only with the outcome, so it would give the answer away: leave it out.",
            f"{column} n’est connu qu’avec l’issue et donnerait la réponse : retirez-le.",
        ),
        field=column,
    )


FORBIDDEN = {column.casefold(): leak(column) for column in LEAKS}


def check(values: Mapping[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """Read and check a crash report; fields may be missing and are imputed later.

    Parameters
    ----------
    values
        By field name or by column name of the public table; a choice as code or in the words of
        the public table. Columns of :data:`LEAKS` are refused by name.

    Returns
    -------
    typed : dict
        One entry per field, ``None`` when not given.
    problems : list of Problem
        Every refusal and warning.
    """
    return check_row(CONTRACT, values, synonyms=COLUMNS, wordings=WORDINGS, forbidden=FORBIDDEN)
