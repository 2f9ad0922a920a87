"""The curves behind the figures, small enough for a package and ready to be drawn."""

from __future__ import annotations

from typing import Any

import numpy as np

from ml.contracts import Text
from ml.training.bootstrap import wilson
from ml.training.evaluation import binary_metrics, checked
from ml.training.thresholds import CostMatrix, decision_curve

FILE = "curves.json"
POINTS = 101
BINS = 10
BARS = 30
SMOOTH_POINTS = 41
SPAN = 0.75
DECIMALS = 5
CAPTIONED = ("roc_auc", "pr_auc", "calibration_intercept", "calibration_slope", "net_benefit", "cost")


def curves(
    y: np.ndarray,
    p: np.ndarray,
    *,
    threshold: float,
    costs: CostMatrix | None = None,
    groups: np.ndarray | None = None,
    data: Text | str = "",
    unit: Text | str = "",
    repeats: int = 1000,
    seed: int = 0,
) -> dict[str, Any]:
    """Return everything ``ml.drawing`` draws, rounded and JSON-ready.

    Parameters
    ----------
    y
        Shape (n,): 0 or 1.
    p
        Shape (n,), or (repeats, n) from repeated cross-validation: the repeats are then pooled, each
        case counting one in all of them together.
    threshold
        Operating point, marked on every curve.
    costs
        Adds the cost curve.
    groups
        Shape (n,): whole groups are resampled for the intervals of the figures.
    data, unit
        What was judged on and what its cases are, in words, for the captions.
    repeats
        Number of bootstrap samples.

    Returns
    -------
    dict
        ``roc``, ``precision_recall``, ``calibration``, ``confusion``, ``decision`` and, with costs,
        ``cost``; beside them ``n``, ``events``, ``threshold``, ``figures`` (with intervals), ``data``,
        ``unit``.

    Raises
    ------
    ValueError
        As :func:`ml.training.evaluation.binary_metrics`; and when there is one class only, which has
        no curves.
    """
    labels, rows = checked(y, p)
    if not 0 < labels.sum() < len(labels):
        raise ValueError("expected events and others: with one class only there are no curves")
    found = binary_metrics(y, p, threshold, groups, costs=costs, repeats=repeats, seed=seed)
    pooled = np.tile(labels, len(rows)), rows.ravel()
    highest = _highest(pooled[1], threshold)
    drawn = {
        "n": len(labels),
        "events": int(labels.sum()),
        "threshold": threshold,
        "data": _text(data).as_json(),
        "unit": _text(unit).as_json(),
        "figures": {
            name: {"value": found[name].value, "low": found[name].low, "high": found[name].high}
            for name in CAPTIONED
            if name in found
        },
        "roc": _roc(*pooled, threshold),
        "precision_recall": _precision_recall(*pooled, threshold),
        "calibration": _calibration(*pooled, len(rows)),
        "confusion": _confusion(*pooled, threshold, len(rows)),
        "decision": _decision(*pooled, highest),
    }
    if costs is not None:
        drawn["cost"] = _cost(*pooled, costs, threshold)
    return _rounded(drawn)


def _counts(y: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (true, false) positives at falling thresholds, from nobody to everybody flagged."""
    order = np.argsort(-p, kind="stable")
    last_of_tie = np.r_[np.diff(p[order]) != 0, True]
    tp, fp = np.cumsum(y[order])[last_of_tie], np.cumsum(1 - y[order])[last_of_tie]
    return np.r_[0, tp], np.r_[0, fp]


def _at(y: np.ndarray, p: np.ndarray, threshold: float) -> tuple[float, float, float, float]:
    """Return true positives, false positives, false negatives and true negatives."""
    flagged = p >= threshold
    tp, fp = float(y[flagged].sum()), float((1 - y[flagged]).sum())
    return tp, fp, float(y.sum()) - tp, float((1 - y).sum()) - fp


def _roc(y: np.ndarray, p: np.ndarray, threshold: float) -> dict[str, Any]:
    tp, fp = _counts(y, p)
    x = np.linspace(0, 1, POINTS)
    tp_at, fp_at, fn_at, tn_at = _at(y, p, threshold)
    # At one false-positive rate the curve rises straight up; its highest points are joined, which is at
    # most one case too high between them.
    rates, last = np.unique(fp[::-1] / fp[-1], return_index=True)
    sensitivity = np.interp(x, rates, (tp[::-1] / tp[-1])[last])
    return {
        "x": [0.0, *x],
        "y": [0.0, *sensitivity],
        "point": [fp_at / (fp_at + tn_at), tp_at / (tp_at + fn_at)],
    }


def _precision_recall(y: np.ndarray, p: np.ndarray, threshold: float) -> dict[str, Any]:
    """Precision between two thresholds interpolates the counts, not itself (Davis and Goadrich 2006)."""
    tp, fp = _counts(y, p)
    recall = np.linspace(0, 1, POINTS)[1:]
    found, first = np.unique(tp, return_index=True)
    hits = recall * tp[-1]
    alarms = np.interp(hits, found, fp[first])
    tp_at, fp_at, fn_at, _ = _at(y, p, threshold)
    point = [tp_at / (tp_at + fn_at), tp_at / (tp_at + fp_at)] if tp_at + fp_at else None
    return {"x": recall, "y": hits / (hits + alarms), "point": point, "prevalence": float(y.mean())}


def _calibration(y: np.ndarray, p: np.ndarray, repeats: int) -> dict[str, Any]:
    """Shares of events in tenths of the predictions, a local regression, and how predictions spread."""
    upper = float(min(1.0, np.quantile(p, 0.995) * 1.1))
    edges = np.unique(np.quantile(p, np.linspace(0, 1, BINS + 1)))
    member = np.clip(np.searchsorted(edges, p, side="right") - 1, 0, max(len(edges) - 2, 0))
    bins = []
    for own in (member == number for number in range(len(edges))):
        if not own.any():
            continue
        n = max(1, round(own.sum() / repeats))
        share = wilson(min(n, round(y[own].sum() / repeats)), n)
        found = {"p": float(p[own].mean()), "y": float(y[own].mean()), "n": n}
        bins.append({**found, "low": share.low, "high": share.high})
    borders, shown = np.linspace(0, upper, BARS + 1), np.clip(p, 0, upper)
    return {
        "upper": upper,
        "bins": bins,
        "smooth": _smooth(y, p, repeats),
        "borders": borders,
        "events": np.histogram(shown[y == 1], borders)[0] / repeats,
        "others": np.histogram(shown[y == 0], borders)[0] / repeats,
    }


def _smooth(y: np.ndarray, p: np.ndarray, repeats: int) -> dict[str, Any]:
    """Local linear regression of the label on the prediction (loess; Austin and Steyerberg 2014).

    Tricube weights over the nearest three quarters of the cases, with a pointwise 95 % band from the
    binomial variance of the smoothed share.
    """
    at = np.unique(np.quantile(p, np.linspace(0.01, 0.99, SMOOTH_POINTS)))
    near = max(2, int(SPAN * len(p)))
    value, low, high = [], [], []
    for x in at:
        distance = np.abs(p - x)
        reach = max(np.partition(distance, near - 1)[near - 1], 1e-9)
        weight = np.clip(1 - (distance / reach) ** 3, 0, None) ** 3
        if not weight.any():  # every case is equally far
            weight = np.ones_like(p)
        away = p - x
        s0, s1, s2 = weight.sum(), weight @ away, weight @ away**2
        spread = s0 * s2 - s1**2
        share_of = weight * (s2 - s1 * away) / spread if spread > 1e-12 * s0**2 else weight / s0
        estimate = float(np.clip(share_of @ y, 0, 1))
        error = 1.96 * np.sqrt(max(estimate * (1 - estimate), 1e-9) * (share_of @ share_of) * repeats)
        value.append(estimate)
        low.append(max(0.0, estimate - error))
        high.append(min(1.0, estimate + error))
    return {"x": at, "y": value, "low": low, "high": high}


def _confusion(y: np.ndarray, p: np.ndarray, threshold: float, repeats: int) -> dict[str, float]:
    counts = (count / repeats for count in _at(y, p, threshold))
    return dict(zip(("tp", "fp", "fn", "tn"), counts, strict=True))


def _highest(p: np.ndarray, threshold: float) -> float:
    """Return the highest threshold worth drawing: beyond it hardly anybody is flagged."""
    return float(min(0.99, max(np.quantile(p, 0.99), 2 * threshold)))


def _decision(y: np.ndarray, p: np.ndarray, highest: float) -> dict[str, Any]:
    found = decision_curve(y, p, np.linspace(0, highest, POINTS)[1:])
    return {"x": found["threshold"], "model": found["model"], "all": found["all"]}


def _cost(y: np.ndarray, p: np.ndarray, costs: CostMatrix, threshold: float) -> dict[str, Any]:
    highest = float(min(1.0, max(p.max(), 2 * threshold)))
    at = np.linspace(0, highest, POINTS)
    share = float(y.mean())
    return {
        "x": at,
        "model": [costs.cost(y, p, one) for one in at],
        "none": costs.missed * share,
        "all": costs.false_alarm * (1 - share),
        "missed": costs.missed,
        "false_alarm": costs.false_alarm,
        "at_threshold": costs.cost(y, p, threshold),
    }


def _text(words: Text | str) -> Text:
    return words if isinstance(words, Text) else Text(words, words)


def _rounded(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return _rounded(value.tolist())
    if isinstance(value, float):
        return round(float(value), DECIMALS)
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    return [_rounded(inner) for inner in value] if isinstance(value, list | tuple) else value
