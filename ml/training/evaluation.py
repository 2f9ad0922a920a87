"""Figures with intervals: discrimination, calibration, decisions; for two classes and for stages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np

from ml.package import Metric
from ml.training.bootstrap import Interval, bootstrap, interval, weighted_bootstrap, wilson

__all__ = [
    "Interval", "as_metrics", "binary_metrics", "bootstrap", "fit_logistic", "interval", "logit",
    "roc_auc", "stage_metrics", "weighted_bootstrap", "wilson",
]  # fmt: skip

CLIP = 1e-6
STAGES = ("W", "N1", "N2", "N3", "R")


def binary_metrics(
    y: np.ndarray,
    p: np.ndarray,
    threshold: float,
    groups: np.ndarray | None = None,
    *,
    costs: tuple[float, float] | None = None,
    repeats: int = 1000,
    seed: int = 0,
) -> dict[str, Interval]:
    """Return the figures of a binary classifier, each with a 95 % bootstrap interval.

    Parameters
    ----------
    y
        Shape (n,): 0 or 1.
    p
        Shape (n,): predicted probability of 1; or (repeats, n), from repeated cross-validation:
        a figure is then the mean of the figures of the repeats, and the interval is over cases.
    threshold
        A case is flagged when ``p >= threshold``.
    groups
        Shape (n,): patient of each case; whole patients are resampled.
    costs
        (cost of a missed case, cost of a false alarm); adds ``cost`` per case.

    Returns
    -------
    dict of str to Interval
        ``accuracy``, ``f1``, ``recall`` (sensitivity), ``specificity``, ``precision``, ``npv``,
        ``flagged_rate``, ``acceptance_rate`` (1 − flagged), ``net_benefit`` (Vickers 2006),
        ``brier``, ``brier_null`` (of the prevalence), ``roc_auc`` (ties count half), ``pr_auc``
        (average precision), ``calibration_intercept`` (calibration-in-the-large: 0 is right),
        ``calibration_slope`` (Cox 1958: 1 is right), ``cost``. Undefined figures are left out.

    Raises
    ------
    ValueError
        When ``y`` is not 0/1, ``p`` not within 0..1, or the lengths differ.
    """
    y, p = _checked(y, p)
    orders = np.argsort(p, axis=1, kind="stable")

    def of_one(y: np.ndarray, p: np.ndarray, w: np.ndarray) -> dict[str, np.ndarray]:
        return {**_decisions(y, p, threshold, costs, w), **_ranking(y, p, w), **_calibration(y, p, w)}

    def statistics(w: np.ndarray) -> dict[str, np.ndarray]:
        with np.errstate(divide="ignore", invalid="ignore"):
            each = [of_one(y[o], row[o], w[:, o]) for row, o in zip(p, orders, strict=True)]
        return {name: np.mean([found[name] for found in each], axis=0) for name in each[0]}

    return weighted_bootstrap(statistics, len(y), groups, repeats=repeats, seed=seed)


def stage_metrics(
    truth: np.ndarray,
    predicted: np.ndarray,
    groups: np.ndarray | None = None,
    *,
    labels: Sequence[str] = STAGES,
    repeats: int = 1000,
    seed: int = 0,
) -> dict[str, Interval]:
    """Return the figures of a classifier over several classes, such as sleep stages.

    Parameters
    ----------
    truth, predicted
        Shape (n,): indices into ``labels``.
    groups
        Shape (n,): subject of each case; whole subjects are resampled.

    Returns
    -------
    dict of str to Interval
        ``accuracy``, ``kappa`` (Cohen 1960), ``macro_f1`` (over the classes that occur), and
        ``recall_<label>``, ``precision_<label>``, ``f1_<label>`` for each class that occurs.
    """
    k = len(labels)
    truth, predicted = np.asarray(truth, dtype=int), np.asarray(predicted, dtype=int)
    if len(truth) != len(predicted) or not len(truth):
        raise ValueError(f"expected as many predictions as labels, got {len(predicted)} and {len(truth)}")
    if min(truth.min(), predicted.min()) < 0 or max(truth.max(), predicted.max()) >= k:
        raise ValueError(f"expected class indices 0..{k - 1}; leave unscored cases out")
    units, members = (
        (np.arange(len(truth)),) * 2 if groups is None else np.unique(groups, return_inverse=True)
    )
    confusion = np.zeros((len(units), k * k))
    np.add.at(confusion, (members, truth * k + predicted), 1)

    def statistics(w: np.ndarray) -> dict[str, np.ndarray]:
        with np.errstate(divide="ignore", invalid="ignore"):
            return _agreement((w @ confusion).reshape(-1, k, k), labels)

    return weighted_bootstrap(statistics, len(units), repeats=repeats, seed=seed)


def as_metrics(
    figures: Mapping[str, Interval], *, data: str, n: int, command: str, unit: str = "cases", note: str = ""
) -> list[Metric]:
    """Turn figures into the metrics of a manifest, all on the same data and of the same command."""
    make = partial(Metric, data=data, n=n, command=command, unit=unit, note=note)
    return [make(name=name, value=f.value, low=f.low, high=f.high) for name, f in figures.items()]


def roc_auc(y: np.ndarray, p: np.ndarray) -> float:
    """Return the area under the ROC curve from ranks (Mann–Whitney); ``nan`` with one class only."""
    positive = int(np.sum(y))
    if not 0 < positive < len(y):
        return float("nan")
    _, tied, counts = np.unique(p, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[tied]
    above = ranks[np.asarray(y) == 1].sum() - positive * (positive + 1) / 2
    return float(above / (positive * (len(y) - positive)))


def logit(p: np.ndarray) -> np.ndarray:
    """Return log odds; probabilities closer than 1e-6 to 0 or 1 count as that close."""
    p = np.clip(np.asarray(p, dtype=float), CLIP, 1 - CLIP)
    return np.log(p / (1 - p))


def _checked(y: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    y, p = np.asarray(y, dtype=float), np.atleast_2d(np.asarray(p, dtype=float))
    if y.ndim != 1 or not len(y) or p.ndim != 2 or p.shape[1] != len(y):
        raise ValueError(
            f"expected probabilities of shape (n,) or (repeats, n) for n labels, "
            f"got {p.shape} for labels of shape {y.shape}"
        )
    if not np.isin(y, (0.0, 1.0)).all():
        raise ValueError("expected labels 0 and 1")
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError("expected probabilities within 0..1")
    return y, p


def _decisions(
    y: np.ndarray, p: np.ndarray, threshold: float, costs: tuple[float, float] | None, w: np.ndarray
) -> dict[str, np.ndarray]:
    """Figures that follow from five weighted sums; ``w`` has shape (samples, n)."""
    flagged = (p >= threshold).astype(float)
    columns = np.stack([np.ones_like(y), y, flagged, y * flagged, (p - y) ** 2], axis=1)
    n, positive, flag, tp, squared = (w @ columns).T
    fp, fn = flag - tp, positive - tp
    tn = n - positive - fp
    prevalence = positive / n
    odds = threshold / (1 - threshold) if threshold < 1 else np.inf
    found = {
        "accuracy": (tp + tn) / n,
        "f1": 2 * tp / (2 * tp + fp + fn),
        "recall": tp / positive,
        "specificity": tn / (n - positive),
        "precision": tp / flag,
        "npv": tn / (n - flag),
        "flagged_rate": flag / n,
        "acceptance_rate": 1 - flag / n,
        "net_benefit": tp / n - fp / n * odds,
        "brier": squared / n,
        "brier_null": prevalence * (1 - prevalence),
    }
    if costs is not None:
        found["cost"] = (costs[0] * fn + costs[1] * fp) / n
    return found


def _ranking(y: np.ndarray, p: np.ndarray, w: np.ndarray) -> dict[str, np.ndarray]:
    """Areas under the ROC and precision-recall curves; ``p`` ascending, ties as one step."""
    starts = np.flatnonzero(np.r_[True, np.diff(p) > 0])
    positive = np.add.reduceat(w * y, starts, axis=1)
    negative = np.add.reduceat(w * (1 - y), starts, axis=1)
    total_positive, total_negative = positive.sum(axis=1), negative.sum(axis=1)
    below = np.cumsum(negative, axis=1) - negative / 2
    tp = np.cumsum(positive[:, ::-1], axis=1)
    flagged = tp + np.cumsum(negative[:, ::-1], axis=1)
    precision = np.divide(tp, flagged, out=np.zeros_like(tp), where=flagged > 0)
    return {
        "roc_auc": (positive * below).sum(axis=1) / (total_positive * total_negative),
        "pr_auc": (positive[:, ::-1] * precision).sum(axis=1) / total_positive,
    }


def _calibration(y: np.ndarray, p: np.ndarray, w: np.ndarray) -> dict[str, np.ndarray]:
    """Intercept at slope 1, and slope, of a logistic fit of the label on the log odds."""
    odds = logit(p)
    ones = np.ones((len(y), 1))
    intercept = fit_logistic(ones, y, w, offset=odds)[:, 0]
    if np.ptp(odds) == 0:
        return {"calibration_intercept": intercept, "calibration_slope": np.full(len(w), np.nan)}
    slope = fit_logistic(np.stack([ones[:, 0], odds], axis=1), y, w, offset=np.zeros_like(y))[:, 1]
    return {"calibration_intercept": intercept, "calibration_slope": slope}


def fit_logistic(x: np.ndarray, y: np.ndarray, w: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """Fit one logistic regression per row of weights by Newton's method.

    Parameters
    ----------
    x
        Shape (n, k).
    w
        Shape (samples, n).
    offset
        Shape (n,): a term with coefficient 1.

    Returns
    -------
    ndarray, shape (samples, k)
        ``nan`` where the fit does not converge (one class only, or perfect separation).
    """
    beta = np.zeros((len(w), x.shape[1]))
    outer = np.einsum("ni,nj->nij", x, x).reshape(len(x), -1)
    step = np.full_like(beta, np.inf)
    for _ in range(30):
        mu = 1 / (1 + np.exp(-np.clip(beta @ x.T + offset, -35, 35)))
        gradient = (w * (y - mu)) @ x
        hessian = ((w * mu * (1 - mu)) @ outer).reshape(len(w), x.shape[1], x.shape[1])
        hessian += 1e-9 * np.eye(x.shape[1])
        step = np.linalg.solve(hessian, gradient[:, :, None])[:, :, 0]
        beta += np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-6:
            break
    return np.where((np.abs(step) < 1e-4).all(axis=1, keepdims=True), beta, np.nan)


def _agreement(confusion: np.ndarray, labels: Sequence[str]) -> dict[str, np.ndarray]:
    """Figures of confusion matrices of shape (samples, k, k): rows truth, columns predicted."""
    n = confusion.sum(axis=(1, 2))
    truth, predicted = confusion.sum(axis=2), confusion.sum(axis=1)
    hit = np.diagonal(confusion, axis1=1, axis2=2)
    accuracy = hit.sum(axis=1) / n
    chance = (truth * predicted).sum(axis=1) / n**2
    f1 = np.where(truth > 0, 2 * hit / (truth + predicted), np.nan)
    per_class = {
        name: values[:, i]
        for i, label in enumerate(labels)
        for name, values in (
            (f"recall_{label}", hit / truth),
            (f"precision_{label}", hit / predicted),
            (f"f1_{label}", f1),
        )
    }
    occurring = np.maximum((truth > 0).sum(axis=1), 1)
    return {
        "accuracy": accuracy,
        "kappa": (accuracy - chance) / (1 - chance),
        "macro_f1": np.nansum(f1, axis=1) / occurring,
        **per_class,
    }
