"""Births that never happened, drawn from the literature table: what the model would see if it were right.

Good for one thing: to check that the machinery gives back a truth that is known. A figure computed here says
nothing about women, and is labelled synthetic wherever it is shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy.special import expit
from scipy.stats import logistic

from ml.algorithms.haemorrhage import literature
from ml.algorithms.haemorrhage.model import Factor, Model
from ml.contracts import Text

LABEL = Text(
    "synthetic births, drawn from the literature table: no women, no clinical performance",
    "naissances synthétiques, tirées de la table de la littérature : ni patientes, ni performance clinique",
)
# No answer: every level stays open (as in `external`).
UNKNOWN = ""


@dataclass(frozen=True, slots=True)
class Drift:
    """How the women simulated differ from the literature's, as a hospital's may.

    Parameters
    ----------
    slope
        Multiplies every log odds ratio: below 1 the factors say less than was published.
    log_odds
        Added to the log odds of every level but the reference, by factor.
    """

    slope: float = 1.0
    log_odds: Mapping[str, float] = field(default_factory=dict)


NONE = Drift()


@dataclass(frozen=True)
class Cohort:
    """Simulated births, always labelled synthetic.

    Parameters
    ----------
    levels
        Column per factor, row per birth: a level code, or ``""`` where nothing is known.
    complete
        The same before answers were taken away.
    risk
        Shape (n,): true probability, given every level.
    outcome
        Shape (n,): 0 or 1.
    latent
        Shape (n,): uniform numbers behind the outcome; it is 1 where they exceed ``1 - risk``.
    """

    levels: pd.DataFrame
    complete: pd.DataFrame
    risk: np.ndarray
    outcome: np.ndarray
    latent: np.ndarray
    incidence: float
    seed: int
    label: Text = LABEL

    def __len__(self) -> int:
        return len(self.outcome)


def cohort(
    n: int,
    *,
    incidence: float,
    seed: int,
    missing: float = 0.0,
    drift: Drift = NONE,
    events: int | None = None,
    model: Model | None = None,
) -> Cohort:
    """Draw births from the table's prevalences and odds ratios.

    Parameters
    ----------
    n
        Number of births.
    incidence
        Expected share with the outcome, 0–1; the intercept is the model's own for it.
    missing
        Share of answers taken away, completely at random, 0–1.
    drift
        How these women differ from the literature's.
    events
        Exactly so many births with the outcome; the intercept follows, and ``incidence`` is not used.
    model
        The table; the literature's without it.

    Raises
    ------
    ValueError
        For an incidence, a share or a number of events that cannot be.
    """
    if n < 1 or not 0 < incidence < 1 or not 0 <= missing < 1:
        raise ValueError(
            f"expected births, an incidence within 0..1 and a share missing below 1, "
            f"got {n}, {incidence} and {missing}"
        )
    if events is not None and not 0 <= events <= n:
        raise ValueError(f"{events} events are not possible in {n} births")
    table = model or literature.model()
    rng = np.random.default_rng(seed)
    complete = draw_levels(table, n, rng)
    odds = log_odds(table, complete, drift)
    latent = rng.uniform(size=n)
    intercept = (
        _intercept(table, odds, incidence, drift) if events is None else _exactly(odds, latent, events)
    )
    risk = expit(intercept + odds)
    absent = rng.uniform(size=complete.shape) < missing
    return Cohort(
        levels=complete.mask(absent, UNKNOWN),
        complete=complete,
        risk=risk,
        outcome=(latent > 1 - risk).astype(int),
        latent=latent,
        incidence=float(risk.mean()),
        seed=seed,
    )


def draw_levels(model: Model, n: int, rng: np.random.Generator) -> pd.DataFrame:
    """Return a level code per factor and birth, as the table's prevalences have them.

    Factors are independent, except that only a woman who gave birth before had a caesarean or a haemorrhage.
    """
    parity = model.by_name["parity"]
    drawn = {"parity": rng.choice(parity.codes, n, p=parity.prevalence)}
    for factor in model.factors:
        if factor is parity:
            continue
        if not factor.parous_only:
            drawn[factor.name] = rng.choice(factor.codes, n, p=factor.prevalence)
            continue
        uniform = rng.uniform(size=n)
        drawn[factor.name] = np.empty(n, dtype=object)
        for code in parity.codes:
            rows = drawn["parity"] == code
            edges = np.cumsum(model.given_parity(factor, code))[:-1]
            drawn[factor.name][rows] = np.array(factor.codes)[np.searchsorted(edges, uniform[rows])]
    return pd.DataFrame({factor.name: drawn[factor.name] for factor in model.factors}, dtype=object)


def log_odds(model: Model, levels: pd.DataFrame, drift: Drift = NONE) -> np.ndarray:
    """Return the log odds of complete rows, without intercept, shape (n,)."""
    total = np.zeros(len(levels))
    for factor in model.factors:
        by_code = dict(zip(factor.codes, _drifted(factor, drift), strict=True))
        total += levels[factor.name].map(by_code).to_numpy(dtype=float)
    return total


def _drifted(factor: Factor, drift: Drift) -> np.ndarray:
    moved = drift.log_odds.get(factor.name, 0.0)
    beyond = np.array([code != factor.reference for code in factor.codes])
    return drift.slope * factor.log_odds + moved * beyond


def _intercept(model: Model, odds: np.ndarray, incidence: float, drift: Drift) -> float:
    if drift == NONE:
        return model.intercept(incidence)
    # The drifted odds have no exact distribution at hand: solved on the births drawn, by halving.
    low, high = -30.0, 30.0
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if expit(middle + odds).mean() < incidence else (low, middle)
    return (low + high) / 2


def _exactly(odds: np.ndarray, latent: np.ndarray, events: int) -> float:
    """Return the intercept at which exactly ``events`` births exceed their latent threshold."""
    strength = np.sort(odds + logistic.ppf(latent))[::-1]
    if events == 0:
        return -float(strength[0]) - 1
    if events == len(strength):
        return 1 - float(strength[-1])
    return -float(strength[events - 1] + strength[events]) / 2
