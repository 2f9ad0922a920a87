"""Operating points: from what mistakes cost, and what acting on a score is worth."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class CostMatrix:
    """What the two mistakes cost; right decisions cost nothing.

    Parameters
    ----------
    missed
        Cost of an event that was not flagged (a bad credit given).
    false_alarm
        Cost of a flag without an event (a good credit refused).
    gain
        Profit of a case without event that is not flagged (a good credit given). ``None`` takes what
        refusing it costs, ``false_alarm``: a refused good case costs exactly the profit it would have
        brought, so that least cost and most profit are the same decision.
    """

    missed: float
    false_alarm: float
    gain: float | None = None

    def __post_init__(self) -> None:
        if self.missed <= 0 or self.false_alarm <= 0:
            raise ValueError(f"costs must be above zero, got {self.missed} and {self.false_alarm}")
        if self.gain is not None and self.gain < 0:
            raise ValueError(f"a gain cannot be below zero, got {self.gain}")

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> CostMatrix:
        """Read ``{"missed": ..., "false_alarm": ..., "gain": ...}``, the gain being optional."""
        gain = params.get("gain")
        return cls(
            float(params["missed"]), float(params["false_alarm"]), None if gain is None else float(gain)
        )

    @property
    def earned(self) -> float:
        """Profit of a case without event that is let pass."""
        return self.false_alarm if self.gain is None else self.gain

    @property
    def threshold(self) -> float:
        """The threshold that is best for calibrated probabilities (Elkan 2001)."""
        return self.false_alarm / (self.false_alarm + self.missed)

    @property
    def pair(self) -> tuple[float, float]:
        """Both costs, missed first."""
        return self.missed, self.false_alarm

    def cost(self, y: np.ndarray, p: np.ndarray, threshold: float) -> float:
        """Return the mean cost per case of flagging ``p >= threshold``."""
        flagged = np.asarray(p) >= threshold
        event = np.asarray(y) == 1
        return float(np.mean(self.missed * (event & ~flagged) + self.false_alarm * (~event & flagged)))

    def saving(self, y: np.ndarray, p: np.ndarray, threshold: float) -> float:
        """Return the mean cost per case saved against flagging nobody (accepting every credit)."""
        return self.missed * float(np.mean(np.asarray(y) == 1)) - self.cost(y, p, threshold)

    def profit(self, y: np.ndarray, p: np.ndarray, threshold: float) -> float:
        """Return the mean profit per case: what passes rightly earns, what is missed costs, a flag is 0."""
        passed, event = np.asarray(p) < threshold, np.asarray(y) == 1
        return float(np.mean(self.earned * (~event & passed) - self.missed * (event & passed)))

    def best_threshold(self, y: np.ndarray, p: np.ndarray) -> float:
        """Return the threshold of least cost on out-of-fold probabilities.

        Ties go to the lowest. Compare with :attr:`threshold`: far from it, the probabilities are
        not calibrated.
        """
        return _best(np.asarray(y), np.asarray(p), lambda tp, fp, events: -self._total(tp, fp, events))

    def _total(self, tp: np.ndarray, fp: np.ndarray, events: int) -> np.ndarray:
        return self.missed * (events - tp) + self.false_alarm * fp


def best_f1_threshold(y: np.ndarray, p: np.ndarray) -> float:
    """Return the threshold of highest F1 on out-of-fold probabilities; ties go to the lowest."""
    return _best(np.asarray(y), np.asarray(p), lambda tp, fp, events: 2 * tp / (tp + fp + events))


def net_benefit(y: np.ndarray, p: np.ndarray, threshold: float) -> float:
    """Return the net benefit per case at a threshold probability (Vickers and Elkin 2006)."""
    flagged, event = np.asarray(p) >= threshold, np.asarray(y) == 1
    return float(np.mean(flagged & event) - np.mean(flagged & ~event) * threshold / (1 - threshold))


def decision_curve(y: np.ndarray, p: np.ndarray, thresholds: np.ndarray) -> dict[str, np.ndarray]:
    """Return net benefits of the model, of flagging everybody and of flagging nobody.

    Returns
    -------
    dict
        ``threshold``, ``model``, ``all``, ``none``, each of shape (len(thresholds),).
    """
    everybody = np.ones(len(np.asarray(y)))
    return {
        "threshold": np.asarray(thresholds, dtype=float),
        "model": np.array([net_benefit(y, p, t) for t in thresholds]),
        "all": np.array([net_benefit(y, everybody, t) for t in thresholds]),
        "none": np.zeros(len(thresholds)),
    }


def _best(y: np.ndarray, p: np.ndarray, worth: Callable[..., np.ndarray]) -> float:
    """Return the candidate threshold (an occurring probability) of highest worth."""
    order = np.argsort(-p, kind="stable")
    last_of_tie = np.r_[np.diff(p[order]) != 0, True]
    tp, fp = np.cumsum(y[order])[last_of_tie], np.cumsum(1 - y[order])[last_of_tie]
    values = worth(tp, fp, int(y.sum()))
    return float(p[order][last_of_tie][np.flatnonzero(values == values.max())[-1]])
