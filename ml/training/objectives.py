"""What a choice between recipes or parameters is made by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ml.training.calibration import log_loss
from ml.training.evaluation import roc_auc
from ml.training.thresholds import CostMatrix, best_f1_threshold

EVEN_COSTS = CostMatrix(1.0, 1.0)


@dataclass(frozen=True, slots=True)
class Objective:
    """One figure to choose by.

    Parameters
    ----------
    direction
        ``"minimize"`` or ``"maximize"``.
    of
        From labels, probabilities (both of shape (n,)) and costs to the figure.
    """

    direction: str
    of: Callable[[np.ndarray, np.ndarray, CostMatrix], float]


def _accuracy(y: np.ndarray, p: np.ndarray, costs: CostMatrix) -> float:
    return float(np.mean((p >= 0.5) == (y == 1)))


def _f1(y: np.ndarray, p: np.ndarray, costs: CostMatrix) -> float:
    flagged = p >= best_f1_threshold(y, p)
    return float(2 * np.sum(flagged & (y == 1)) / (np.sum(flagged) + np.sum(y)))


OBJECTIVES: dict[str, Objective] = {
    "log_loss": Objective("minimize", lambda y, p, costs: log_loss(p, y)),
    # At one half.
    "accuracy": Objective("maximize", _accuracy),
    # At the threshold where it is highest: at one half nobody is flagged when events are rare.
    "f1": Objective("maximize", _f1),
    "roc_auc": Objective("maximize", lambda y, p, costs: roc_auc(y, p)),
    # Per case, at the threshold the costs themselves set.
    "cost": Objective("minimize", lambda y, p, costs: costs.cost(y, p, costs.threshold)),
}


def objective(name: str) -> Objective:
    """Return an objective by name.

    Raises
    ------
    ValueError
        For a name that is not in :data:`OBJECTIVES`.
    """
    if name not in OBJECTIVES:
        raise ValueError(f"unknown metric {name!r}; there are: {', '.join(OBJECTIVES)}")
    return OBJECTIVES[name]
