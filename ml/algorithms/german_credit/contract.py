"""The credit application of the Statlog reference task: contract and checks. Standard library only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml.algorithms.german_credit.fields import COLUMNS, FIELDS, SECTIONS, WORDINGS
from ml.contracts import Contract, InputKind, Limits, Problem, Text
from ml.tabular.checking import check_row

CONTRACT = Contract(
    name="german_credit",
    title=Text("German credit (reference task)", "Crédit allemand (tâche de référence)"),
    purpose=Text(
        "Probability that a credit turns out bad, on public data, to exercise the training engine.",
        "Probabilité qu’un crédit tourne mal, sur données publiques ; sert à éprouver le moteur.",
    ),
    input_kind=InputKind.FORM,
    queue="tabular",
    limits=Limits(seconds=10, memory_bytes=1 << 30),
    submit_roles=("steward",),
    sections=SECTIONS,
    fields=FIELDS,
)

OUTCOME = Problem(
    code="outcome_given",
    message=Text(
        "“creditability” is the outcome to be predicted: leave it out.",
        "« creditability » est l’issue à prédire : retirez-la.",
    ),
    field="creditability",
)


def check(values: Mapping[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """Read and check an application; fields may be missing and are imputed later.

    Parameters
    ----------
    values
        By field name or by column name of the public table; a choice as Statlog code (``"A12"``)
        or in the words of the public table (``"0 <= ... < 200 DM"``).

    Returns
    -------
    typed : dict
        One entry per field, ``None`` when not given.
    problems : list of Problem
        Every refusal and warning.
    """
    return check_row(
        CONTRACT, values, synonyms=COLUMNS, wordings=WORDINGS, forbidden={"creditability": OUTCOME}
    )
