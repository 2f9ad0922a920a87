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
from ml.training import comparison, curves, tabular, tracking
from ml.training.comparison import Entry
from ml.training.data import code, fingerprint, require
from ml.training.evaluation import Interval, as_metrics, binary_metrics, bootstrap, roc_auc
from ml.training.folds import held_out
from ml.training.pipeline import Recipe, TabularClassifier, fit_members
from ml.training.search import Found, search
from ml.training.selection import Candidate, judge, refit, running_scores
from ml.training.threads import one_thread
from ml.training.thresholds import best_f1_threshold
from ml.training.wording import label

FILE = "tabular/chicago_crashes_june_2019.csv.gz"
HINT = "It is the table “Traffic Crashes - Crashes” of the Chicago Data Portal, June 2019, as CSV."
EVALUATE = "python -m ml evaluate accident_severity --data ../shared/data"
TRAIN = "python -m ml train accident_severity --data ../shared/data"
UNIT = Text("crashes", "accidents")
HELD_OUT = Text(
    "Chicago crashes, June 2019, held-out 20 %, stratified",
    "Accidents de Chicago, juin 2019, 20 % mis de côté, stratifiés",
)
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


@one_thread
def train(data: Path, out: Path, *, version: str, params: Mapping[str, Any]) -> Package:
    """Search, choose by out-of-fold log loss on 80 % of the crashes, and judge once on the other 20 %.

    Raises
    ------
    ml.training.data.DataMissing
        When the table is not below ``data``.
    """
    (path,) = require(data, FILE, hint=HINT)
    table, y = read(path)
    rows, _ = split(y, params)
    seen, labels = take(table, rows), y[rows]
    with tracking.run("accident_severity", f"train {version}", params=params) as run:
        run.data(fingerprint(path), path.name)
        found = {kind: searched(kind, params, seen, labels, fingerprint(path)) for kind in params["search"]}
        candidates = [judge(recipe, seen, labels) for recipe in recipes(params, found)]
        for candidate in candidates:
            run.metric(f"log_loss_{candidate.recipe.name}", candidate.loss)
        models = {c.recipe.name: refit(c, seen, labels) for c in candidates}
        best = min(candidates, key=lambda c: c.loss).recipe.name
        training = about_training(path, y, rows, params, found, candidates)
        package = tabular.write_package(
            out / "accident_severity" / version, CONTRACT, models[best], seen, training
        )
        plain = fit_members(baseline(params), seen, labels)
        package = tabular.complete(
            package,
            [*evaluate(data, package), *above_baseline(models[best], plain, params, table, y)],
            documents(package, {BASELINE: plain, **models}, params, table, y),
        )
        tabular.champion(package.folder)
        run.package(package)
    return package


@one_thread
def evaluate(data: Path, package: Package) -> list[Metric]:
    """Judge the package on the held-out crashes, which took no part in any choice."""
    (path,) = require(data, FILE, hint=HINT)
    table, y = read(path)
    _, judged = split(y, package.manifest["training"]["params"])
    p = scorer(package).probabilities(take(table, judged))
    threshold = package.thresholds["best_f1"]
    return as_metrics(
        binary_metrics(y[judged], p, threshold),
        data=HELD_OUT.en,
        n=len(judged),
        command=EVALUATE,
        unit=UNIT.en,
        note=f"at threshold {threshold:.4f}, chosen for F1 out of fold on the other 80 %",
    )


def above_baseline(
    model: TabularClassifier,
    plain: TabularClassifier,
    params: Mapping[str, Any],
    table: Table,
    y: np.ndarray,
) -> list[Metric]:
    """Return the held-out area of the plain random forest, and how far the model is above it."""
    _, judged = split(y, params)
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
        data=HELD_OUT.en,
        n=len(judged),
        command=TRAIN,
        unit=UNIT.en,
        note="baseline: random forest of 100 trees, scikit-learn's defaults, same features",
    )


def documents(
    package: Package,
    models: Mapping[str, TabularClassifier],
    params: Mapping[str, Any],
    table: Table,
    y: np.ndarray,
) -> dict[str, Any]:
    """Return the package's further files: the curves behind the figures, and the table of the recipes.

    Every recipe was fitted, and the winner chosen, before any of them saw the held-out crashes.
    """
    _, judged = split(y, params)
    test, labels = take(table, judged), y[judged]
    threshold = package.thresholds["best_f1"]
    entries = [
        Entry(name, _label(name, model), model.raw(test)[None], model.probabilities(test)[None])
        for name, model in models.items()
    ]
    compared = comparison.compare(
        entries, labels, reference=BASELINE, threshold=threshold, data=HELD_OUT, command=TRAIN, unit=UNIT
    )
    p = scorer(package).probabilities(test)
    drawn = curves.curves(labels, p, threshold=threshold, data=HELD_OUT, unit=UNIT)
    return {curves.FILE: drawn, comparison.FILE: comparison.document([compared])}


def searched(kind: str, params: Mapping[str, Any], seen: Table, labels: np.ndarray, data: str) -> Found:
    """Search one estimator's parameters out of fold on training rows; trials go to MLflow.

    Parameters
    ----------
    kind
        Estimator, a key of ``params["search"]``.
    data
        Fingerprint of the table: a search broken off is resumed only on the same data and code.
    """
    asked = params["search"][kind]
    return search(
        lambda tried: running_scores(
            _recipe(kind, {kind: tried}, params), seen, labels, metric=asked["metric"]
        ),
        asked["space"],
        algorithm="accident_severity",
        trials=int(asked["trials"]),
        seed=int(params["seed"]),
        metric=asked["metric"],
        sampler=asked["sampler"],
        study=kind,
        about={"data": data, "common": params["common"], "held_out": params["held_out"], "code": code()},
    )


def recipes(params: Mapping[str, Any], found: Mapping[str, Found]) -> list[Recipe]:
    """Return the recipes that compete: those of ``params.yaml``, those found, and a vote.

    The forest in the vote is the compact one of ``params.yaml``: the one found is many times larger.
    """
    named = {
        name: _recipe(name, own["members"], params, **_without_members(own))
        for name, own in params["recipes"].items()
    }
    best = {kind: _recipe(f"{kind}_searched", {kind: of.params}, params) for kind, of in found.items()}
    voters = {
        name: own for recipe in (*named.values(), best["xgboost"]) for name, own in recipe.members.items()
    }
    return [*named.values(), *best.values(), _recipe("vote", voters, params)]


def baseline(params: Mapping[str, Any]) -> Recipe:
    """Return the plain random forest every other recipe is compared with."""
    members = {"random_forest": params["baseline"]}
    return _recipe(BASELINE, members, params, calibration="none")


def read(path: Path) -> tuple[Table, np.ndarray]:
    """Return the typed columns and the labels: 1 when at least one person was injured.

    Crashes whose number of injured is not recorded are left out.
    """
    usable, y = usable_rows(path)
    names = [field.name for field in CONTRACT.fields]
    return tabular.read_table(usable, check, names, tolerated=TOLERATED), y


def usable_rows(path: Path) -> tuple[list[dict[str, str]], np.ndarray]:
    """Return the crashes as the contract takes them, and their labels; see :func:`read`."""
    rows = [row for row in tabular.raw_rows(path) if row["INJURIES_TOTAL"]]
    y = np.array([float(row["INJURIES_TOTAL"]) > 0 for row in rows], dtype=int)
    # The portal leaves the field empty where the officer ticked nothing.
    usable = [_usable(row) | {"INTERSECTION_RELATED_I": row["INTERSECTION_RELATED_I"] or "not_recorded"}
              for row in rows]  # fmt: skip
    return usable, y


def split(y: np.ndarray, params: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of every choice, and those held out."""
    return held_out(y, float(params["held_out"]), seed=int(params["seed"]))


def about_training(
    path: Path,
    y: np.ndarray,
    rows: np.ndarray,
    params: Mapping[str, Any],
    found: Mapping[str, Found],
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
            "search": {
                kind: {
                    "params": of.params,
                    params["search"][kind]["metric"]: round(of.score, 6),
                    "trials": of.trials,
                    "pruned": of.pruned,
                }
                for kind, of in found.items()
            },
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


def _label(name: str, model: TabularClassifier) -> Text:
    words = label(model.recipe)
    if name == BASELINE:
        return Text(f"{words.en}, 100 trees, defaults", f"{words.fr}, 100 arbres, réglages par défaut")
    if name in ("random_forest_searched", "xgboost_searched"):
        return Text(f"{words.en}, searched", f"{words.fr}, réglages cherchés")
    return words


def _without_members(own: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in own.items() if key != "members"}


def _usable(row: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in row.items() if key not in LEAKS}
