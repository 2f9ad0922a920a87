"""What two versions said of one study, in the few figures that are compared; standard library only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from ml.algorithms.sleep import agreement

Result = Mapping[str, Any]
SCORES = {"haemorrhage": "risk", "chest_xray": "probability"}
DECISIONS: dict[str, Callable[[Result], bool]] = {
    "haemorrhage": lambda result: bool(result["flagged"]),
    "chest_xray": lambda result: result["label"] == "PNEUMONIA",
}
"""Of a result, whether it is above the operating point of the version that gave it."""
NIGHTS = "sleep"


class Uncomparable(ValueError):
    """Two results of one study that do not describe the same thing."""


def of(algorithm: str, serving: Result, shadow: Result) -> dict[str, Any]:
    """Return what is kept of a comparison.

    Returns
    -------
    dict
        ``same``, and for a night ``epochs`` that both scored, ``alike`` of them, ``kappa`` (``None`` where
        undefined) and ``confusion`` (rows: in service, columns: shadow); for everything else ``serving`` and
        ``shadow``, each with ``score`` and ``decision``.

    Raises
    ------
    Uncomparable
        When two nights have different epochs.
    """
    if algorithm == NIGHTS:
        return _nights(serving["stages"], shadow["stages"])
    both = {"serving": _said(algorithm, serving), "shadow": _said(algorithm, shadow)}
    return both | {"same": both["serving"]["decision"] == both["shadow"]["decision"]}


def refusals(serving: bool, shadow: bool) -> dict[str, Any] | None:
    """Return the comparison of two endings of which at least one is a refusal; ``None`` of two answers."""
    return {"same": serving == shadow, "refused": [serving, shadow]} if serving or shadow else None


def enough(share: float) -> bool:
    """Return whether two hypnograms agree in as many epochs as two people who score the same night do."""
    return share >= people_agree()


@cache
def people_agree() -> float:
    """Return the share of epochs on which two scorers agree, in the cohort where they agree least."""
    return min(cohort["accuracy"]["value"] for cohort in agreement.yardstick()["cohorts"])


def _said(algorithm: str, result: Result) -> dict[str, Any]:
    return {"score": float(result[SCORES[algorithm]]), "decision": DECISIONS[algorithm](result)}


def _nights(serving: list[str], shadow: list[str]) -> dict[str, Any]:
    try:
        found = agreement.compare(serving, shadow, repeats=0)
    except ValueError as error:
        raise Uncomparable(str(error)) from error
    alike = found.epochs - len(found.differ)
    return {
        "epochs": found.epochs,
        "alike": alike,
        "kappa": found.kappa.value,
        "confusion": [list(row) for row in found.confusion],
        "same": found.epochs > 0 and enough(alike / found.epochs),
    }
