"""Many admissions at once: the same risk, interval and reasons as one by one, without a loop over women.

A woman's log odds are a sum over blocks of factors that do not depend on each other, and each block has few
different answers. So everything is worked out once per block and answer, and put together by matrix products:

- The mean risk over what is unknown is a mean of ``sigmoid(x)``. Repeated with alternating sign at a period
  far beyond any log odds, the sigmoid is a sum of some hundred sines (by Poisson's formula from the Fourier
  transform of the logistic density, ``πw / sinh(πw)``); the mean of a sine of a sum is a product over the
  blocks. The error stays below 1e-10.
- The interval needs two order statistics of each woman's sampled log odds, not their sorted list.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml.algorithms.haemorrhage import answers, model, uncertainty
from ml.algorithms.haemorrhage.model import STEP, Allowed, Factor, Model, Stratum, sigmoid
from ml.algorithms.haemorrhage.uncertainty import PERCENTILES, Draws
from ml.package import Package

# Nats by which an image of the sigmoid, and the first sine left out, must be weaker than 1.
WEAKER = 27.0
ROWS_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class Reasons:
    """Exact Shapley values on the log odds, as :mod:`explain` gives them one by one.

    Parameters
    ----------
    factors
        Names of the factors, in the order of the columns.
    contributions
        Shape (n, factors): log odds by which an answer moves the figure; ``nan`` where nothing was answered.
    averaging
        Shape (n,): what averaging over the unknown adds, so that base, contributions and averaging sum to the
        log odds of the risk.
    """

    factors: tuple[str, ...]
    base: float
    contributions: np.ndarray
    averaging: np.ndarray


@dataclass(frozen=True, slots=True)
class Risks:
    """Figures of many admissions.

    Parameters
    ----------
    risk
        Shape (n,): 0–1.
    interval, coefficients_only
        Shape (n, 2): 95 % intervals, as :class:`uncertainty.Uncertainty` has them.
    reasons
        ``None`` when not asked for.
    """

    risk: np.ndarray
    interval: np.ndarray
    coefficients_only: np.ndarray
    incidence: float
    reasons: Reasons | None = None

    def __len__(self) -> int:
        return len(self.risk)


def risks(
    package: Package,
    rows: Sequence[Mapping[str, Any]],
    incidence: float | None = None,
    explain: bool = False,
) -> Risks:
    """Return the figure, its interval and, when asked, its reasons for many checked admissions.

    Parameters
    ----------
    rows
        Typed answers, each as :func:`contract.check` returns them.
    incidence
        Of the ward, 0–1; the package's default without it.
    """
    coefficients = model.of(package)
    ward = package.input["settings"]["incidence"]["default"] if incidence is None else incidence
    opened = [answers.allowed(coefficients, row) for row in rows]
    return of_levels(coefficients, uncertainty.of(package), opened, ward, explain=explain)


def of_levels(
    coefficients: Model, draws: Draws, opened: Sequence[Allowed], incidence: float, *, explain: bool = False
) -> Risks:
    """Return the figures of women of whom it is known which levels their answers leave open."""
    intercept = coefficients.intercept(incidence)
    if not len(opened):
        none = np.empty((0, 2))
        empty = Reasons(tuple(coefficients.index), 0.0, np.empty((0, len(coefficients.factors))), np.empty(0))
        return Risks(np.empty(0), none, none, incidence, empty if explain else None)
    blocks, members = _split(coefficients, opened)
    patterns, where = np.unique(members, axis=1, return_inverse=True)
    risk = _mean_risks(coefficients, blocks, patterns, intercept)
    interval, narrow = _intervals(coefficients, draws, blocks, patterns, incidence, risk)
    reasons = _reasons(coefficients, blocks, members, intercept, risk[where]) if explain else None
    return Risks(risk[where], interval[where], narrow[where], incidence, reasons)


def mean_risks(coefficients: Model, opened: Sequence[Allowed], incidence: float) -> np.ndarray:
    """Return the risks alone, without intervals, shape (n,), as :func:`of_levels` has them."""
    if not len(opened):
        return np.empty(0)
    blocks = [_Block.of(coefficients, factors, opened) for factors in _blocks(coefficients)]
    members = np.stack([block.member for block in blocks])
    patterns, where = np.unique(members, axis=1, return_inverse=True)
    return _mean_risks(coefficients, blocks, patterns, coefficients.intercept(incidence))[where]


@dataclass(frozen=True, slots=True)
class _Block:
    """Factors that depend on no other block, and the different answers about them.

    ``answered`` and ``strata`` run over the answers; ``member`` says which of them each row gave.
    """

    factors: tuple[Factor, ...]
    answered: tuple[Allowed, ...]
    strata: tuple[tuple[Stratum, ...], ...]
    member: np.ndarray

    @classmethod
    def of(cls, coefficients: Model, factors: tuple[Factor, ...], opened: Sequence[Allowed]) -> _Block:
        names = [factor.name for factor in factors]
        numbers: dict[tuple[frozenset[str] | None, ...], int] = {}
        member = np.array(
            [numbers.setdefault(tuple(map(allowed.get, names)), len(numbers)) for allowed in opened]
        )
        answered = tuple(
            {name: codes for name, codes in zip(names, key, strict=True) if codes is not None}
            for key in numbers
        )
        return cls(factors, answered, tuple(map(coefficients.strata, answered)), member)


def _split(coefficients: Model, opened: Sequence[Allowed]) -> tuple[list[_Block], np.ndarray]:
    """Return the blocks, and which answer each row gave to each, shape (blocks, n)."""
    blocks = [_Block.of(coefficients, factors, opened) for factors in _blocks(coefficients)]
    return blocks, np.stack([block.member for block in blocks])


def _blocks(coefficients: Model) -> Iterator[tuple[Factor, ...]]:
    shared, by_parity = coefficients.blocks
    yield from ((factor,) for factor in shared)
    yield by_parity


def _mean_risks(
    coefficients: Model, blocks: Sequence[_Block], patterns: np.ndarray, intercept: float
) -> np.ndarray:
    """Mean risk of each pattern of answers, shape (patterns,)."""
    frequency, weight = _sines(coefficients, intercept)
    turned = [_characteristic(block, frequency) for block in blocks]
    start = weight * np.exp(1j * frequency * intercept)
    found = np.empty(patterns.shape[1])
    for rows in _chunks(patterns.shape[1]):
        product = np.broadcast_to(start, (len(found[rows]), len(start))).copy()
        for block, index in zip(turned, patterns[:, rows], strict=True):
            product *= block[index]
        found[rows] = 0.5 + product.imag.sum(axis=1)
    return found


def _sines(coefficients: Model, intercept: float) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies and weights with ``sigmoid(x) = 0.5 + sum(weight * sin(frequency * x))``."""
    lowest = intercept + sum(factor.log_odds.min() for factor in coefficients.factors)
    highest = intercept + sum(factor.log_odds.max() for factor in coefficients.factors)
    half_period = max(abs(lowest), abs(highest)) + 1 + WEAKER
    count = int(np.ceil(WEAKER * half_period / np.pi**2))
    frequency = np.arange(1, count + 1, 2) * np.pi / half_period
    return frequency, 2 * np.pi / half_period / np.sinh(np.pi * frequency)


def _characteristic(block: _Block, frequency: np.ndarray) -> np.ndarray:
    """Mean of ``exp(i·frequency·x)`` over the log odds of each answer, shape (answers, frequencies)."""
    turn = [_turns(factor, frequency) for factor in block.factors]
    return np.array(
        [
            sum(
                stratum.weight
                * np.prod(
                    [stratum.levels[f.name] @ t for f, t in zip(block.factors, turn, strict=True)], axis=0
                )
                for stratum in strata
            )
            for strata in block.strata
        ]
    )


def _turns(factor: Factor, frequency: np.ndarray) -> np.ndarray:
    """``exp(i·frequency·x)`` per level, shared between two grid points as in :meth:`Model.spectrum`."""
    shift = factor.log_odds / STEP
    lower = np.floor(shift)
    upper_share = (shift - lower)[:, None]
    below = np.exp(1j * STEP * np.outer(lower, frequency))
    return below * (1 - upper_share + upper_share * np.exp(1j * STEP * frequency))


def _intervals(
    coefficients: Model,
    draws: Draws,
    blocks: Sequence[_Block],
    patterns: np.ndarray,
    incidence: float,
    risk: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """The two 95 % intervals of each pattern, both of shape (patterns, 2)."""
    known = uncertainty.tables(coefficients, draws)
    each = [(strata, block.factors) for block in blocks for strata in block.strata]
    sampled = np.stack(
        [
            uncertainty.sampled_log_odds(coefficients, draws, known, strata, factors)
            for strata, factors in each
        ]
    )
    averaged = np.stack(
        [uncertainty.averaged_log_odds(coefficients, known, strata, factors) for strata, factors in each]
    )
    first = np.cumsum([0, *(len(block.strata) for block in blocks)])[:-1]
    intercepts = draws.at(incidence)
    interval, narrow = np.empty((len(risk), 2)), np.empty((len(risk), 2))
    for rows in _chunks(len(risk)):
        here = risk[rows]
        chosen = np.zeros((len(here), len(each)))
        chosen[np.arange(len(here))[:, None], (first[:, None] + patterns[:, rows]).T] = 1
        interval[rows] = _between(chosen @ sampled + intercepts, 0.0, here)
        # As in `uncertainty`: odds are averaged, not risks; the shift makes up for it.
        shift = _logit(here) - chosen @ averaged[:, 0] - coefficients.intercept(incidence)
        narrow[rows] = _between(chosen @ averaged[:, 1:] + intercepts, shift[:, None], here)
    return interval, narrow


def _between(log_odds: np.ndarray, shift: np.ndarray | float, risk: np.ndarray) -> np.ndarray:
    """Percentiles of each row's risks, interpolated on the scale of risks, shape (rows, 2)."""
    position = np.array(PERCENTILES) / 100 * (log_odds.shape[1] - 1)
    lower = np.floor(position).astype(int)
    upper = np.minimum(lower + 1, log_odds.shape[1] - 1)
    log_odds.partition(np.concatenate([lower, upper]), axis=1)
    below, above = sigmoid(log_odds[:, lower] + shift), sigmoid(log_odds[:, upper] + shift)
    low, high = (below + (position - lower) * (above - below)).T
    return np.stack([np.minimum(low, risk), np.maximum(high, risk)], axis=1)


def _reasons(
    coefficients: Model, blocks: Sequence[_Block], members: np.ndarray, intercept: float, risk: np.ndarray
) -> Reasons:
    contributions = np.empty((len(risk), len(coefficients.factors)))
    for block, member in zip(blocks, members, strict=True):
        for factor in block.factors:
            per_answer = [
                _contribution(coefficients, factor, strata) if factor.name in answered else np.nan
                for answered, strata in zip(block.answered, block.strata, strict=True)
            ]
            contributions[:, coefficients.index[factor.name]] = np.array(per_answer)[member]
    base = intercept + sum(coefficients.mean_log_odds(factor) for factor in coefficients.factors)
    averaging = _logit(risk) - base - np.nansum(contributions, axis=1)
    return Reasons(tuple(coefficients.index), base, contributions, averaging)


def _contribution(coefficients: Model, factor: Factor, strata: Sequence[Stratum]) -> float:
    given = sum(float(s.weight * (s.levels[factor.name] @ factor.log_odds)) for s in strata)
    return given - coefficients.mean_log_odds(factor)


def _logit(p: np.ndarray) -> np.ndarray:
    return np.log(p) - np.log1p(-p)


def _chunks(n: int) -> Iterator[slice]:
    return (slice(start, start + ROWS_AT_ONCE) for start in range(0, n, ROWS_AT_ONCE))
