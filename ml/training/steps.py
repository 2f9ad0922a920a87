"""Binary figures over many bootstrap samples at once: cases are counted in steps of their probability."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix, vstack

from ml.training.thresholds import CostMatrix

CLIP = 1e-6
LARGEST_STEP = 2.0
NEWTON_STEPS, CONVERGED, TOLERATED = 30, 1e-6, 1e-4


@dataclass(frozen=True)
class Question:
    """What is asked of probabilities besides their own quality.

    Parameters
    ----------
    threshold
        A case is flagged when ``p >= threshold``.
    costs
        Adds ``cost``, ``saving`` and ``profit``.
    recall
        Adds ``precision_at_recall``: the precision where this share of the events is found.
    """

    threshold: float
    costs: CostMatrix | None = None
    recall: float | None = None


class Steps:
    """The cases of one vector of probabilities, counted by step (ascending) and label.

    Parameters
    ----------
    y, p
        Shape (n,): labels 0 or 1 (as numbers), probabilities.
    question
        Its threshold is always a border between steps.
    limit
        At most about so many steps, at quantiles of ``p``; 0 for one step per distinct probability,
        which makes every figure exact.
    """

    def __init__(self, y: np.ndarray, p: np.ndarray, question: Question, *, limit: int = 0) -> None:
        levels = np.unique(p)
        if 0 < limit < len(levels):
            edges = np.quantile(p, np.linspace(0, 1, limit + 1)[1:-1])
            levels = np.unique(np.r_[edges, question.threshold])
            step = np.searchsorted(levels, p, side="right")
            _, step = np.unique(step, return_inverse=True)
        else:
            step = np.searchsorted(levels, p)
        n, self.size = len(p), int(step.max()) + 1
        cases = np.arange(n)
        by_label = csr_matrix((np.ones(n), (step + self.size * (y == 0), cases)), (2 * self.size, n))
        # One row more, so that the sum over cases runs in the same order on every machine.
        self._rows = vstack([by_label, csr_matrix((p - y)[None] ** 2)], format="csr")
        sizes = np.bincount(step)
        self.odds = np.bincount(step, weights=logit(p)) / sizes
        self.flagged = np.bincount(step, weights=p >= question.threshold) == sizes
        self.question = question

    def figures(self, w: np.ndarray) -> dict[str, np.ndarray]:
        """Return every figure, each of shape (samples,), for weights ``w`` of shape (n, samples).

        ``nan`` where a figure is undefined.
        """
        counted = self._rows @ w
        positive, negative = counted[: self.size], counted[self.size : -1]
        with np.errstate(divide="ignore", invalid="ignore"):
            return {
                **self._decisions(positive, negative),
                **self._brier(positive, negative, counted[-1]),
                **self._ranking(positive, negative),
                **self._calibration(positive, positive + negative),
            }

    def _decisions(self, positive: np.ndarray, negative: np.ndarray) -> dict[str, np.ndarray]:
        tp, fp = positive[self.flagged].sum(axis=0), negative[self.flagged].sum(axis=0)
        fn, tn = positive.sum(axis=0) - tp, negative.sum(axis=0) - fp
        n, threshold = tp + fp + fn + tn, self.question.threshold
        odds = threshold / (1 - threshold) if threshold < 1 else np.inf
        found = {
            "accuracy": (tp + tn) / n,
            "f1": 2 * tp / (2 * tp + fp + fn),
            "recall": tp / (tp + fn),
            "specificity": tn / (fp + tn),
            "precision": tp / (tp + fp),
            "npv": tn / (tn + fn),
            "flagged_rate": (tp + fp) / n,
            "acceptance_rate": (tn + fn) / n,
            "net_benefit": tp / n - fp / n * odds,
        }
        if (costs := self.question.costs) is not None:
            found["cost"] = (costs.missed * fn + costs.false_alarm * fp) / n
            found["saving"] = costs.missed * (tp + fn) / n - found["cost"]
            found["profit"] = (costs.earned * tn - costs.missed * fn) / n
        return found

    def _brier(
        self, positive: np.ndarray, negative: np.ndarray, squared: np.ndarray
    ) -> dict[str, np.ndarray]:
        events = positive.sum(axis=0)
        n = events + negative.sum(axis=0)
        null = events / n * (1 - events / n)
        return {"brier": squared / n, "brier_null": null, "brier_skill": 1 - squared / n / null}

    def _ranking(self, positive: np.ndarray, negative: np.ndarray) -> dict[str, np.ndarray]:
        """Areas under the ROC and precision-recall curves; a step counts as a tie."""
        below = np.cumsum(negative, axis=0)
        events, others = positive.sum(axis=0), negative.sum(axis=0)
        tp, fp = np.cumsum(positive[::-1], axis=0), np.cumsum(negative[::-1], axis=0)
        precision = np.divide(tp, tp + fp, out=np.zeros_like(tp), where=tp + fp > 0)
        found = {
            "roc_auc": (positive * (below - negative / 2)).sum(axis=0) / (events * others),
            "pr_auc": (positive[::-1] * precision).sum(axis=0) / events,
        }
        if (recall := self.question.recall) is not None:
            found["precision_at_recall"] = _precision_at(recall, tp, fp)
        return found

    def _calibration(self, positive: np.ndarray, cases: np.ndarray) -> dict[str, np.ndarray]:
        """Intercept at slope 1, and slope, of a logistic fit of the label on the log odds."""
        intercept = _fit(self.odds, positive, cases, slope=False)[0]
        if np.ptp(self.odds) == 0:
            return {"calibration_intercept": intercept, "calibration_slope": np.full_like(intercept, np.nan)}
        slope = _fit(self.odds, positive, cases, slope=True)[1]
        return {"calibration_intercept": intercept, "calibration_slope": slope}


def logit(p: np.ndarray) -> np.ndarray:
    """Return log odds; probabilities closer than 1e-6 to 0 or 1 count as that close."""
    p = np.clip(np.asarray(p, dtype=float), CLIP, 1 - CLIP)
    return np.log(p / (1 - p))


def _precision_at(recall: float, tp: np.ndarray, fp: np.ndarray) -> np.ndarray:
    """Return the precision where exactly ``recall`` of the events is found.

    ``tp`` and ``fp`` of shape (steps, samples) grow with falling threshold. Between two steps both grow
    in proportion (Davis and Goadrich 2006): the mean over the orders in which ties may be flagged.
    """
    wanted = recall * tp[-1]
    at = np.argmax(tp >= wanted - 1e-9, axis=0)
    samples = np.arange(tp.shape[1])
    before_tp = np.where(at > 0, tp[at - 1, samples], 0.0)
    before_fp = np.where(at > 0, fp[at - 1, samples], 0.0)
    share = (wanted - before_tp) / (tp[at, samples] - before_tp)
    return wanted / (wanted + before_fp + share * (fp[at, samples] - before_fp))


def _fit(odds: np.ndarray, positive: np.ndarray, cases: np.ndarray, *, slope: bool) -> np.ndarray:
    """Fit ``logit(risk) = intercept + slope · odds`` per sample by Newton's method, shape (2, samples).

    With ``slope=False`` the slope stays 1. ``nan`` where the fit does not exist (one class only, or
    perfect separation).
    """
    events = positive.sum(axis=0)
    beta = np.array([np.zeros_like(events), np.ones_like(events)])
    x = odds[:, None]
    step = np.full_like(beta, np.inf)
    for _ in range(NEWTON_STEPS):
        mu = 1 / (1 + np.exp(-np.clip(beta[0] + beta[1] * x, -35, 35)))
        weight = cases * mu
        missing = events - weight.sum(axis=0)
        weight *= 1 - mu
        h00 = weight.sum(axis=0) + 1e-9
        if slope:
            towards = odds @ positive - odds @ (cases * mu)
            h01, h11 = odds @ weight, odds**2 @ weight + 1e-9
            determinant = h00 * h11 - h01**2
            step = np.array([h11 * missing - h01 * towards, h00 * towards - h01 * missing]) / determinant
        else:
            step = np.array([missing / h00, np.zeros_like(missing)])
        beta += np.clip(step, -LARGEST_STEP, LARGEST_STEP)
        if np.nanmax(np.abs(step)) < CONVERGED:
            break
    return np.where((np.abs(step) < TOLERATED).all(axis=0), beta, np.nan)
