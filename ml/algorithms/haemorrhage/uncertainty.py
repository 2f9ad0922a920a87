"""How far the figure could be off: sampled odds ratios, and what is unknown about the woman.

The draws are quasi-random points that the package carries, so a prediction needs no random numbers and
is the same to the last digit wherever it is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path

import numpy as np

from ml.algorithms.haemorrhage.model import DRAWS, Factor, Model, Stratum, logit, sigmoid
from ml.package import Package

PERCENTILES = (2.5, 97.5)


@dataclass(frozen=True, slots=True, eq=False)
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
class Tables:
    """What every prediction of a package needs of its draws, worked out once.

    Parameters
    ----------
    terms
        Per factor, shape (levels, 1 + draws): log odds ratio of each level as used (column 0) and as sampled.
    odds
        The same, exponentiated.
    """

    terms: tuple[np.ndarray, ...]
    odds: tuple[np.ndarray, ...]


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
    known = tables(model, draws)
    shared, by_parity = model.blocks
    sampled, averaged = intercepts.copy(), np.concatenate([[model.intercept(incidence)], intercepts])
    for block in (*((factor,) for factor in shared), by_parity):
        sampled += sampled_log_odds(model, draws, known, strata, block)
        averaged += averaged_log_odds(model, known, strata, block)
    # The average is taken of odds, not of risks; shifting by the difference at the odds ratios in use
    # makes up for it there.
    coefficients_only = averaged[1:] + (logit(risk) - averaged[0])
    return Uncertainty(_interval(sigmoid(sampled), risk), _interval(sigmoid(coefficients_only), risk))


@lru_cache(maxsize=4)
def tables(model: Model, draws: Draws) -> Tables:
    """Return the sampled terms of a model, the same object for the same model and draws."""
    normal = np.vstack([np.zeros(len(model.factors)), draws.normal])
    terms = tuple(
        factor.log_odds[:, None] + factor.spread[:, None] * normal[:, index]
        for index, factor in enumerate(model.factors)
    )
    return Tables(terms, tuple(np.exp(term) for term in terms))


def sampled_log_odds(
    model: Model, draws: Draws, known: Tables, strata: Sequence[Stratum], block: Sequence[Factor]
) -> np.ndarray:
    """Return the sampled log odds of a block of factors, unknown ones at a sampled level.

    Parameters
    ----------
    block
        One factor that does not depend on parity, or all that do (:attr:`Model.blocks`).

    Returns
    -------
    ndarray, shape (draws,)
        Without the intercept.
    """
    if len(block) == 1:
        return _sampled(model, draws, known, block[0], strata[0])
    parity = model.index[model.parity.name]
    member = _pick(np.array([stratum.weight for stratum in strata]), draws.uniform[:, parity])
    total = np.zeros(len(draws.normal))
    for number, stratum in enumerate(strata):
        of_stratum = sum(_sampled(model, draws, known, factor, stratum) for factor in block)
        total = np.where(member == number, of_stratum, total)
    return total


def averaged_log_odds(
    model: Model, known: Tables, strata: Sequence[Stratum], block: Sequence[Factor]
) -> np.ndarray:
    """Return the log of a block's odds, averaged over what is unknown.

    Returns
    -------
    ndarray, shape (1 + draws,)
        At the odds ratios as used, then at each draw; without the intercept.
    """
    if len(block) == 1:
        return _averaged(model, known, block[0], strata[0])
    if len(strata) == 1:
        return sum(_averaged(model, known, factor, strata[0]) for factor in block)
    by_stratum = (
        stratum.weight * np.exp(sum(_averaged(model, known, factor, stratum) for factor in block))
        for stratum in strata
    )
    return np.log(sum(by_stratum))


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


def _sampled(model: Model, draws: Draws, known: Tables, factor: Factor, stratum: Stratum) -> np.ndarray:
    index, levels = model.index[factor.name], stratum.levels[factor.name]
    terms = known.terms[index]
    if (certain := _certain(levels)) is not None:
        return terms[certain, 1:]
    uniform = draws.uniform[:, index]
    return terms[_pick(levels, uniform), np.arange(1, len(uniform) + 1)]


def _averaged(model: Model, known: Tables, factor: Factor, stratum: Stratum) -> np.ndarray:
    index, levels = model.index[factor.name], stratum.levels[factor.name]
    if (certain := _certain(levels)) is not None:
        return known.terms[index][certain]
    return np.log(levels @ known.odds[index])


def _certain(probabilities: np.ndarray) -> int | None:
    """Return the level that is sure, if one is."""
    most = int(probabilities.argmax())
    return most if probabilities[most] >= 1 - 1e-12 else None


def _pick(probabilities: np.ndarray, uniform: np.ndarray) -> np.ndarray:
    """Return the level that each uniform number falls into."""
    if (certain := _certain(probabilities)) is not None:
        return np.full(len(uniform), certain)
    edges = np.cumsum(probabilities)
    return np.minimum(np.searchsorted(edges, uniform, side="right"), len(probabilities) - 1)


def _interval(risks: np.ndarray, risk: float) -> tuple[float, float]:
    low, high = np.percentile(risks, PERCENTILES)
    return min(float(low), risk), max(float(high), risk)
