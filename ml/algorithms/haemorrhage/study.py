"""The recipes of the classic way beside the literature model: on synthetic births, and on births in Zurich.

A resampled model does not rank women better; it only calls every risk high (van den Goorbergh 2022). Here
each recipe is shown as it comes and recalibrated at natural prevalence, on rows that neither was learnt on,
with differences paired by birth. The literature model is never fitted: recalibrated, it is set to the
incidence of the training rows, as a ward sets its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ml.algorithms.haemorrhage import external, synthetic
from ml.algorithms.haemorrhage.model import Model
from ml.contracts import Text
from ml.tabular.preparation import Table
from ml.training import comparison, curves, pipeline, watching
from ml.training.comparison import Comparison, Entry
from ml.training.folds import repeated
from ml.training.pipeline import Recipe
from ml.training.progress import progress
from ml.training.wording import label

COMMAND = "python -m ml train haemorrhage --data ../shared/data --out ml/packages"
LITERATURE = "literature"
LITERATURE_LABEL = Text("Literature model, not fitted", "Modèle de la littérature, non ajusté")
UNIT = Text("births", "accouchements")
ZURICH = Text("Births in Zurich, blood loss measured", "Accouchements à Zurich, pertes mesurées")
SYNTHETIC = Text("Synthetic births: no clinical figures", "Naissances synthétiques : aucun chiffre clinique")
# The columns that `external.zurich_levels` reads too: both sides know the same of each woman.
NUMBERS = ("AGE", "BMI", "Hb.prae", "GA")
CATEGORIES = ("MULTIPAR", "TWIN", "PLAC.PRAE", "IOL", "SECTIO.prim")
MISSING_CODE = "not answered"


def comparisons(model: Model, data: Path, params: Mapping[str, Any]) -> list[Comparison]:
    """Return the table of recipes on Zurich, then on synthetic births.

    Parameters
    ----------
    data
        The data folder.
    params
        ``study`` of the section ``haemorrhage`` of ``params.yaml``, with the package's ``incidence``.
    """
    return [zurich(model, data / external.ZURICH, params), synthetic_births(model, params)]


def zurich(model: Model, path: Path, params: Mapping[str, Any]) -> Comparison:
    """Compare the recipes by repeated cross-validation on births of Zurich, 1000 mL or more."""
    births = pd.read_csv(path)
    table, y = zurich_table(births), external.severe(births)
    levels = external.zurich_levels(model, births)
    folds, repeats, seed = (int(params["zurich"][key]) for key in ("folds", "repeats", "seed"))
    entries = [
        _literature(model, levels, y, folds=folds, repeats=repeats, seed=seed, incidence=params["incidence"]),
        *(
            comparison.out_of_fold(
                recipe, table, y, label=label(recipe), folds=folds, repeats=repeats, seed=seed
            )
            for recipe in recipes(params, NUMBERS, CATEGORIES)
        ),
    ]
    return comparison.compare(
        entries,
        y,
        reference=LITERATURE,
        threshold=round(float(y.mean()), 4),
        data=Text(
            "zurich_blood_loss, 2015–16, blood loss measured, 1000 mL or more; columns known at admission "
            f"only; {folds}-fold cross-validation × {repeats}",
            "zurich_blood_loss, 2015–16, pertes mesurées, 1000 mL ou plus ; colonnes connues à l’admission "
            f"seulement ; validation croisée à {folds} blocs × {repeats}",
        ),
        command=COMMAND,
        unit=UNIT,
        title=ZURICH,
        recall=params["recall"],
        seed=seed,
        repeats=params["samples"],
    )


def synthetic_births(model: Model, params: Mapping[str, Any]) -> Comparison:
    """Compare the recipes on synthetic births: learnt on one cohort, judged on another one.

    The literature model is the truth here, and nothing can be better.
    """
    n, incidence, seed = (params["synthetic"][key] for key in ("births", "incidence", "seed"))
    learnt, judged = (synthetic.cohort(n, incidence=incidence, seed=s, model=model) for s in (seed, seed + 1))
    table, unseen = level_table(learnt.levels), level_table(judged.levels)
    own = external.risks(model, judged.levels, params["incidence"])
    set_to = external.risks(model, judged.levels, float(learnt.outcome.mean()))
    entries = [Entry(LITERATURE, LITERATURE_LABEL, own[None], set_to[None])]
    for recipe in progress(recipes(params, (), tuple(table)), "recipes on synthetic births", unit="recipe"):
        with watching.part(f"synthetic.{recipe.name}"):
            fitted = pipeline.fit(recipe, table, learnt.outcome)
        entries.append(
            Entry(recipe.name, label(recipe), fitted.raw(unseen)[None], fitted.probabilities(unseen)[None])
        )
    return comparison.compare(
        entries,
        judged.outcome,
        reference=LITERATURE,
        threshold=incidence,
        data=Text(
            f"{synthetic.LABEL.en}; learnt on {n:,} births, judged on as many others",
            f"{synthetic.LABEL.fr} ; appris sur {n} naissances, jugé sur autant d’autres",
        ),
        command=COMMAND,
        unit=UNIT,
        title=SYNTHETIC,
        synthetic=True,
        recall=params["recall"],
        seed=seed,
        repeats=params["samples"],
    )


def zurich_curves(model: Model, path: Path, *, repeats: int, seed: int) -> dict[str, Any]:
    """Return the curves of the literature model on Zurich, its incidence set to the cohort's own."""
    births = pd.read_csv(path)
    y = external.severe(births)
    incidence = float(y.mean())
    return curves.curves(
        y,
        external.risks(model, external.zurich_levels(model, births), incidence),
        threshold=round(incidence, 4),
        data=Text(
            "births in Zurich 2015–16, blood loss measured, 1000 mL or more; not fitted, incidence set to "
            "the cohort’s own",
            "accouchements à Zurich en 2015–16, pertes mesurées, 1000 mL ou plus ; modèle non ajusté, "
            "incidence réglée sur celle de la cohorte",
        ),
        unit=UNIT,
        repeats=repeats,
        seed=seed,
    )


def recipes(params: Mapping[str, Any], numbers: tuple[str, ...], categories: tuple[str, ...]) -> list[Recipe]:
    """Return the recipes of ``params.yaml`` on these columns."""
    return [
        Recipe.from_params(name, {**params["common"], **own}, numbers, categories)
        for name, own in params["recipes"].items()
    ]


def zurich_table(births: pd.DataFrame) -> Table:
    """Return the columns known at admission: floats with ``nan``, and codes."""
    return {
        **{name: births[name].to_numpy(dtype=float) for name in NUMBERS},
        **{name: births[name].to_numpy(dtype=object) for name in CATEGORIES},
    }


def level_table(levels: pd.DataFrame) -> Table:
    """Return the level codes per factor; what was not answered is a code of its own."""
    return {
        name: levels[name].replace(synthetic.UNKNOWN, MISSING_CODE).to_numpy(dtype=object) for name in levels
    }


def _literature(
    model: Model,
    levels: pd.DataFrame,
    y: np.ndarray,
    *,
    folds: int,
    repeats: int,
    seed: int,
    incidence: float,
) -> Entry:
    """The model at the package's incidence, and at the incidence of each training part."""
    set_to = np.empty((repeats, len(y)))
    for repeat, train, test in repeated(y, folds, repeats, seed):
        set_to[repeat, test] = external.risks(model, levels.iloc[test], float(y[train].mean()))
    return Entry(LITERATURE, LITERATURE_LABEL, external.risks(model, levels, incidence)[None], set_to)
