"""Train and judge the crash reference task."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ml.algorithms.accident_severity.contract import CONTRACT, LEAKS, check
from ml.contracts import Text
from ml.package import Metric, Package
from ml.tabular.preparation import Table, take
from ml.tabular.scoring import scorer
from ml.training import tabular, tracking
from ml.training.data import fingerprint, require
from ml.training.evaluation import Interval, as_metrics, binary_metrics, bootstrap, roc_auc
from ml.training.folds import held_out
from ml.training.pipeline import Recipe, TabularClassifier, fit_members
from ml.training.search import Found, search
from ml.training.selection import Candidate, judge, refit
from ml.training.thresholds import best_f1_threshold

FILE = "tabular/chicago_crashes_june_2019.csv.gz"
HINT = "It is the table “Traffic Crashes - Crashes” of the Chicago Data Portal, June 2019, as CSV."
COMMAND = "python -m ml evaluate accident_severity --data ../shared/data"
BASELINE = "random_forest_baseline"
# One crash of the table lies at 0° N 0° E: both values are refused and count as not given.
TOLERATED = 10

INTENDED_USE = Text(
    "Reference task that exercises the tabular engine; not for dispatch, insurance or policing.",
    "Tâche de référence qui éprouve le moteur tabulaire ; ni pour les secours, ni l’assurance, ni la police.",
)
LIMITS = (
    Text(
        "One month, one city: June 2019 in Chicago. Winter, other cities and later years were never seen.",
        "Un mois, une ville : juin 2019 à Chicago. L’hiver, les autres villes et années sont inconnus.",
    ),
    Text(
        "It describes reported crashes; it does not say what would have prevented an injury.",
        "Le modèle décrit les accidents signalés ; il ne dit pas ce qui aurait évité une blessure.",
    ),
    Text(
        "The primary cause is the judgement of the reporting officer, sometimes made after the injury.",
        "La cause principale est l’avis de l’agent, parfois donné après la blessure.",
    ),
)


def train(data: Path, out: Path, *, version: str, params: Mapping[str, Any]) -> Package:
    """Search, choose by out-of-fold log loss on 80 % of the crashes, and judge once on the other 20 %.

    Raises
    ------
    ml.training.data.DataMissing
        When the table is not below ``data``.
    """
    (path,) = require(data, FILE, hint=HINT)
    table, y = read(path)
    rows, _ = held_out(y, float(params["held_out"]), seed=int(params["seed"]))
    seen, labels = take(table, rows), y[rows]
    with tracking.run("accident_severity", f"train {version}", params=params) as run:
        run.data(fingerprint(path))
        found = search_xgboost(params, seen, labels)
        candidates = [judge(recipe, seen, labels) for recipe in recipes(params, found)]
        best = min(candidates, key=lambda c: c.loss)
        for candidate in candidates:
            run.metric(f"log_loss_{candidate.recipe.name}", candidate.loss)
        model = refit(best, seen, labels)
        training = describe_training(path, y, rows, params, found, candidates)
        package = tabular.write_package(out / "accident_severity" / version, CONTRACT, model, seen, training)
        package = tabular.with_metrics(
            package, [*evaluate(data, package), *comparison(model, params, table, y)]
        )
        tabular.champion(package.folder)
        run.metrics(package.metrics)
        run.package(package)
        tabular.log_model(model, seen)
    return package


def evaluate(data: Path, package: Package) -> list[Metric]:
    """Judge the package on the held-out crashes, which took no part in any choice."""
    (path,) = require(data, FILE, hint=HINT)
    table, y = read(path)
    params = package.manifest["training"]["params"]
    _, judged = held_out(y, float(params["held_out"]), seed=int(params["seed"]))
    p = scorer(package).probabilities(take(table, judged))
    threshold = package.thresholds["best_f1"]
    found = binary_metrics(y[judged], p, threshold)
    return as_metrics(
        found,
        data="Chicago crashes, June 2019, held-out 20 %, stratified",
        n=len(judged),
        command=COMMAND,
        unit="crashes",
        note=f"at threshold {threshold:.4f}, chosen for F1 out of fold on the other 80 %",
    )


def comparison(
    model: TabularClassifier, params: Mapping[str, Any], table: Table, y: np.ndarray
) -> list[Metric]:
    """Return the held-out area of the plain random forest, and how far the model is above it."""
    rows, judged = held_out(y, float(params["held_out"]), seed=int(params["seed"]))
    plain = fit_members(baseline(params), take(table, rows), y[rows])
    test = take(table, judged)
    ours, theirs = model.probabilities(test), plain.probabilities(test)
    found: dict[str, Interval] = {
        "roc_auc_baseline": binary_metrics(y[judged], theirs, 0.5)["roc_auc"],
        "roc_auc_above_baseline": bootstrap(
            lambda y, a, b: roc_auc(y, a) - roc_auc(y, b), y[judged], ours, theirs
        ),
    }
    return as_metrics(
        found,
        data="Chicago crashes, June 2019, held-out 20 %, stratified",
        n=len(judged),
        command="python -m ml train accident_severity --data ../shared/data",
        unit="crashes",
        note="baseline: random forest of 100 trees, scikit-learn's defaults, same features",
    )


def search_xgboost(params: Mapping[str, Any], seen: Table, labels: np.ndarray) -> Found:
    """Search XGBoost's parameters by out-of-fold log loss on training rows; trials go to MLflow."""
    return search(
        lambda tried: judge(_recipe("xgboost", {"xgboost": tried}, params), seen, labels).loss,
        params["search"]["space"],
        algorithm="accident_severity",
        trials=int(params["search"]["trials"]),
        seed=int(params["seed"]),
    )


def recipes(params: Mapping[str, Any], found: Found) -> list[Recipe]:
    """Return the recipes that compete: those of ``params.yaml``, the one found, and their vote."""
    named = {
        name: _recipe(name, own["members"], params, **_without_members(own))
        for name, own in params["recipes"].items()
    }
    searched = _recipe("xgboost_searched", {"xgboost": found.params}, params)
    voters = {name: own for recipe in (*named.values(), searched) for name, own in recipe.members.items()}
    return [*named.values(), searched, _recipe("vote", voters, params)]


def baseline(params: Mapping[str, Any]) -> Recipe:
    """Return the plain random forest every other recipe is compared with."""
    members = {"random_forest": params["baseline"]}
    return _recipe(BASELINE, members, params, calibration="none")


def read(path: Path) -> tuple[Table, np.ndarray]:
    """Return the typed columns and the labels: 1 when at least one person was injured.

    Crashes whose number of injured is not recorded are left out.
    """
    rows = [row for row in tabular.raw_rows(path) if row["INJURIES_TOTAL"]]
    y = np.array([float(row["INJURIES_TOTAL"]) > 0 for row in rows], dtype=int)
    names = [field.name for field in CONTRACT.fields]
    # The portal leaves the field empty where the officer ticked nothing.
    usable = [_usable(row) | {"INTERSECTION_RELATED_I": row["INTERSECTION_RELATED_I"] or "not_recorded"}
              for row in rows]  # fmt: skip
    return tabular.read_table(usable, check, names, tolerated=TOLERATED), y


def describe_training(
    path: Path,
    y: np.ndarray,
    rows: np.ndarray,
    params: Mapping[str, Any],
    found: Found,
    candidates: list[Candidate],
) -> tabular.Training:
    """Return what the manifest says of the training."""
    best = min(candidates, key=lambda c: c.loss)
    return tabular.Training(
        data={
            "name": "Chicago traffic crashes, June 2019",
            "source": "Chicago Data Portal, Traffic Crashes - Crashes (85ca-t3if)",
            "licence": "City of Chicago terms of use",
            "n": len(y),
            "n_training": len(rows),
            "events": int(y.sum()),
            "sha256": fingerprint(path),
        },
        params=params,
        notes={
            "search": {"params": found.params, "log_loss": round(found.score, 6), "trials": found.trials},
            "out_of_fold_log_loss": {c.recipe.name: round(c.loss, 6) for c in candidates},
        },
        thresholds={"best_f1": best_f1_threshold(y[rows], best.probabilities)},
        intended_use=INTENDED_USE,
        limits=LIMITS,
    )


def _recipe(name: str, members: Mapping[str, Any], params: Mapping[str, Any], **own: Any) -> Recipe:
    numbers, categories = tabular.columns_of(CONTRACT)
    given = {**params["common"], "seed": int(params["seed"]), **own, "members": members}
    return Recipe.from_params(name, given, numbers, categories)


def _without_members(own: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in own.items() if key != "members"}


def _usable(row: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in row.items() if key not in LEAKS}
