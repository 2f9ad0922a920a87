"""Train and judge the credit reference task: ``python -m ml train german_credit --data ../shared/data``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ml.algorithms.german_credit.contract import CONTRACT, check
from ml.contracts import Text
from ml.package import Metric, Package
from ml.tabular.preparation import Table
from ml.training import comparison, curves, tabular, tracking
from ml.training.comparison import Comparison
from ml.training.data import fingerprint, require
from ml.training.evaluation import as_metrics, binary_metrics
from ml.training.pipeline import Recipe
from ml.training.selection import Candidate, NestedRecord, judge, nested, refit
from ml.training.threads import one_thread
from ml.training.thresholds import CostMatrix
from ml.training.wording import label

FILE = "tabular/german_credit.csv.gz"
HINT = "It is the Statlog German credit data of the UCI repository, as CSV with a column `creditability`."
EVALUATE = "python -m ml evaluate german_credit --data ../shared/data"
TRAIN = "python -m ml train german_credit --data ../shared/data"
UNIT = Text("applicants", "demandeurs")

INTENDED_USE = Text(
    "Reference task that exercises the tabular engine; not for decisions about people.",
    "Tâche de référence qui éprouve le moteur tabulaire ; ne sert à décider de personne.",
)
LIMITS = (
    Text(
        "A thousand credits of one German bank from 1973 to 1975; prices, law and people have changed.",
        "Mille crédits d’une banque allemande de 1973 à 1975 ; les prix, le droit et les gens ont changé.",
    ),
    Text(
        "Bad credits were over-sampled to 30 %, so the probabilities hold for no real portfolio.",
        "Les mauvais crédits ont été suréchantillonnés à 30 % : les probabilités ne valent pour aucun "
        "portefeuille réel.",
    ),
    Text(
        "Known coding errors of the table (Grömping 2019) are left as published.",
        "Les erreurs de codage connues de la table (Grömping 2019) sont laissées telles que publiées.",
    ),
)


@one_thread
def train(data: Path, out: Path, *, version: str, params: Mapping[str, Any]) -> Package:
    """Choose a recipe by out-of-fold log loss, fit it on all rows and write ``out/german_credit/<version>/``.

    Raises
    ------
    ml.training.data.DataMissing
        When the table is not below ``data``.
    """
    (path,) = require(data, FILE, hint=HINT)
    table, y = read(path)
    with tracking.run("german_credit", f"train {version}", params=params) as run:
        run.data(fingerprint(path), path.name)
        candidates = [judge(recipe, table, y) for recipe in recipes(params)]
        for candidate in candidates:
            run.metric(f"log_loss_{candidate.recipe.name}", candidate.loss)
        best = min(candidates, key=lambda c: c.loss)
        model = refit(best, table, y)
        training = about_training(path, y, params, candidates)
        record = judge_procedure(table, y, params)
        metrics, beside = figures(y, record, params), documents(table, y, record, params)
        package = tabular.write_package(out / "german_credit" / version, CONTRACT, model, table, training)
        package = tabular.complete(package, metrics, beside)
        tabular.champion(package.folder)
        run.package(package)
    return package


@one_thread
def evaluate(data: Path, package: Package) -> list[Metric]:
    """Judge the procedure that made the package by nested cross-validation: no row is held out."""
    (path,) = require(data, FILE, hint=HINT)
    table, y = read(path)
    params = package.manifest["training"]["params"]
    return figures(y, judge_procedure(table, y, params), params)


def judge_procedure(table: Table, y: np.ndarray, params: Mapping[str, Any]) -> NestedRecord:
    """Return the record of nested cross-validation: recipe, curve and fit chosen anew in every outer fold."""
    return nested(recipes(params), table, y, **params["nested"], seed=int(params["seed"]))


def figures(y: np.ndarray, record: NestedRecord, params: Mapping[str, Any]) -> list[Metric]:
    """Return the figures of nested cross-validation at the threshold of least expected cost."""
    costs = CostMatrix.from_params(params["costs"])
    chosen = ", ".join(f"{name} {count}" for name, count in record.chosen.most_common())
    return as_metrics(
        binary_metrics(y, record.probabilities, costs.threshold, costs=costs),
        data=f"Statlog German credit, {_nested(params).en}",
        n=len(y),
        command=EVALUATE,
        unit=UNIT.en,
        note=f"at threshold {costs.threshold:.4f}; recipes chosen: {chosen}",
    )


def documents(table: Table, y: np.ndarray, record: NestedRecord, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the package's further files: the curves behind the figures, and the table of the recipes."""
    costs = CostMatrix.from_params(params["costs"])
    drawn = curves.curves(
        y, record.probabilities, threshold=costs.threshold, costs=costs, data=_nested(params), unit=UNIT
    )
    return {curves.FILE: drawn, comparison.FILE: comparison.document([compared(table, y, params, costs)])}


def compared(table: Table, y: np.ndarray, params: Mapping[str, Any], costs: CostMatrix) -> Comparison:
    """Judge every recipe by itself on the same folds, and against the reference."""
    folds, repeats = int(params["comparison"]["folds"]), int(params["comparison"]["repeats"])
    entries = [
        comparison.out_of_fold(
            recipe, table, y, label=label(recipe), folds=folds, repeats=repeats, seed=int(params["seed"])
        )
        for recipe in recipes(params)
    ]
    return comparison.compare(
        entries,
        y,
        reference=params["comparison"]["reference"],
        threshold=costs.threshold,
        data=Text(
            f"Statlog German credit, {folds}-fold cross-validation × {repeats}",
            f"Statlog German credit, validation croisée à {folds} blocs × {repeats}",
        ),
        command=TRAIN,
        unit=UNIT,
        costs=costs,
    )


def recipes(params: Mapping[str, Any]) -> list[Recipe]:
    """Return the recipes of ``params.yaml`` that compete."""
    numbers, categories = tabular.columns_of(CONTRACT)
    used = tuple(name for name in categories if name not in params["excluded"])
    common = {**params["common"], "seed": int(params["seed"])}
    return [
        Recipe.from_params(name, {**common, **own}, numbers, used) for name, own in params["recipes"].items()
    ]


def read(path: Path) -> tuple[Table, np.ndarray]:
    """Return the typed columns and the labels: 1 for a bad credit."""
    rows = list(tabular.raw_rows(path))
    y = np.array([row.pop("creditability") == "bad" for row in rows], dtype=int)
    names = [field.name for field in CONTRACT.fields]
    return tabular.read_table(rows, check, names), y


def about_training(
    path: Path, y: np.ndarray, params: Mapping[str, Any], candidates: list[Candidate]
) -> tabular.Training:
    """Return what the manifest says of the training."""
    costs = CostMatrix.from_params(params["costs"])
    best = min(candidates, key=lambda c: c.loss)
    return tabular.Training(
        data={
            "name": "Statlog German credit",
            "source": "UCI Machine Learning Repository, doi 10.24432/C5NC77",
            "licence": "CC BY 4.0",
            "n": len(y),
            "events": int(y.sum()),
            "sha256": fingerprint(path),
        },
        params=params,
        notes={
            "out_of_fold_log_loss": {c.recipe.name: round(c.loss, 6) for c in candidates},
            "cheapest_threshold_out_of_fold": round(costs.best_threshold(y, best.probabilities), 6),
        },
        thresholds={"costs": costs.threshold},
        intended_use=INTENDED_USE,
        limits=LIMITS,
    )


def _nested(params: Mapping[str, Any]) -> Text:
    return Text(
        "nested cross-validation {folds}-fold × {repeats}",
        "validation croisée imbriquée {folds} blocs × {repeats}",
    ).format(**params["nested"])
