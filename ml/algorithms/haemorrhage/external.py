"""How the untrained model does on births it never saw: Zurich (blood loss measured) and US natality."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from ml.algorithms.haemorrhage import batch
from ml.algorithms.haemorrhage.model import Factor, Model
from ml.package import Metric
from ml.training.evaluation import as_metrics, binary_metrics

ZURICH = "tabular/zurich_blood_loss.csv.gz"
NATALITY = "tabular/us_natality_2014_100k.csv.gz"
COMMAND = "python -m ml evaluate haemorrhage --data ../shared/data"
FIGURES = ("roc_auc", "calibration_slope", "calibration_intercept", "brier", "brier_null")
SEVERE_ML = 1000
POST_TERM_DAYS = 287
POUND_KG, INCH_M = 0.45359237, 0.0254
RISK_DECIMALS = 10
# No answer: every level stays open.
UNKNOWN = ""
# Several levels stay open, as where a register says "multiparous" without the number of births.
OR = "|"
NATALITY_OUTCOMES = ("mm_mtr", "mm_rupt", "mm_uhyst", "mm_aicu")


def zurich(model: Model, path: Path, *, repeats: int, seed: int) -> list[Metric]:
    """Score births of Zurich, 2015–16, against measured blood loss of 1000 mL or more.

    Only columns known at admission are read. Incidence is set to the cohort's own, which moves the
    calibration intercept and nothing else.
    """
    births = pd.read_csv(path)
    return _score(
        model,
        zurich_levels(model, births),
        severe(births),
        name="zurich",
        data="zurich_blood_loss: 1,309 births, Zurich 2015–16, blood loss measured, 1000 mL or more; "
        "columns known at admission only",
        note="untrained; incidence set to the cohort's own",
        repeats=repeats,
        seed=seed,
    )


def natality(model: Model, path: Path, *, repeats: int, seed: int) -> list[Metric]:
    """Score US births of 2014 against a composite of transfusion, uterine rupture, hysterectomy, ICU.

    A weak check: the label is under-reported and is not blood loss, and praevia, haemoglobin and
    previous haemorrhage are not in the file. Scored twice: with what admission knows, and with proxies
    taken from the birth, which shows how much of such a figure can come from the route of delivery.
    """
    births = pd.read_csv(path, low_memory=False)
    births = births[births[list(NATALITY_OUTCOMES)].notna().all(axis=1)]
    composite = (births[list(NATALITY_OUTCOMES)] == "y").any(axis=1).to_numpy(dtype=int)
    at_admission = natality_levels(model, births)
    readings = {
        "natality": (at_admission, "fields known at admission"),
        "natality_proxies": (
            with_proxies(at_admission, births),
            "a caesarean without induction taken as planned, a stillbirth as known before; not "
            "admission-only, an upper reading",
        ),
    }
    return [
        metric
        for name, (levels, reading) in readings.items()
        for metric in _score(
            model,
            levels,
            composite,
            name=name,
            data="us_natality_2014_100k: US births of 2014 with the outcome reported; composite of maternal "
            f"transfusion, ruptured uterus, unplanned hysterectomy, intensive care; {reading}",
            note="untrained; incidence set to the cohort's own; under-reported label",
            repeats=repeats,
            seed=seed,
        )
    ]


def severe(births: pd.DataFrame) -> np.ndarray:
    """Return the label of Zurich's births, shape (n,): 1 for a measured blood loss of 1000 mL or more."""
    return (births["MBL"] >= SEVERE_ML).to_numpy(dtype=int)


def zurich_levels(model: Model, births: pd.DataFrame) -> pd.DataFrame:
    """Return level codes per factor, one row per birth, from columns known at admission.

    Columns: AGE, MULTIPAR, BMI, TWIN, PLAC.PRAE, Hb.prae (g/L), IOL, SECTIO.prim, GA (days).
    """
    onset = np.select(
        [births["SECTIO.prim"] == "yes", births["IOL"] == "yes"],
        ["planned_caesarean", "induced"],
        "spontaneous",
    )
    return pd.DataFrame(
        {
            "age": _measured(model.by_name["age"], births["AGE"]),
            "parity": np.where(births["MULTIPAR"] == "yes", "one_to_three|four_or_more", "none"),
            "bmi": _measured(model.by_name["bmi"], births["BMI"]),
            "multiple": births["TWIN"],
            "placenta": np.where(births["PLAC.PRAE"] == "yes", "praevia", "normal|low|accreta"),
            "haemoglobin": _measured(model.by_name["haemoglobin"], births["Hb.prae"] / 10),
            "onset": onset,
            "post_term": np.where(births["GA"] >= POST_TERM_DAYS, "yes", "no"),
        }
    )


def natality_levels(model: Model, births: pd.DataFrame) -> pd.DataFrame:
    """Return level codes per factor, one row per birth, from fields known at admission.

    Diabetes of any kind stands for gestational diabetes, eclampsia for severe pre-eclampsia; pregnancy
    hypertension leaves open whether it is pre-eclampsia; without induction a planned caesarean stays open.
    """
    bmi = births["pwgt_r"] * POUND_KG / (births["m_ht_in"] * INCH_M) ** 2
    prior = births["priorlive"]
    parity = np.select(
        [prior.isna(), prior == 0, prior < 4], [UNKNOWN, "none", "one_to_three"], "four_or_more"
    )
    hypertension = np.select(
        [births["urf_eclam"] == "y", births["urf_phyper"] == "y", births["urf_phyper"] == "n"],
        ["severe", "gestational|preeclampsia", "none"],
        UNKNOWN,
    )
    onset = np.select(
        [births["ld_indl"] == "y", births["ld_indl"] == "n"],
        ["induced", "spontaneous|planned_caesarean"],
        UNKNOWN,
    )
    weeks = births["combgest"]
    return pd.DataFrame(
        {
            "age": _measured(model.by_name["age"], births["mager"]),
            "parity": parity,
            "bmi": _measured(model.by_name["bmi"], bmi),
            "multiple": np.where(births["dplural"] >= 2, "yes", "no"),
            "hypertension": hypertension,
            "gestational_diabetes": births["urf_diab"].map({"y": "yes", "n": "no"}).fillna(UNKNOWN),
            "onset": onset,
            "post_term": np.select([weeks.isna(), weeks >= 41], [UNKNOWN, "yes"], "no"),
        }
    )


def with_proxies(levels: pd.DataFrame, births: pd.DataFrame) -> pd.DataFrame:
    """Return the levels with planned caesarean and fetal death read from the birth itself."""
    onset = np.select(
        [births["ld_indl"] == "y", births["me_rout"] == "cesarean"],
        ["induced", "planned_caesarean"],
        "spontaneous",
    )
    return levels.assign(onset=onset, fetal_death=np.where(births["ilive"] == "n", "yes", "no"))


def risks(model: Model, levels: pd.DataFrame, incidence: float) -> np.ndarray:
    """Return the risk of every row, averaging over what is unknown, shape (n,)."""
    found = batch.mean_risks(model, [_allowed(row) for row in levels.to_dict("records")], incidence)
    # Different answers can mean one risk; the last digit of a float must not rank them.
    return np.round(found, RISK_DECIMALS)


def _allowed(row: dict[str, str]) -> dict[str, frozenset[str]]:
    return {name: frozenset(codes.split(OR)) for name, codes in row.items() if codes != UNKNOWN}


def _measured(factor: Factor, values: pd.Series) -> np.ndarray:
    index = np.searchsorted(factor.bounds, values.fillna(0), side="right")
    return np.where(values.isna(), UNKNOWN, np.array(factor.codes)[index])


def _score(
    model: Model,
    levels: pd.DataFrame,
    label: np.ndarray,
    *,
    name: str,
    data: str,
    note: str,
    repeats: int,
    seed: int,
) -> list[Metric]:
    incidence = float(label.mean())
    figures = binary_metrics(label, risks(model, levels, incidence), incidence, repeats=repeats, seed=seed)
    return as_metrics(
        {f"{name}_{figure}": figures[figure] for figure in FIGURES},
        data=data,
        n=len(label),
        command=COMMAND,
        unit="births",
        note=f"{int(label.sum())} with the outcome; {note}",
    )
