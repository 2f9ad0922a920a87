"""How far the figure could be off: sampled odds ratios, and what is unknown about the woman.

The draws are quasi-random points that the package carries, so a prediction needs no random numbers and
is the same to the last digit wherever it is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np

from ml.algorithms.haemorrhage.model import DRAWS, Factor, Model, Stratum, logit, sigmoid
from ml.package import Package

PERCENTILES = (2.5, 97.5)


@dataclass(frozen=True, slots=True)
class Draws:
    """Sampled models.

    Parameters
    ----------
    normal
        Shape (draws, factors): standard normal; the levels of one factor move together.
    uniform
        Shape (draws, factors): which level an unknown factor takes.
    incidences
        Shape (incidences,): ward incidences for which intercepts were solved.
    intercepts
        Shape (draws, incidences): every sampled model has the ward's mean risk too.
    """

    normal: np.ndarray
    uniform: np.ndarray
    incidences: np.ndarray
    intercepts: np.ndarray

    def at(self, incidence: float) -> np.ndarray:
        """Return the intercept of every draw at a ward incidence, shape (draws,).

        Interpolated on the log odds of the incidence, in which the intercept is nearly straight.
        """
        grid = np.log(self.incidences / (1 - self.incidences))
        position = np.clip(np.interp(logit(incidence), grid, np.arange(len(grid))), 0, len(grid) - 1)
        left = min(int(position), len(grid) - 2)
        share = position - left
        return (1 - share) * self.intercepts[:, left] + share * self.intercepts[:, left + 1]


@dataclass(frozen=True, slots=True)
class Uncertainty:
    """95 % intervals of a risk.

    Parameters
    ----------
    interval
        Odds ratios sampled, and unknown factors sampled too: where her figure could lie once
        everything were known.
    coefficients_only
        Odds ratios sampled, unknown factors averaged over.
    """

    interval: tuple[float, float]
    coefficients_only: tuple[float, float]

    @property
    def widening(self) -> float:
        """How many times wider the unknown answers make the interval, on the log odds scale."""
        (low, high), (narrow_low, narrow_high) = self.interval, self.coefficients_only
        return (logit(high) - logit(low)) / max(logit(narrow_high) - logit(narrow_low), 1e-9)


def uncertainty(
    model: Model, draws: Draws, strata: Sequence[Stratum], incidence: float, risk: float
) -> Uncertainty:
    """Return the intervals around ``risk``.

    Parameters
    ----------
    strata
        What the answers leave open (:meth:`Model.strata`).
    risk
        The figure itself, which both intervals are made to contain.
    """
    intercepts = draws.at(incidence)
    sampled = sigmoid(intercepts + _sampled_log_odds(model, draws, strata))
    averaged = intercepts + _averaged_log_odds(model, draws.normal, strata)
    central = model.intercept(incidence) + float(
        _averaged_log_odds(model, np.zeros((1, len(model.factors))), strata)[0]
    )
    # The average is taken of odds, not of risks; shifting by the difference at the odds ratios in use
    # makes up for it there.
    coefficients_only = sigmoid(averaged + logit(risk) - central)
    return Uncertainty(_interval(sampled, risk), _interval(coefficients_only, risk))


def sampled_models(model: Model, normal: np.ndarray) -> list[Model]:
    """Return one model per row of ``normal``, shape (draws, factors), with its odds ratios moved."""
    return [
        Model(
            tuple(
                replace(factor, log_odds=factor.log_odds + factor.spread * z)
                for factor, z in zip(model.factors, row, strict=True)
            )
        )
        for row in normal
    ]


def of(package: Package) -> Draws:
    """Return the draws of a verified package, read once per process."""
    return _read(package.path(DRAWS), package.sha256)


@cache
def _read(path: Path, sha256: str) -> Draws:  # the hash is in the key: a new package has new draws
    with np.load(path, allow_pickle=False) as file:
        return Draws(file["normal"], file["uniform"], file["incidences"], file["intercepts"])


def _sampled_log_odds(model: Model, draws: Draws, strata: Sequence[Stratum]) -> np.ndarray:
    """Shape (draws,): log odds without intercept, unknown factors at a sampled level."""
    parity = model.factors.index(model.by_name["parity"])
    weights = np.array([stratum.weight for stratum in strata])
    member = _pick(weights, draws.uniform[:, parity])
    total = np.zeros(len(draws.normal))
    for index, factor in enumerate(model.factors):
        normal, uniform = draws.normal[:, index], draws.uniform[:, index]
        if factor.parous_only or factor.name == "parity":
            level = np.zeros(len(total), dtype=int)
            for number, stratum in enumerate(strata):
                rows = member == number
                level[rows] = _pick(stratum.levels[factor.name], uniform[rows])
        else:
            level = _pick(strata[0].levels[factor.name], uniform)
        total += factor.log_odds[level] + factor.spread[level] * normal
    return total


def _averaged_log_odds(model: Model, normal: np.ndarray, strata: Sequence[Stratum]) -> np.ndarray:
    """Shape (draws,): log of the odds averaged over what is unknown, without intercept."""
    columns = range(len(model.factors))
    odds = [_odds(factor, normal[:, i]) for i, factor in zip(columns, model.factors, strict=True)]
    by_stratum = [
        stratum.weight
        * np.prod([o @ stratum.levels[f.name] for o, f in zip(odds, model.factors, strict=True)], axis=0)
        for stratum in strata
    ]
    return np.log(np.sum(by_stratum, axis=0))


def _odds(factor: Factor, normal: np.ndarray) -> np.ndarray:
    """Shape (draws, levels): sampled odds ratios of a factor."""
    return np.exp(factor.log_odds + factor.spread * normal[:, None])


def _pick(probabilities: np.ndarray, uniform: np.ndarray) -> np.ndarray:
    """Return the level that each uniform number falls into."""
    certain = np.flatnonzero(probabilities >= 1 - 1e-12)
    if len(certain):
        return np.full(len(uniform), certain[0])
    edges = np.cumsum(probabilities)
    return np.minimum(np.searchsorted(edges, uniform, side="right"), len(probabilities) - 1)


def _interval(risks: np.ndarray, risk: float) -> tuple[float, float]:
    low, high = np.percentile(risks, PERCENTILES)
    return min(float(low), risk), max(float(high), risk)
