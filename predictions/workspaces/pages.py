"""Which drawing belongs to which algorithm; one that is not listed shows its report alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from predictions.models import Explanation, Prediction
from predictions.workspaces.chest_xray import reading
from predictions.workspaces.haemorrhage import figure
from predictions.workspaces.sleep import night

Drawing = Callable[[Prediction, Explanation | None], dict[str, Any]]

DRAWINGS: dict[str, Drawing] = {
    "haemorrhage": figure.drawing,
    "chest_xray": reading.drawing,
    "sleep": night.drawing,
}


def drawing(algorithm: str, prediction: Prediction, explanation: Explanation | None) -> dict[str, Any]:
    """Return what the result template of ``algorithm`` draws."""
    return DRAWINGS[algorithm](prediction, explanation) if algorithm in DRAWINGS else {}
