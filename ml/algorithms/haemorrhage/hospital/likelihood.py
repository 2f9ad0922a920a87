"""The likelihood of births with unknown answers, and its maximum.

What nobody answered is averaged over, as in serving: a woman's odds are the mean of the odds over the levels
her answers leave open, weighted by how common these are. Averaging odds instead of risks makes this a product
over factors; the two differ by the order of the risk itself, and what serves and is judged averages risks.
The gradient is exact for this likelihood: each open level counts with its share of the odds, the expectation
step of an EM algorithm (Dempster, Laird and Rubin 1977) done within every step of Newton's method.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit, logsumexp

from ml.algorithms.haemorrhage.external import OR, UNKNOWN
from ml.algorithms.haemorrhage.model import Factor, Model

MOST_STEPS, TOLERANCE = 60, 1e-6
LONGEST_STEP = 1.0
# log 0 for levels that are ruled out, finite so that sums stay numbers.
NEVER = -1e3


def allowed(row: dict[str, str]) -> dict[str, frozenset[str]]:
    """Return the levels a row of codes leaves open, per answered factor."""
    return {name: frozenset(codes.split(OR)) for name, codes in row.items() if codes != UNKNOWN}


@dataclass(frozen=True)
class _Block:
    """Factors bound together, and what the different answers about them leave open.

    Parameters
    ----------
    columns
        Where the levels of its factors stand among all coefficients.
    log_share
        Shape (answers, strata, levels): log probability of each level, given the answers and the parity.
    log_weight
        Shape (answers, strata): log share of each parity among the women left open.
    edges
        Where each factor's levels begin, within the block.
    member
        Shape (patterns,): which answer each pattern gave.
    """

    columns: np.ndarray
    log_share: np.ndarray
    log_weight: np.ndarray
    edges: np.ndarray
    member: np.ndarray

    def terms(self, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return log odds, shape (answers,), and their gradient, shape (answers, levels)."""
        odds = self.log_share + b[self.columns]
        by_factor = np.split(odds, self.edges, axis=2)
        sums = [logsumexp(part, axis=2) for part in by_factor]
        tilted = np.concatenate(
            [np.exp(part - total[:, :, None]) for part, total in zip(by_factor, sums, strict=True)], axis=2
        )
        by_stratum = self.log_weight + np.sum(sums, axis=0)
        value = logsumexp(by_stratum, axis=1)
        share = np.exp(by_stratum - value[:, None])
        return value, np.einsum("as,asl->al", share, tilted)


class Design:
    """Births as patterns of answers, ready for log odds and gradients at any coefficients.

    Parameters
    ----------
    model
        Which levels there are and how common they are; its odds ratios are not used here.
    levels
        Level codes per factor and birth, as :class:`Births` has them.
    """

    def __init__(self, model: Model, levels: pd.DataFrame) -> None:
        names = [factor.name for factor in model.factors]
        keys = levels[names].astype(object)
        self.pattern = keys.groupby(names, sort=False).ngroup().to_numpy()
        first = np.unique(self.pattern, return_index=True)[1]
        patterns = keys.iloc[first].reset_index(drop=True)
        self.size = sum(len(factor.codes) for factor in model.factors)
        starts = np.cumsum([0, *(len(factor.codes) for factor in model.factors)])
        self._start = dict(zip(names, starts[:-1].tolist(), strict=True))
        shared, bound = model.blocks
        self._blocks = [self._block(model, (factor,), patterns) for factor in shared]
        self._blocks.append(self._block(model, bound, patterns))

    def counts(self, outcome: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return births and events per pattern among some rows."""
        n = int(self.pattern.max()) + 1
        pattern = self.pattern[rows]
        return np.bincount(pattern, minlength=n), np.bincount(pattern, weights=outcome[rows], minlength=n)

    def log_odds(self, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the log odds per pattern without intercept, and their gradient.

        Parameters
        ----------
        b
            Shape (levels,): log odds ratio of every level of every factor, in the model's order.

        Returns
        -------
        value : ndarray, shape (patterns,)
        gradient : ndarray, shape (patterns, levels)
        """
        count = len(self._blocks[0].member)
        value, gradient = np.zeros(count), np.zeros((count, self.size))
        for block in self._blocks:
            own, slope = block.terms(b)
            value += own[block.member]
            gradient[:, block.columns] = slope[block.member]
        return value, gradient

    def _block(self, model: Model, factors: tuple[Factor, ...], patterns: pd.DataFrame) -> _Block:
        names = [factor.name for factor in factors]
        keys = patterns[names]
        member = keys.groupby(names, sort=False).ngroup().to_numpy()
        answers = keys.iloc[np.unique(member, return_index=True)[1]].to_dict("records")
        strata = [model.strata(allowed(answer)) for answer in answers]
        most = max(len(each) for each in strata)
        lengths = [len(factor.codes) for factor in factors]
        share = np.full((len(answers), most, sum(lengths)), NEVER)
        weight = np.full((len(answers), most), NEVER)
        for a, each in enumerate(strata):
            for s, stratum in enumerate(each):
                weight[a, s] = np.log(stratum.weight)
                share[a, s] = np.concatenate([_log(stratum.levels[name]) for name in names])
        columns = np.concatenate(
            [np.arange(self._start[f.name], self._start[f.name] + len(f.codes)) for f in factors]
        )
        return _Block(columns, share, weight, np.cumsum(lengths)[:-1], member)


@dataclass(frozen=True)
class Fit:
    """A maximum of the (penalised) likelihood.

    Parameters
    ----------
    intercept
        Log odds of a woman whose coefficients are all 0.
    theta
        Shape (k,): the parameters fitted.
    covariance
        Shape (1 + k, 1 + k): inverse of the information, the intercept first.
    """

    intercept: float
    theta: np.ndarray
    covariance: np.ndarray


@dataclass(frozen=True)
class Family:
    """Coefficients as a linear function of few parameters, each with a normal prior.

    ``b = fixed + basis @ theta``; the prior of ``theta`` has mean ``mean`` and precision ``precision`` (0:
    none).
    """

    fixed: np.ndarray
    basis: np.ndarray
    mean: np.ndarray
    precision: np.ndarray

    def coefficients(self, theta: np.ndarray) -> np.ndarray:
        """Return the log odds ratio of every level."""
        return self.fixed + self.basis @ theta


def fit(design: Design, family: Family, births: np.ndarray, events: np.ndarray) -> Fit:
    """Maximise the likelihood times the prior, by Fisher scoring.

    Parameters
    ----------
    births, events
        Shape (patterns,): as :meth:`Design.counts` returns them.
    """
    theta = family.mean.copy()
    used = births > 0
    births, events = births[used], events[used]
    value = design.log_odds(family.coefficients(theta))[0][used]
    rate = events.sum() / births.sum()
    intercept = float(np.log(rate / (1 - rate)) - np.average(value, weights=births))
    information = np.eye(1 + len(theta))
    for _ in range(MOST_STEPS):
        value, gradient = design.log_odds(family.coefficients(theta))
        x = np.column_stack([np.ones(used.sum()), gradient[used] @ family.basis])
        mu = expit(intercept + value[used])
        score = x.T @ (events - births * mu)
        score[1:] -= family.precision * (theta - family.mean)
        information = (x * (births * mu * (1 - mu))[:, None]).T @ x
        information[1:, 1:] += np.diag(family.precision)
        information += 1e-9 * np.eye(len(information))
        step = np.clip(np.linalg.solve(information, score), -LONGEST_STEP, LONGEST_STEP)
        intercept += float(step[0])
        theta = theta + step[1:]
        if np.abs(step).max() < TOLERANCE:
            break
    return Fit(intercept, theta, np.linalg.inv(information))


def _log(share: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(share, np.exp(NEVER / 2)))
