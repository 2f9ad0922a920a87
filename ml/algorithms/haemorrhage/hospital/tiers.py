"""What so many events can teach: the incidence, one slope, or every odds ratio, near the literature.

Below 50 events only the intercept is learned, from 50 a slope too; from 200, and at least 10 for every level
to be fitted, each odds ratio, with a normal prior at the literature's value whose width is the literature's
own spread (or half or twice of it, by cross-validation over whole mothers). From 500 trees are compared
beside it. The tier follows from the events of the whole table; what is learned comes from its earlier part.
A slope and an intercept are all the calibration an additive model needs; trees get a sigmoid, or from 1,000
events an isotonic curve.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit

from ml.algorithms.haemorrhage.external import OR, UNKNOWN
from ml.algorithms.haemorrhage.hospital.births import Births
from ml.algorithms.haemorrhage.hospital.likelihood import Design, Family, Fit, fit
from ml.algorithms.haemorrhage.model import NULLIPAROUS, Factor, Model, from_json

SLOPE_FROM, REFIT_FROM, TREES_FROM, EVENTS_PER_LEVEL = 50, 200, 500, 10
# Widths of the prior tried, as multiples of the literature's spread.
WIDTHS = (0.5, 1.0, 2.0)
FOLDS = 5
# The table's prevalences count as so many women when the hospital's own are worked out.
TABLE_WOMEN = 100


@dataclass(frozen=True)
class Candidate:
    """A model learned here.

    Parameters
    ----------
    tier
        ``intercept``, ``intercept_slope`` or ``refit``.
    coefficients
        The content of ``coefficients.json``.
    intercept
        At the hospital's own incidence.
    incidence_error
        Standard error of the log odds of that incidence.
    learned
        JSON-ready: slope or width of the prior, events per level, and how they were found.
    """

    tier: str
    coefficients: dict[str, Any]
    intercept: float
    incidence_error: float
    learned: Mapping[str, Any]

    @property
    def model(self) -> Model:
        """The model itself."""
        return from_json(self.coefficients)


def tier_of(births: Births, base: Model) -> str:
    """Return the tier that a table's events allow."""
    events = births.events
    if events < SLOPE_FROM:
        return "intercept"
    per_level = events / max(free_levels(births, base), 1)
    if events < REFIT_FROM or per_level < EVENTS_PER_LEVEL:
        return "intercept_slope"
    return "trees" if events >= TREES_FROM else "refit"


def free_levels(births: Births, base: Model) -> int:
    """Return how many levels beside the references are known of anybody: the parameters of a refit."""
    found = 0
    for factor in base.factors:
        seen = set(births.levels[factor.name].unique()) - {UNKNOWN}
        if seen:
            found += len(factor.codes) - 1
    return found


def learn(births: Births, base: Mapping[str, Any], tier: str, *, seed: int) -> Candidate:
    """Learn what the tier allows.

    Parameters
    ----------
    births
        The earlier part of the table.
    base
        The literature's coefficients. Never those of a package trained here before: the births it was
        trained on may be in this table again, and would count twice.
    """
    own = with_prevalences(base, births)
    model = from_json(own)
    design = Design(model, births.levels)
    everybody = np.arange(len(births))
    start = np.concatenate([factor.log_odds for factor in model.factors])
    spread = np.concatenate([factor.spread for factor in model.factors])
    counts = design.counts(births.outcome, everybody)
    if tier == "intercept":
        none = Family(start, np.zeros((len(start), 0)), np.zeros(0), np.zeros(0))
        found, b, error, learned = fit(design, none, *counts), start, spread, {}
    elif tier == "intercept_slope":
        family = Family(np.zeros(len(start)), start[:, None], np.ones(1), np.zeros(1))
        found = fit(design, family, *counts)
        slope, of_slope = float(found.theta[0]), float(np.sqrt(found.covariance[1, 1]))
        b = slope * start
        error = np.sqrt((slope * spread) ** 2 + (of_slope * start) ** 2)
        learned = {"slope": slope, "slope_error": of_slope}
    else:
        found, b, error, learned = _refit(design, births, model, start, spread, seed)
    return Candidate(
        tier="refit" if tier == "trees" else tier,
        coefficients=_with_coefficients(own, b, np.where(spread > 0, error, 0), births, found.intercept),
        intercept=found.intercept,
        incidence_error=float(1 / np.sqrt(births.events * (1 - births.events / len(births)))),
        learned={**learned, "births": len(births), "events": births.events},
    )


def _refit(
    design: Design, births: Births, model: Model, start: np.ndarray, spread: np.ndarray, seed: int
) -> tuple[Fit, np.ndarray, np.ndarray, dict[str, Any]]:
    folds = np.random.default_rng(seed).permutation(int(births.mother.max()) + 1)[births.mother] % FOLDS
    losses = {width: _loss(design, births, _near(start, spread, width), folds) for width in WIDTHS}
    width = min(losses, key=losses.__getitem__)
    family = _near(start, spread, width)
    found = fit(design, family, *design.counts(births.outcome, np.arange(len(births))))
    error = family.basis @ np.sqrt(np.diag(found.covariance)[1:])
    learned = {
        "prior_width": width,
        "log_loss_by_width": {str(w): loss for w, loss in losses.items()},
        "parameters": free_levels(births, model),
    }
    return found, family.coefficients(found.theta), error, learned


def _near(start: np.ndarray, spread: np.ndarray, width: float) -> Family:
    """Every level beside the references free, with a normal prior at its present value."""
    free = np.flatnonzero(spread > 0)
    basis = np.zeros((len(start), len(free)))
    basis[free, np.arange(len(free))] = 1
    return Family(np.zeros(len(start)), basis, start[free], 1 / (width * spread[free]) ** 2)


def _loss(design: Design, births: Births, family: Family, folds: np.ndarray) -> float:
    """Mean log loss of births by models that have not seen their mothers."""
    total = 0.0
    for fold in range(FOLDS):
        test = np.flatnonzero(folds == fold)
        found = fit(design, family, *design.counts(births.outcome, np.flatnonzero(folds != fold)))
        value, _ = design.log_odds(family.coefficients(found.theta))
        risk = expit(found.intercept + value[design.pattern[test]])
        total -= float(np.log(np.where(births.outcome[test] == 1, risk, 1 - risk)).sum())
    return total / len(births)


def with_prevalences(base: Mapping[str, Any], births: Births) -> dict[str, Any]:
    """Return coefficients with the hospital's own prevalences, drawn a little towards the table's.

    Answers that leave several levels open do not count here; a level nobody has keeps a small share.
    """
    table = from_json(base)
    parous = births.levels["parity"].isin([c for c in table.parity.codes if c != NULLIPAROUS]).to_numpy()
    parity = _shares(table.parity, births.levels["parity"], table.parity.prevalence)
    now_parous = 1 - parity[table.parity.codes.index(NULLIPAROUS)]
    factors = []
    for entry, factor in zip(base["factors"], table.factors, strict=True):
        if factor is table.parity:
            share = parity
        elif factor.parous_only:
            # As shares of all women, though only those who gave birth before can be asked.
            given = table.given_parity(factor, next(c for c in table.parity.codes if c != NULLIPAROUS))
            among = _shares(factor, births.levels[factor.name][parous], given)
            reference = factor.codes.index(factor.reference)
            share = among * now_parous
            share[reference] += 1 - now_parous
        else:
            share = _shares(factor, births.levels[factor.name], factor.prevalence)
        levels = [{**level, "prevalence": float(p)} for level, p in zip(entry["levels"], share, strict=True)]
        factors.append({**entry, "levels": levels, "normal": None})
    return {**base, "factors": factors}


def _shares(factor: Factor, levels: Any, table: np.ndarray) -> np.ndarray:
    counts = levels[(levels != UNKNOWN) & ~levels.str.contains(OR, regex=False)].value_counts()
    own = np.array([float(counts.get(code, 0)) for code in factor.codes])
    if not own.sum():
        return table.copy()
    return (own + TABLE_WOMEN * table) / (own.sum() + TABLE_WOMEN)


def _with_coefficients(
    own: Mapping[str, Any], b: np.ndarray, error: np.ndarray, births: Births, intercept: float
) -> dict[str, Any]:
    """Write fitted values into the structure of ``coefficients.json``, with the intercept's offset."""
    incidence = births.events / len(births)
    factors, at = [], 0
    for entry in own["factors"]:
        levels = []
        for level in entry["levels"]:
            levels.append(
                {
                    **level,
                    "literature_odds_ratio": level.get("literature_odds_ratio", level["odds_ratio"]),
                    "odds_ratio": float(np.exp(b[at])),
                    "log_odds_ratio": float(b[at]),
                    "spread": float(error[at]),
                }
            )
            at += 1
        factors.append({**entry, "levels": levels})
    table = {**own, "factors": factors, "incidence": incidence, "intercept_offset": 0.0}
    solved = from_json(table).intercept(incidence)
    return {**table, "intercept": intercept, "intercept_offset": intercept - solved}
