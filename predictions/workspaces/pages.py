"""Which drawing belongs to which algorithm; one that is not listed shows its report alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from clinic.accounts.models import User
from predictions import access
from predictions.models import Explanation, Prediction, Study
from predictions.workspaces.chest_xray import priors, reading
from predictions.workspaces.haemorrhage import figure
from predictions.workspaces.sleep import night, signing

Drawing = Callable[[Prediction, Explanation | None], dict[str, Any]]
Personal = Callable[[User, Prediction, Explanation | None], dict[str, Any]]
ToSign = Callable[[User, Study], list[signing.Candidate]]
Beside = Callable[[User, Study], list[dict[str, Any]]]

DRAWINGS: dict[str, Drawing] = {
    "haemorrhage": figure.drawing,
    "chest_xray": reading.drawing,
}
# Two people who score one night apart must not meet each other's work on its page.
PERSONAL: dict[str, Personal] = {"sleep": night.drawing}
BESIDE: dict[str, Beside] = {"chest_xray": priors.priors}
TO_SIGN: dict[str, ToSign] = {"sleep": signing.candidates}


def drawing(
    user: User, algorithm: str, prediction: Prediction, explanation: Explanation | None
) -> dict[str, Any]:
    """Return what the result template of ``algorithm`` draws for ``user``."""
    if algorithm in PERSONAL:
        return PERSONAL[algorithm](user, prediction, explanation)
    return DRAWINGS[algorithm](prediction, explanation) if algorithm in DRAWINGS else {}


def beside(user: User, study: Study) -> list[dict[str, Any]]:
    """Return what ``user`` may lay beside the result of a study: earlier ones of the same patient."""
    return BESIDE[study.algorithm](user, study) if study.algorithm in BESIDE else []


def to_sign(user: User, study: Study) -> list[signing.Candidate]:
    """Return what ``user`` may choose from when they sign a study; nothing where there is no choice."""
    if study.algorithm not in TO_SIGN or not access.may_sign(user, study):
        return []
    return TO_SIGN[study.algorithm](user, study)
