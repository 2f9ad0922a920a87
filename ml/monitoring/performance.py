"""How well the model does: expected without any outcome, and held against the outcomes that were signed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import expit
from scipy.stats import norm
from scipy.stats import t as student

EXACT = 1500
"""Cases up to which the distribution of the number of events is computed, not approximated."""
REPEATS = 400
LEAST_P = 1e-12
"""A p value below it is given as this: further down a Fourier transform knows only its own rounding."""
STEEPEST = 8.0
"""Largest shift of the log odds that an interval can reach: three thousandfold odds."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Expected:
    """What performance comes to if every probability is right.

    Parameters
    ----------
    roc_auc, sensitivity, specificity
        The interval is where the figure of these very studies would fall in 95 of 100 draws of their
        outcomes and of as many studies; ``None`` where nothing is flagged either way or no event expected.
    auc_error
        Standard error of the area under the curve.
    """

    n: int
    events: float
    roc_auc: Figure | None
    sensitivity: Figure | None
    specificity: Figure | None
    auc_error: float | None


def cbpe(p: np.ndarray, flagged: np.ndarray, *, repeats: int = REPEATS, seed: int = 0) -> Expected:
    """Estimate performance without outcomes from the probabilities themselves.

    Confidence-based performance estimation (Kivimäki, Białek, Nurminen, Kuberski 2025, JAIR 82): a study of
    probability ``p`` counts as ``p`` events and ``1 − p`` others. It is right if the probabilities are
    calibrated here and the relation of input to outcome has not changed: of concept drift it sees nothing.

    Parameters
    ----------
    p
        Shape (n,), probability of the event.
    flagged
        Shape (n,), bool: the decision at the operating point.

    Raises
    ------
    ValueError
        Without any study, or for a probability outside 0 to 1.
    """
    p, flagged = np.asarray(p, dtype=float), np.asarray(flagged, dtype=bool)
    if not len(p) or p.min() < 0 or p.max() > 1:
        raise ValueError("probabilities between 0 and 1 are needed")
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(repeats):
        rows = rng.integers(0, len(p), len(p))
        drawn.append(_figures((rng.random(len(p)) < p[rows]).astype(float), p[rows], flagged[rows]))
    columns = np.array(drawn).T
    figures = [_figure(value, known) for value, known in zip(_figures(p, p, flagged), columns, strict=True)]
    error = float(np.nanstd(columns[0])) if figures[0] else None
    return Expected(len(p), float(p.sum()), *figures, error)


def _figures(events: np.ndarray, p: np.ndarray, flagged: np.ndarray) -> tuple[float, float, float]:
    """Return area under the curve, sensitivity, specificity of studies that count as so much of an event."""
    others = 1 - events
    with np.errstate(invalid="ignore", divide="ignore"):
        sensitivity = np.divide(events[flagged].sum(), events.sum())
        specificity = np.divide(others[~flagged].sum(), others.sum())
        return weighted_auc(events, others, p), float(sensitivity), float(specificity)


def weighted_auc(events: np.ndarray, others: np.ndarray, p: np.ndarray) -> float:
    """Return the chance that an event has a higher score than another study, ties counting half.

    Parameters
    ----------
    events, others
        Shape (n,): how much of an event, and of another study, each one is. A study is never compared with
        itself.
    """
    scores, place = np.unique(p, return_inverse=True)
    of_events = np.bincount(place, events, len(scores))
    of_others = np.bincount(place, others, len(scores))
    won = (of_events * (np.cumsum(of_others) - of_others / 2)).sum() - (events * others).sum() / 2
    pairs = events.sum() * others.sum() - (events * others).sum()
    return float(won / pairs) if pairs > 0 else float("nan")


def _figure(value: float, drawn: np.ndarray) -> Figure | None:
    known = drawn[np.isfinite(drawn)]
    if not np.isfinite(value) or not len(known):
        return None
    low, high = np.quantile(known, (0.025, 0.975))
    return Figure(float(value), float(low), float(high))


@dataclass(frozen=True, slots=True)
class Calibration:
    """Outcomes against what was predicted, all together.

    Parameters
    ----------
    observed, expected
        Sums over the studies with an outcome.
    shift
        By how much the predictions are too low (above 0) or too high, with its interval: in log odds for
        events (at ±8 where none or all had it), as a share for agreement.
    p_value
        That so much or more comes of predictions that are right; never below :data:`LEAST_P`.
    """

    n: int
    observed: float
    expected: float
    shift: Figure
    p_value: float


def calibration_in_the_large(p: np.ndarray, y: np.ndarray) -> Calibration:
    """Return by how much all log odds together are off (Cox 1958; Van Calster 2019, BMC Medicine 17:230).

    The number of events of studies with probabilities ``p`` has a Poisson binomial distribution. The shift is
    the one under which it is expected to be what it is; its interval holds every shift under which neither
    tail is rarer than 2.5 %, so that it also stands where nothing happened at all.

    Parameters
    ----------
    p
        Shape (n,), probabilities strictly between 0 and 1.
    y
        Shape (n,), 1 for the event.

    Raises
    ------
    ValueError
        Without any study.
    """
    p, events = np.clip(np.asarray(p, dtype=float), 1e-9, 1 - 1e-9), int(np.sum(y))
    if not len(p):
        raise ValueError("no study has an outcome")
    odds = np.log(p) - np.log1p(-p)

    def many(shift: float) -> float:
        return _tails(expit(odds + shift), events)[1]

    def few(shift: float) -> float:
        return _tails(expit(odds + shift), events)[0]

    centre = _rising(lambda shift: float(expit(odds + shift).sum()), events)
    low = -STEEPEST if events == 0 else _rising(many, 0.025)
    high = STEEPEST if events == len(p) else _rising(lambda shift: -few(shift), -0.025)
    tails = _tails(p, events)
    # Half of the outcome seen counts to either tail (Lancaster 1961): exact tails would hardly ever alarm.
    return Calibration(
        len(p), float(events), float(p.sum()), Figure(centre, low, high), _p_value(2 * min(tails))
    )


def agreement_in_the_large(expected: np.ndarray, observed: np.ndarray) -> Calibration:
    """Compare shares per study, as of epochs agreed with: mean difference by study with Student's interval.

    Raises
    ------
    ValueError
        With fewer than two studies.
    """
    difference = np.asarray(observed, dtype=float) - np.asarray(expected, dtype=float)
    n = len(difference)
    if n < 2:
        raise ValueError("two studies at least are needed for an interval")
    mean, error = float(difference.mean()), float(max(difference.std(ddof=1), 1e-9) / np.sqrt(n))
    reach = float(student.ppf(0.975, n - 1)) * error
    p_value = _p_value(2 * student.sf(abs(mean) / error, n - 1))
    figure = Figure(mean, mean - reach, mean + reach)
    return Calibration(n, float(np.sum(observed)), float(np.sum(expected)), figure, p_value)


def difference_p(first: float, first_error: float, second: float, second_error: float) -> float:
    """Return the two-sided p value of a difference of two independent figures, by their standard errors."""
    error = float(np.hypot(first_error, second_error))
    return float(2 * norm.sf(abs(first - second) / error)) if error else 1.0


def _p_value(found: float) -> float:
    return float(min(1.0, max(LEAST_P, found)))


def _tails(p: np.ndarray, events: int) -> tuple[float, float]:
    """Return the chance of at most, and of at least, so many events; of exactly so many, half."""
    mean, variance = float(p.sum()), float((p * (1 - p)).sum())
    if len(p) > EXACT:
        z = (events - mean) / np.sqrt(variance)
        return float(norm.cdf(z)), float(norm.sf(z))
    chances = poisson_binomial(p)
    half = chances[events] / 2
    return float(chances[:events].sum() + half), float(chances[events + 1 :].sum() + half)


def poisson_binomial(p: np.ndarray) -> np.ndarray:
    """Return the chance of 0, 1, … n events among independent studies, shape (n + 1,).

    Pairs of distributions are convolved, then pairs of those, all pairs at once by Fourier transform.
    """
    rows = np.stack([1 - p, p], axis=1)
    while len(rows) > 1:
        if len(rows) % 2:
            rows = np.vstack([rows, np.eye(1, rows.shape[1])])
        size = 2 * rows.shape[1] - 1
        halves = np.fft.rfft(rows[::2], size), np.fft.rfft(rows[1::2], size)
        rows = np.fft.irfft(halves[0] * halves[1], size)
    return np.clip(rows[0, : len(p) + 1], 0.0, 1.0)


def _rising(function: Callable[[float], float], target: float) -> float:
    """Return where a rising function of the shift passes a value, by halving."""
    low, high = -STEEPEST, STEEPEST
    for _ in range(26):
        middle = (low + high) / 2
        low, high = (middle, high) if function(middle) < target else (low, middle)
    return (low + high) / 2
