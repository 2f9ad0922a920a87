"""A hospital's CSV of births that never happened, for trying training and its refusals without patients.

Levels and outcome come from :mod:`synthetic`; measured values are drawn within their level, and blood loss
is log-normal around the woman's own risk, so that the table stays the truth behind the file. Every row says
that it is synthetic.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from scipy.stats import norm, truncnorm

from ml.algorithms.haemorrhage import literature, synthetic
from ml.algorithms.haemorrhage.synthetic import NONE, Cohort, Drift

SEVERE_ML, HAEMORRHAGE_ML = 1000, 500
# Standard deviation of the log of blood loss: at 2 % of births over 1000 mL the median is about 240 mL.
LOSS_SPREAD = 0.7
SAME_MOTHER = 0.12  # of births, second ones of a mother already in the file
LEAST_GAP_DAYS, MOST_GAP_DAYS = 330, 6 * 365
YEAR = 365.25
LAST_DAY = date(2025, 12, 31)

Columns = dict[str, np.ndarray]


@dataclass(frozen=True, slots=True)
class Births:
    """Synthetic births as a ward would have measured them.

    Parameters
    ----------
    values
        Column per field of the admission form (numbers in the form's units, dates, codes), with
        ``mother``, ``admission_at`` and ``blood_loss_ml``; ``None`` where nothing is known.
    cohort
        What they were drawn from, in the same order.
    """

    values: pd.DataFrame
    cohort: Cohort


def births(
    n: int,
    *,
    seed: int,
    incidence: float = 0.022,
    events: int | None = None,
    missing: float = 0.03,
    years: int = 5,
    drift: Drift = NONE,
) -> Births:
    """Draw births over several years, some of them of one mother.

    Parameters
    ----------
    missing
        Share of answers that nobody wrote down.
    years
        Years up to the end of 2025 over which the births spread.

    Other parameters as in :func:`synthetic.cohort`, which also says what it refuses.

    Raises
    ------
    ValueError
        For a share, a number of events or a number of births that cannot be.
    """
    if not 0 <= missing < 1:
        raise ValueError(f"a share of answers missing lies between 0 and 1, got {missing}")
    cohort = synthetic.cohort(n, incidence=incidence, seed=seed, events=events, drift=drift)
    rng = np.random.default_rng([seed, 1])
    levels = cohort.complete
    loss = _blood_loss(cohort)
    days = rng.integers(0, int(years * YEAR), n)
    parity = _parity(levels, rng)
    mothers = _mothers(levels, parity, days, loss, rng)
    values = {
        "mother": np.array([f"SYN-{number:06d}" for number in mothers]),
        "admission_at": _admissions(days, years, rng),
        **_woman(levels, mothers, days, years, rng),
        **_pregnancies(levels, parity, rng),
        **_conditions(levels),
        **_measured(levels, rng),
        "blood_loss_ml": loss,
    }
    table = pd.DataFrame(values, dtype=object)
    return Births(_with_gaps(table, missing, rng), cohort)


def _blood_loss(cohort: Cohort) -> np.ndarray:
    """Log-normal with the woman's own probability of reaching 1000 mL, in steps of 10 mL, shape (n,)."""
    above = norm.ppf(np.clip(cohort.latent, 1e-9, 1 - 1e-9)) - norm.ppf(
        1 - np.clip(cohort.risk, 1e-9, 1 - 1e-9)
    )
    loss = np.clip(SEVERE_ML * np.exp(LOSS_SPREAD * above), 20, 6000)
    rounded = (loss // 10 * 10).astype(int)
    return np.where(cohort.outcome == 1, np.maximum(rounded, SEVERE_ML), np.minimum(rounded, SEVERE_ML - 10))


def _parity(levels: pd.DataFrame, rng: np.random.Generator) -> np.ndarray:
    n = len(levels)
    few = rng.choice([1, 2, 3], n, p=[0.65, 0.26, 0.09])
    many = np.minimum(3 + rng.geometric(0.65, n), 12)
    return np.select([levels["parity"] == "none", levels["parity"] == "one_to_three"], [0, few], many)


def _mothers(
    levels: pd.DataFrame, parity: np.ndarray, days: np.ndarray, loss: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Number the mothers, shape (n,): a birth of parity k + 1 may follow one of parity k in the file.

    Only pairs that do not contradict each other are joined: what happened at the first birth must stand in
    the history of the second. Nothing else about either birth changes.
    """
    mothers = np.arange(1, len(parity) + 1)
    wanted = int(SAME_MOTHER * len(parity))
    young = (levels["age"] == "under_35").to_numpy()
    planned = (levels["onset"] == "planned_caesarean").to_numpy()
    scarred = (levels["previous_caesarean"] == "yes").to_numpy()
    before = levels["previous_pph"].map({"no": 0, "pph_500": HAEMORRHAGE_ML, "pph_1000": SEVERE_ML})
    bled = np.select([loss >= SEVERE_ML, loss >= HAEMORRHAGE_ML], [SEVERE_ML, HAEMORRHAGE_ML], 0)
    free = np.ones(len(parity), dtype=bool)
    for k in range(parity.max()):
        first = rng.permutation(np.flatnonzero((parity == k) & young & free))
        second = rng.permutation(np.flatnonzero(parity == k + 1))
        pairs = min(len(first), len(second))
        first, second = first[:pairs], second[:pairs]
        gap = days[second] - days[first]
        fits = (gap >= LEAST_GAP_DAYS) & (gap <= MOST_GAP_DAYS)
        fits &= before.to_numpy()[second] == bled[first]
        fits &= (scarred[second] == planned[first]) & (scarred[first] <= scarred[second])
        joined = np.flatnonzero(fits)[:wanted]
        mothers[second[joined]] = mothers[first[joined]]
        free[second[joined]] = False
        wanted -= len(joined)
    return mothers


def _admissions(days: np.ndarray, years: int, rng: np.random.Generator) -> np.ndarray:
    start = np.datetime64(LAST_DAY) - int(years * YEAR) + 1
    minutes = rng.integers(0, 24 * 60, len(days))
    stamps = (start + days).astype("datetime64[m]") + minutes
    return stamps.astype(object)


def _woman(
    levels: pd.DataFrame, mothers: np.ndarray, days: np.ndarray, years: int, rng: np.random.Generator
) -> Columns:
    """Date of birth, height and weight; the first two are one per mother."""
    age = _within(_bounds("age", levels["age"], 16, 49), 31.0, 5.3, rng)
    height = np.clip(rng.normal(164.5, 6.4, len(levels)), 142, 192).round()
    born = days - age * YEAR
    order = np.argsort(days, kind="stable")
    # The last birth of a mother fixes when she was born: the one before was then under 35 all the same.
    last, first = pd.Series(born).iloc[order], pd.Series(height).iloc[order]
    born = last.groupby(mothers[order]).transform("last").sort_index().to_numpy()
    height = first.groupby(mothers[order]).transform("first").sort_index().to_numpy()
    born = _young_enough(born, levels, mothers, days)
    bounds = _bounds("bmi", levels["bmi"], 16.5, 52)
    index = _within((bounds[0] + 0.1, bounds[1] - 0.1), 23.6, 4.0, rng)
    start = np.datetime64(LAST_DAY) - int(years * YEAR) + 1
    return {
        "birth_date": (start + born.astype(int)).astype(object),
        "height_cm": height.astype(int),
        "weight_kg": (index * (height / 100) ** 2).round(1),
    }


def _young_enough(
    born: np.ndarray, levels: pd.DataFrame, mothers: np.ndarray, days: np.ndarray
) -> np.ndarray:
    """Move a date of birth within the year-wide margins so that every level of age said of her holds."""
    limit = 35 * YEAR
    latest = np.where(levels["age"] == "from_35", days - limit - 2, np.inf)
    earliest = np.where(levels["age"] == "under_35", days - limit + 2, -np.inf)
    latest = pd.Series(latest).groupby(mothers).transform("min").to_numpy()
    earliest = pd.Series(earliest).groupby(mothers).transform("max").to_numpy()
    return np.clip(born, earliest, latest)


def _pregnancies(levels: pd.DataFrame, parity: np.ndarray, rng: np.random.Generator) -> Columns:
    n = len(levels)
    twice = (rng.uniform(size=n) < 0.2) & (parity >= 2)
    scarred = levels["previous_caesarean"] == "yes"
    weeks = np.where(levels["multiple"] == "yes", 36.7, 39.4)
    term = _within((np.full(n, 24.0), np.full(n, 40 + 6 / 7)), weeks, 1.5, rng)
    late = 41 + rng.choice(7, n, p=[0.3, 0.22, 0.17, 0.13, 0.1, 0.05, 0.03]) / 7
    total_days = np.round(7 * np.where(levels["post_term"] == "yes", late, term)).astype(int)
    return {
        "gravidity": parity + 1 + rng.poisson(0.4, n),
        "parity": parity,
        "gestation_weeks": total_days // 7,
        "gestation_days": total_days % 7,
        "fetuses": np.where(levels["multiple"] == "yes", np.where(rng.uniform(size=n) < 0.02, 3, 2), 1),
        "previous_caesareans": np.where(scarred, 1 + twice, 0),
        "previous_pph": levels["previous_pph"].replace("no", "none").to_numpy(),
        "placenta": levels["placenta"].to_numpy(),
        "onset": levels["onset"].to_numpy(),
    }


def _conditions(levels: pd.DataFrame) -> Columns:
    hypertension = levels["hypertension"]
    plain = (
        "antepartum_bleeding", "gestational_diabetes", "polyhydramnios", "fibroids", "anticoagulant",
        "bleeding_disorder", "chorioamnionitis", "fetal_death", "art",
    )  # fmt: skip
    return {name: levels[name].to_numpy() for name in plain} | {
        "preeclampsia": _yes(hypertension.isin(["preeclampsia", "severe"])),
        "severe_preeclampsia": _yes(hypertension == "severe"),
        "gestational_hypertension": _yes(hypertension == "gestational"),
    }


def _yes(holds: pd.Series) -> np.ndarray:
    return np.where(holds, "yes", "no")


def _measured(levels: pd.DataFrame, rng: np.random.Generator) -> Columns:
    heavy = (levels["macrosomia"] == "yes").to_numpy()
    weight = _within((np.where(heavy, 4000, 600), np.where(heavy, 5600, 3990)), 3350, 430, rng)
    haemoglobin = _within(_bounds("haemoglobin", levels["haemoglobin"], 6.5, 16), 11.8, 1.1, rng)
    platelets = _within(_bounds("platelets", levels["platelets"], 40, 480), 230, 60, rng)
    # Rounded down: the bounds of the levels are round numbers, so no value leaves its level.
    return {
        "estimated_fetal_weight_g": (weight // 10 * 10).astype(int),
        "haemoglobin": np.floor(10 * haemoglobin) / 10,
        "platelets": np.floor(platelets).astype(int),
    }


def _bounds(name: str, codes: pd.Series, least: float, most: float) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper bound of each birth's level of a measured factor, each of shape (n,)."""
    factor = literature.model().by_name[name]
    edges = [least, *factor.bounds, most]
    low = dict(zip(factor.codes, edges[:-1], strict=True))
    high = dict(zip(factor.codes, edges[1:], strict=True))
    return codes.map(low).to_numpy(dtype=float), codes.map(high).to_numpy(dtype=float)


def _within(
    bounds: tuple[np.ndarray, np.ndarray], mean: float | np.ndarray, sd: float, rng: np.random.Generator
) -> np.ndarray:
    """Normal values cut off at the bounds, shape (n,)."""
    low, high = ((bound - mean) / sd for bound in bounds)
    drawn = mean + sd * truncnorm.ppf(rng.uniform(size=len(low)), low, high)
    return np.clip(drawn, bounds[0], np.nextafter(bounds[1], -np.inf))


def _with_gaps(table: pd.DataFrame, missing: float, rng: np.random.Generator) -> pd.DataFrame:
    always = ("mother", "admission_at", "blood_loss_ml")
    absent = rng.uniform(size=table.shape) < missing
    absent[:, [table.columns.get_loc(name) for name in always]] = False
    return table.mask(absent, None)
