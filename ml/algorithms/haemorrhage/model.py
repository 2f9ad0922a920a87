"""The logistic literature model: levels, log odds, and exact averages over what is unknown.

Factors are independent of each other, except that only a woman who gave birth before can have a
previous caesarean or haemorrhage. The log odds are then a sum of independent discrete terms, and their
distribution over any group of women is a convolution: exact, without random numbers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ml.contracts import Text
from ml.package import Package

COEFFICIENTS = "coefficients.json"
DRAWS = "draws.npz"
NULLIPAROUS = "none"

# Log odds are gathered on a grid this fine; a level between two points is shared between them so that
# the mean stays exact, and the error in a probability is of the order of STEP squared (about 1e-5).
STEP = 0.005

Allowed = Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True, eq=False)
class Factor:
    """A factor as the package holds it; arrays run over its levels.

    Parameters
    ----------
    codes
        Level codes.
    prevalence
        Shape (levels,): share of all women, summing to 1.
    log_odds
        Shape (levels,): log of the odds ratio used; 0 for the reference.
    spread
        Shape (levels,): standard deviation of the sampled log odds ratio; 0 for the reference.
    bounds
        Upper bounds, exclusive, of measured levels; empty where levels are not measured.
    """

    name: str
    label: Text
    fields: tuple[str, ...]
    codes: tuple[str, ...]
    labels: tuple[Text, ...]
    prevalence: np.ndarray
    log_odds: np.ndarray
    spread: np.ndarray
    bounds: tuple[float, ...]
    parous_only: bool
    modifiable: bool

    @property
    def reference(self) -> str:
        """Code of the level with odds ratio 1 that most women have."""
        return self.codes[int(np.argmax(np.where(self.spread == 0, self.prevalence, 0)))]

    def mask(self, allowed: Allowed) -> np.ndarray:
        """Return 0/1 per level: which the answers leave open (all of them when not asked)."""
        if self.name not in allowed:
            return np.ones(len(self.codes))
        return np.array([code in allowed[self.name] for code in self.codes], dtype=float)


@dataclass(frozen=True, slots=True)
class Stratum:
    """Women of one parity among those the answers leave open.

    Parameters
    ----------
    weight
        Share of the group, given the answers.
    levels
        Per factor, shape (levels,): probability of each level, summing to 1.
    """

    weight: float
    levels: Mapping[str, np.ndarray]


@dataclass(frozen=True, slots=True)
class Spectrum:
    """A distribution of log odds (without intercept) on a grid.

    Parameters
    ----------
    value, mass
        Shape (points,): grid values ascending, and their probabilities summing to 1.
    """

    value: np.ndarray
    mass: np.ndarray

    def mean_risk(self, intercept: float) -> float:
        """Return the mean probability at an intercept."""
        return float(self.mass @ sigmoid(intercept + self.value))


@dataclass(frozen=True, eq=False)
class Model:
    """The coefficients of one package, and what follows from them.

    Parameters
    ----------
    offset
        Added to the intercept that the prevalences call for: what a hospital's own births say beyond it,
        because their factors are not quite independent. 0 in the literature model.
    """

    factors: tuple[Factor, ...]
    offset: float = 0.0

    @cached_property
    def by_name(self) -> dict[str, Factor]:
        """Factors by name."""
        return {factor.name: factor for factor in self.factors}

    @cached_property
    def index(self) -> dict[str, int]:
        """Position of each factor by name."""
        return {factor.name: position for position, factor in enumerate(self.factors)}

    @cached_property
    def parity(self) -> Factor:
        """The factor on which others depend."""
        return self.by_name["parity"]

    @cached_property
    def blocks(self) -> tuple[tuple[Factor, ...], tuple[Factor, ...]]:
        """Factors independent of all others, and those that parity binds together (parity among them)."""
        bound = tuple(f for f in self.factors if f.parous_only or f is self.parity)
        return tuple(f for f in self.factors if f not in bound), bound

    def strata(self, allowed: Allowed) -> tuple[Stratum, ...]:
        """Return the women the answers leave open, by parity, with the odds of each level.

        Parameters
        ----------
        allowed
            Per answered factor, the level codes the answers leave open; unanswered factors absent.
        """
        parity = self.parity
        share = parity.prevalence * parity.mask(allowed)
        found = []
        for index, code in enumerate(parity.codes):
            weight, levels = share[index], {parity.name: np.eye(len(parity.codes))[index]}
            for factor in self.factors:
                if factor is not parity:
                    open_mass = self.given_parity(factor, code) * factor.mask(allowed)
                    if factor.parous_only:
                        weight *= open_mass.sum()
                    levels[factor.name] = open_mass / max(open_mass.sum(), 1e-300)
            found.append(Stratum(weight, levels))
        total = sum(stratum.weight for stratum in found)
        if total <= 0:
            return self._contradictory(allowed)
        return tuple(Stratum(s.weight / total, s.levels) for s in found if s.weight > 0)

    def spectrum(self, allowed: Allowed) -> Spectrum:
        """Return the distribution of the log odds, without intercept, of the women left open."""
        strata = self.strata(allowed)
        shared, by_parity = self.blocks
        common = _convolve(shared, strata[0].levels, 0, np.ones(1))
        parts = [(s.weight, *_convolve(by_parity, s.levels, *common)) for s in strata]
        first = min(start for _, start, _ in parts)
        last = max(start + len(mass) for _, start, mass in parts)
        total = np.zeros(last - first)
        for weight, start, mass in parts:
            total[start - first : start - first + len(mass)] += weight * mass
        return Spectrum(STEP * (first + np.arange(len(total))), total)

    @cached_property
    def ward(self) -> Spectrum:
        """The distribution over all women of the table."""
        return self.spectrum({})

    def intercept(self, incidence: float) -> float:
        """Return the intercept at which the mean risk over all women is ``incidence``, and the offset."""
        return solve_intercept(self.ward, incidence) + self.offset

    def mean_log_odds(self, factor: Factor) -> float:
        """Return the mean log odds ratio of a factor over all women."""
        return float(factor.prevalence @ factor.log_odds)

    def given_parity(self, factor: Factor, parity_code: str) -> np.ndarray:
        """Return the prevalence of each level of a factor among women of one parity, shape (levels,)."""
        if not factor.parous_only:
            return factor.prevalence
        is_reference = np.array([code == factor.reference for code in factor.codes], dtype=float)
        if parity_code == NULLIPAROUS:
            return is_reference
        parous = 1 - self.parity.prevalence[self.parity.codes.index(NULLIPAROUS)]
        others = factor.prevalence * (1 - is_reference) / parous
        return others + is_reference * (1 - others.sum())

    def _contradictory(self, allowed: Allowed) -> tuple[Stratum, ...]:
        # A previous haemorrhage with parity 0 is only warned of: keep what was said of each.
        levels = {}
        for factor in self.factors:
            open_mass = factor.prevalence * factor.mask(allowed)
            levels[factor.name] = open_mass / open_mass.sum()
        return (Stratum(1.0, levels),)


def sigmoid(x: np.ndarray | float) -> np.ndarray | float:
    """Return the probability of log odds."""
    return 1 / (1 + np.exp(-x))


def logit(p: float) -> float:
    """Return the log odds of a probability."""
    return float(np.log(p) - np.log1p(-p))


def solve_intercept(spectrum: Spectrum, incidence: float) -> float:
    """Return the intercept at which a group's mean risk is ``incidence``.

    Newton's method on the log odds of the mean, which is nearly a straight line in the intercept.

    Raises
    ------
    ValueError
        When the incidence is not between 0 and 1.
    """
    if not 0 < incidence < 1:
        raise ValueError(f"expected an incidence between 0 and 1, got {incidence}")
    target = logit(incidence)
    intercept = target - float(spectrum.mass @ spectrum.value)
    for _ in range(50):
        risk = sigmoid(intercept + spectrum.value)
        mean = float(spectrum.mass @ risk)
        slope = float(spectrum.mass @ (risk * (1 - risk))) / (mean * (1 - mean))
        step = (logit(mean) - target) / slope
        intercept -= step
        if abs(step) < 1e-12:
            break
    return intercept


def _convolve(
    factors: Sequence[Factor], levels: Mapping[str, np.ndarray], start: int, mass: np.ndarray
) -> tuple[int, np.ndarray]:
    """Add independent factors to a distribution that begins at grid point ``start``."""
    for factor in factors:
        shifts = factor.log_odds / STEP
        least = int(np.floor(shifts.min()))
        out = np.zeros(len(mass) + int(np.floor(shifts.max())) + 1 - least)
        for shift, probability in zip(shifts, levels[factor.name], strict=True):
            if not probability:
                continue
            at = int(np.floor(shift)) - least
            upper = probability * (shift - np.floor(shift))
            out[at : at + len(mass)] += (probability - upper) * mass
            if upper:
                out[at + 1 : at + 1 + len(mass)] += upper * mass
        occupied = np.flatnonzero(out)
        start, mass = start + least + int(occupied[0]), out[occupied[0] : occupied[-1] + 1]
    return start, mass


def from_json(coefficients: Mapping[str, Any]) -> Model:
    """Rebuild the model of a coefficients file."""
    factors = tuple(_factor(entry) for entry in coefficients["factors"])
    return Model(factors, coefficients.get("intercept_offset", 0.0))


def _factor(entry: Mapping[str, Any]) -> Factor:
    levels = entry["levels"]

    def column(name: str) -> np.ndarray:
        return np.array([level[name] for level in levels], dtype=float)

    return Factor(
        name=entry["name"],
        label=Text.from_json(entry["label"]),
        fields=tuple(entry["fields"]),
        codes=tuple(level["code"] for level in levels),
        labels=tuple(Text.from_json(level["label"]) for level in levels),
        prevalence=column("prevalence"),
        log_odds=column("log_odds_ratio"),
        spread=column("spread"),
        bounds=tuple(level["below"] for level in levels if level["below"] is not None),
        parous_only=entry["parous_only"],
        modifiable=entry["modifiable"],
    )


def of(package: Package) -> Model:
    """Return the model of a verified package, built once per process."""
    return _read(package.path(COEFFICIENTS), package.sha256)


@cache
def _read(path: Path, sha256: str) -> Model:  # the hash is in the key: a new package is a new model
    return from_json(json.loads(path.read_text("utf-8")))
