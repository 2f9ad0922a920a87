"""Figures with intervals: discrimination, calibration, decisions; for two classes and for stages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from ml.package import Metric
from ml.training.bootstrap import Interval, bootstrap, draws, interval, weighted_bootstrap, wilson
from ml.training.steps import Question, Steps, logit
from ml.training.thresholds import CostMatrix

__all__ = [
    "Interval", "Question", "Sampled", "as_metrics", "binary_metrics", "bootstrap", "checked", "fit_logistic",
    "interval", "logit", "roc_auc", "sampled_figures", "stability", "stage_metrics",
    "weighted_bootstrap", "wilson",
]  # fmt: skip

STEPS = 1024
DECIMALS = 9
STAGES = ("W", "N1", "N2", "N3", "R")


def binary_metrics(
    y: np.ndarray,
    p: np.ndarray,
    threshold: float,
    groups: np.ndarray | None = None,
    *,
    costs: CostMatrix | None = None,
    recall: float | None = None,
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
        Adds ``cost`` per case, ``saving`` per case against flagging nobody, and ``profit`` per case.
    recall
        Adds ``precision_at_recall``: the precision where this share of the events is found.

    Returns
    -------
    dict of str to Interval
        ``accuracy``, ``f1``, ``recall`` (sensitivity), ``specificity``, ``precision``, ``npv``,
        ``flagged_rate``, ``acceptance_rate`` (1 − flagged), ``net_benefit`` (Vickers 2006),
        ``brier``, ``brier_null`` (of the prevalence), ``brier_skill`` (1 − brier / brier_null),
        ``roc_auc`` (ties count half), ``pr_auc`` (average precision), ``calibration_intercept``
        (calibration-in-the-large: 0 is right), ``calibration_slope`` (Cox 1958: 1 is right); with
        several repeats ``probability_shift`` and ``decision_flips`` (see :func:`stability`).
        Undefined figures are left out.

    Raises
    ------
    ValueError
        When ``y`` is not 0/1, ``p`` not within 0..1, or the lengths differ.
    """
    question = Question(threshold, costs, recall)
    drawn = sampled_figures(y, {"": p}, question, groups, repeats=repeats, seed=seed)[""]
    return {name: drawn.interval(name) for name in drawn.values}


@dataclass(frozen=True)
class Sampled:
    """Figures on the full data, and on every bootstrap sample.

    Parameters
    ----------
    values
        Figure by name; undefined ones are left out.
    samples
        The same figures on the samples, shape (samples,). Two vectors of probabilities judged in one
        call of :func:`sampled_figures` share their samples, so differences of theirs are paired.
    """

    values: dict[str, float]
    samples: dict[str, np.ndarray]

    def interval(self, name: str) -> Interval:
        """Return a figure with its 95 % percentile interval."""
        return interval(self.values[name], self.samples[name])


def sampled_figures(
    y: np.ndarray,
    probabilities: Mapping[str, np.ndarray],
    question: Question,
    groups: np.ndarray | None = None,
    *,
    repeats: int = 1000,
    seed: int = 0,
) -> dict[str, Sampled]:
    """Return the figures of several vectors of probabilities over the same bootstrap samples.

    Parameters
    ----------
    probabilities
        Name → shape (n,) or (repeats, n), as in :func:`binary_metrics`.

    Notes
    -----
    Figures on the full data are exact. On the samples cases are counted in at most ``STEPS`` steps of
    probability, and the samples are shifted by what that changes on the full data.
    """
    judges = {name: _Judge(y, p, question) for name, p in probabilities.items()}
    parts: dict[str, list[dict[str, np.ndarray]]] = {name: [] for name in judges}
    for chunk in draws(len(np.asarray(y)), groups, repeats=repeats, seed=seed):
        weights = np.ascontiguousarray(chunk.T, dtype=float)
        for name, judge in judges.items():
            parts[name].append(judge.on(weights))
    return {name: judge.sampled(parts[name]) for name, judge in judges.items()}


class _Judge:
    """One vector of probabilities (or its repeats), judged on the full data and on weighted samples."""

    def __init__(self, y: np.ndarray, p: np.ndarray, question: Question) -> None:
        y, p = checked(y, p)
        everybody = np.ones((len(y), 1))
        exact = _mean([Steps(y, row, question).figures(everybody) for row in p])
        self._steps = [Steps(y, row, question, limit=STEPS) for row in p]
        self._moves = _moves(p, question.threshold) if len(p) > 1 else {}
        coarse = self.on(everybody)
        exact = {**coarse, **exact}
        self.values = {name: float(v[0]) for name, v in exact.items() if np.isfinite(v[0])}
        self._shift = {name: value - coarse[name][0] for name, value in self.values.items()}

    def on(self, weights: np.ndarray) -> dict[str, np.ndarray]:
        """Return the figures for weights of shape (n, samples)."""
        moved = {name: each @ weights / weights.sum(axis=0) for name, each in self._moves.items()}
        return _mean([steps.figures(weights) for steps in self._steps]) | moved

    def sampled(self, parts: Sequence[Mapping[str, np.ndarray]]) -> Sampled:
        """Put the samples of all chunks together."""
        joined = {name: np.concatenate([part[name] for part in parts]) for name in self.values}
        return Sampled(self.values, {name: drawn + self._shift[name] for name, drawn in joined.items()})


def stability(
    p: np.ndarray,
    threshold: float,
    groups: np.ndarray | None = None,
    *,
    original: np.ndarray | None = None,
    repeats: int = 1000,
    seed: int = 0,
) -> dict[str, Interval]:
    """Return how much a case's probability and decision depend on the rows a model was fitted on.

    Parameters
    ----------
    p
        Shape (refits, n): probabilities of the same cases by models fitted on bootstrap samples of the
        training rows, or in the repeats of a cross-validation.
    original
        Shape (n,): by the model whose stability is asked. Each refit is then held against it, as in
        the instability measures of Riley and Collins (2023); without it every refit against every
        other.

    Returns
    -------
    dict of str to Interval
        ``probability_shift``: mean absolute difference of a case's probability between two models.
        ``decision_flips``: share of cases that two models decide differently at ``threshold``
        (classification instability). Intervals are over cases.

    Raises
    ------
    ValueError
        When there are fewer than two models to compare.
    """
    p = np.asarray(p, dtype=float)
    if p.ndim != 2 or len(p) + (original is not None) < 2:
        raise ValueError(f"expected probabilities of at least two models, shape (refits, n); got {p.shape}")
    moves = _moves(p, threshold) if original is None else _moves_from(original, p, threshold)

    def statistics(w: np.ndarray) -> dict[str, np.ndarray]:
        return {name: w @ each / w.sum(axis=1) for name, each in moves.items()}

    return weighted_bootstrap(statistics, p.shape[1], groups, repeats=repeats, seed=seed)


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
    """Turn figures into the metrics of a manifest, all on the same data and of the same command.

    Rounded, because the last bits depend on the machine, and a package's hash must not.
    """
    make = partial(Metric, data=data, n=n, command=command, unit=unit, note=note)
    return [
        make(name=name, value=_rounded(f.value), low=_rounded(f.low), high=_rounded(f.high))
        for name, f in figures.items()
    ]


def roc_auc(y: np.ndarray, p: np.ndarray) -> float:
    """Return the area under the ROC curve from ranks (Mann–Whitney); ``nan`` with one class only."""
    positive = int(np.sum(y))
    if not 0 < positive < len(y):
        return float("nan")
    _, tied, counts = np.unique(p, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[tied]
    above = ranks[np.asarray(y) == 1].sum() - positive * (positive + 1) / 2
    return float(above / (positive * (len(y) - positive)))


def checked(y: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return labels as numbers and probabilities with one row per repeat.

    Raises
    ------
    ValueError
        When ``y`` is not 0/1, ``p`` not within 0..1, or the lengths differ.
    """
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


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, DECIMALS)


def _mean(found: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.mean([figures[name] for figures in found], axis=0) for name in found[0]}


def _moves(p: np.ndarray, threshold: float) -> dict[str, np.ndarray]:
    """Per case: mean absolute difference, and share of different decisions, over all pairs of rows."""
    rows = len(p)
    pairs = rows * (rows - 1) / 2
    # In a sorted column the k-th value is the larger of k pairs and the smaller of the others.
    signs = 2 * np.arange(rows) - rows + 1
    flagged = (p >= threshold).sum(axis=0)
    return {
        "probability_shift": signs @ np.sort(p, axis=0) / pairs,
        "decision_flips": flagged * (rows - flagged) / pairs,
    }


def _moves_from(original: np.ndarray, p: np.ndarray, threshold: float) -> dict[str, np.ndarray]:
    original = np.asarray(original, dtype=float)
    return {
        "probability_shift": np.abs(p - original).mean(axis=0),
        "decision_flips": ((p >= threshold) != (original >= threshold)).mean(axis=0),
    }


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
