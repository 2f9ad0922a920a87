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
from ml.training import tabular, tracking
from ml.training.data import fingerprint, require
from ml.training.evaluation import as_metrics, binary_metrics
from ml.training.pipeline import Recipe
from ml.training.selection import NestedRecord, judge, nested, refit
from ml.training.thresholds import CostMatrix

FILE = "tabular/german_credit.csv.gz"
HINT = "It is the Statlog German credit data of the UCI repository, as CSV with a column `creditability`."
COMMAND = "python -m ml evaluate german_credit --data ../shared/data"

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


def train(data: Path, out: Path, *, version: str, params: Mapping[str, Any]) -> Package:
    """Choose a recipe by out-of-fold log loss, fit it on all rows and write ``out/german_credit/<version>/``.

    Raises
    ------
    ml.training.data.DataMissing
        When the table is not below ``data``.
    """
    (path,) = require(data, FILE, hint=HINT)
    table, y = read(path)
    costs = CostMatrix.from_params(params["costs"])
    with tracking.run("german_credit", f"train {version}", params=params) as run:
        run.data(fingerprint(path))
        candidates = [judge(recipe, table, y) for recipe in recipes(params)]
        best = min(candidates, key=lambda c: c.loss)
        for candidate in candidates:
            run.metric(f"log_loss_{candidate.recipe.name}", candidate.loss)
        model = refit(best, table, y)
        training = tabular.Training(
            data=about_data(path, y),
            params=params,
            notes={
                "out_of_fold_log_loss": {c.recipe.name: round(c.loss, 6) for c in candidates},
                "cheapest_threshold_out_of_fold": round(costs.best_threshold(y, best.probabilities), 6),
            },
            thresholds={"costs": costs.threshold},
            intended_use=INTENDED_USE,
            limits=LIMITS,
        )
        package = tabular.write_package(out / "german_credit" / version, CONTRACT, model, table, training)
        package = tabular.with_metrics(package, figures(table, y, params)[0])
        tabular.champion(package.folder)
        run.metrics(package.metrics)
        run.package(package)
        tabular.log_model(model, table)
    return package


def evaluate(data: Path, package: Package) -> list[Metric]:
    """Judge the procedure that made the package by nested cross-validation: no row is held out."""
    (path,) = require(data, FILE, hint=HINT)
    return figures(*read(path), package.manifest["training"]["params"])[0]


def figures(table: Table, y: np.ndarray, params: Mapping[str, Any]) -> tuple[list[Metric], NestedRecord]:
    """Return the figures of nested cross-validation, and its record."""
    costs = CostMatrix.from_params(params["costs"])
    folds, repeats = int(params["nested"]["folds"]), int(params["nested"]["repeats"])
    record = nested(recipes(params), table, y, folds=folds, repeats=repeats, seed=int(params["seed"]))
    chosen = ", ".join(f"{name} {count}" for name, count in record.chosen.most_common())
    found = binary_metrics(y, record.probabilities, costs.threshold, costs=costs)
    metrics = as_metrics(
        found,
        data=f"Statlog German credit, nested cross-validation {folds}-fold × {repeats}",
        n=len(y),
        command=COMMAND,
        unit="applicants",
        note=f"at threshold {costs.threshold:.4f}; recipes chosen: {chosen}",
    )
    return metrics, record


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


def about_data(path: Path, y: np.ndarray) -> dict[str, Any]:
    """Return what the manifest says of the training data."""
    return {
        "name": "Statlog German credit",
        "source": "UCI Machine Learning Repository, doi 10.24432/C5NC77",
        "licence": "CC BY 4.0",
        "n": len(y),
        "events": int(y.sum()),
        "sha256": fingerprint(path),
    }
