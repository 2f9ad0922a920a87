"""Every recipe of the engine: served as trained, resampled where allowed, the same twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from ml import runtime
from ml.tabular.scoring import runner
from ml.training import estimators, pipeline
from ml.training.calibration import ISOTONIC_CASES, KNOT_GAP, cross_fitted, fit_calibration, log_loss
from ml.training.evaluation import roc_auc
from ml.training.folds import repeated, stratified_folds
from ml.training.onnx_export import export
from ml.training.pipeline import Recipe, TabularClassifier, fit, fit_members, fit_preparation
from ml.training.resampling import RESAMPLERS, resample
from ml.training.trees import of_boosting, of_forest, of_xgboost

ROOT = Path(__file__).resolve().parents[1]
NUMBERS, CATEGORIES = ("dose", "age"), ("ward",)
MEMBERS = {
    "logistic": {},
    "random_forest": {"n_estimators": 40, "min_samples_leaf": 3},
    "gradient_boosting": {"n_estimators": 40},
    # Deep and fast learning on purpose: its probabilities come close to 0 and 1.
    "xgboost": {"n_estimators": 60, "max_depth": 6, "learning_rate": 0.3},
    "svm": {},
    "network": {"hidden": [8], "epochs": 8, "batch": 256, "learning_rate": 0.02},
}
TREES = {"random_forest": of_forest, "gradient_boosting": of_boosting, "xgboost": of_xgboost}


def cohort(n: int, seed: int = 5) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """A table with a known rule, some values missing, three events in ten."""
    rng = np.random.default_rng(seed)
    dose, age = rng.gamma(2, 3, n), rng.integers(20, 90, n).astype(float)
    ward = rng.choice(["a", "b", "c", "rare"], n, p=[0.5, 0.3, 0.19, 0.01]).astype(object)
    odds = -3 + 0.25 * dose + 0.02 * (age - 50) + 1.0 * (ward == "b")
    y = (rng.random(n) < 1 / (1 + np.exp(-odds))).astype(int)
    dose[rng.random(n) < 0.05] = np.nan
    ward[rng.random(n) < 0.05] = None
    return {"dose": dose, "age": age, "ward": ward}, y


@pytest.fixture(scope="module")
def simulated() -> tuple[dict[str, np.ndarray], np.ndarray]:
    return cohort(3000)


def recipe(numbers=NUMBERS, categories=CATEGORIES, **own) -> Recipe:
    given = {"members": {"logistic": {}}, "calibration_folds": 3, "outliers": "none", **own}
    return Recipe.from_params("test", given, numbers, categories)


def far_out(table: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The table and rows nobody would believe."""
    odd = np.array([1e30, -1e30, 1e9, -1e9, 1e4, -1e4, 0, 1e-30, np.nan])
    wards = np.array([None, "never seen", "b"] * 3, dtype=object)
    return {
        "dose": np.r_[table["dose"], odd],
        "age": np.r_[table["age"], odd[::-1]],
        "ward": np.r_[table["ward"], wards],
    }


def on_boundaries(model: TabularClassifier, features: np.ndarray) -> np.ndarray:
    """Rows that lie on the thresholds of the trees, and one step of float32 to either side."""
    rows = []
    for name, member in zip(model.recipe.members, model.members, strict=True):
        if name not in TREES:
            continue
        for tree in TREES[name](member).trees[:8]:
            for column, threshold in zip(tree.feature, tree.threshold, strict=True):
                at = np.float32(threshold)
                for value in (
                    np.nextafter(at, np.float32(-np.inf)),
                    at,
                    np.nextafter(at, np.float32(np.inf)),
                ):
                    row = features[len(rows) % len(features)].copy()
                    row[max(column, 0)] = value
                    rows.append(row)
    return np.array(rows, dtype=np.float32).reshape(-1, features.shape[1])


@pytest.mark.parametrize("member", [*MEMBERS, pytest.param("vote", marks=pytest.mark.long)])
def test_onnx_equals_python_on_the_whole_cohort_and_far_beyond(simulated, member):
    table, y = simulated
    members = MEMBERS if member == "vote" else {member: MEMBERS[member]}
    weights = dict(zip(members, range(1, 7), strict=False)) if member == "vote" else {}
    members_fit = fit_members(recipe(members=members, weights=weights, resampler="class_weights"), table, y)
    features = members_fit.preparation.transform(far_out(table))
    features = np.concatenate([features, on_boundaries(members_fit, features)])
    for how in ("sigmoid", "isotonic"):
        # Members judge rows they know by heart: votes near 0 and 1, the worst case for a log odds.
        curve = fit_calibration(how, members_fit.raw(table), y)
        model = pipeline.replace(members_fit, calibration=curve)
        served = runner(export(model).SerializeToString())(features)
        expected = curve.apply(model.votes(features))
        assert np.isfinite(expected).all()
        assert np.abs(served - expected).max() < 1e-5


@pytest.mark.parametrize(
    "members",
    [
        {"random_forest": {"n_estimators": 50, "max_depth": 2, "class_weight": {0: 1, 1: 100000}}},
        {"logistic": {"class_weight": {0: 1, 1: 100000}}},
        {"xgboost": {"n_estimators": 40, "max_depth": 2, "scale_pos_weight": 100000}},
    ],
)
def test_onnx_keeps_the_digits_of_votes_near_one(members):
    rng = np.random.default_rng(6)
    a = rng.normal(size=6000)
    table = {"a": a, "b": rng.normal(size=6000)}
    y = (rng.random(6000) < np.where(a > 1.5, 0.3, 0.001)).astype(int)
    # Events weighed heavily make votes of 0.9999: float32 keeps few digits of what is missing to 1.
    model = fit(recipe(("a", "b"), (), members=members), table, y)
    assert ((model.raw(table) > 0.999) & (model.probabilities(table) < 0.5)).any()
    served = runner(export(model).SerializeToString())(model.preparation.transform(table))
    assert np.abs(served - model.probabilities(table)).max() < 1e-5


@pytest.mark.parametrize("kind", ["mutual_information", "l1"])
def test_selected_features_are_few_informative_and_served(kind):
    table, y = cohort(1500)
    rng = np.random.default_rng(1)
    noise = {f"noise{i}": rng.normal(size=len(y)) for i in range(6)}
    chosen = recipe(
        ("dose", *noise), CATEGORIES, selection={"kind": kind, "keep": 2}, calibration="sigmoid", min_count=30
    )
    model = fit(chosen, table | noise, y)
    assert model.preparation.features == ("dose", "ward=b")
    served = runner(export(model).SerializeToString())(model.preparation.transform(table | noise))
    assert served == pytest.approx(model.probabilities(table | noise), abs=1e-5)


def test_feature_selection_is_learnt_inside_each_fold():
    rng = np.random.default_rng(3)
    n = 200
    noise = {f"noise{i}": rng.normal(size=n) for i in range(200)}
    y = np.arange(n) % 2
    chosen = recipe(
        tuple(noise),
        (),
        selection={"kind": "l1", "keep": 5},
        members={"logistic": {"C": 0.1}},
    )
    # Selected on all rows, five of 200 columns of noise seem to predict in folds of any kind.
    kept = fit_members(chosen, noise, y).preparation.kept
    flattered = pipeline.out_of_fold_votes(recipe(kept, (), members=chosen.members), noise, y)
    honest = pipeline.out_of_fold_votes(chosen, noise, y)
    assert roc_auc(y, honest) < 0.55 < 0.65 < roc_auc(y, flattered)


class Recorder(LogisticRegression):
    """A logistic regression that keeps what it was fitted on and asked about."""

    calls: list[tuple] = []

    def fit(self, X, y, sample_weight=None, aside=None):
        self.calls.append(("fit", X, y, aside))
        return super().fit(X, y, sample_weight=sample_weight)

    def predict_proba(self, X):
        self.calls.append(("judge", X, None, None))
        return super().predict_proba(X)


@pytest.fixture
def calls(monkeypatch) -> list[tuple]:
    monkeypatch.setitem(estimators.ESTIMATORS, "recorder", f"{__name__}.Recorder")
    monkeypatch.setattr(Recorder, "calls", [])
    return Recorder.calls


@pytest.mark.parametrize("how", RESAMPLERS)
def test_nothing_of_a_judged_row_reaches_the_rows_learnt_from(calls, how):
    table, y = cohort(900)
    chosen = recipe(
        ("row", "in_fold_0", "in_fold_1", "in_fold_2"),
        CATEGORIES,
        members={"recorder": {"max_iter": 5000}},
        resampler=how,
        scaling="none",
        calibration_folds=3,
    )
    folds = list(stratified_folds(y, 3, seed=chosen.seed))
    marks = {"row": np.arange(900) / 900}
    for k, (_, test) in enumerate(folds):
        # An invented row between two others carries a share of their marks.
        marks[f"in_fold_{k}"] = np.isin(np.arange(900), test).astype(float)
    fit(chosen, {**marks, "ward": table["ward"]}, y)
    assert [call[0] for call in calls] == ["fit", "judge"] * 3 + ["fit"]
    for k, (train, test) in enumerate(folds):
        (_, learnt, labels, _), (_, judged, _, _) = calls[2 * k : 2 * k + 2]
        assert learnt[:, 1 + k].max() == 0
        assert learnt[:, 1:4].sum(axis=1) == pytest.approx(1)
        assert np.rint(judged[:, 0] * 900).astype(int).tolist() == test.tolist()
        assert y[test].mean() == pytest.approx(y.mean(), abs=0.005)
        if how in ("smote", "smotenc", "undersampling"):
            assert labels.mean() == 0.5
        if how in ("none", "class_weights"):
            assert len(labels) == len(train)


def test_rows_that_stop_a_network_are_natural_and_whole_groups(calls, monkeypatch):
    monkeypatch.setattr(pipeline, "STOPPING_EARLY", frozenset({"recorder"}))
    table, y = cohort(900)
    groups = np.arange(900) // 3
    table = {"row": np.arange(900.0), **table}
    chosen = recipe(("row",), (), members={"recorder": {}}, resampler="smote", scaling="none")
    fit_members(chosen, table, y, groups)
    ((_, learnt, labels, aside),) = calls
    stop = aside.features[:, 0].astype(int)
    assert aside.labels.tolist() == y[stop].tolist()
    assert aside.weights[aside.labels == 1].sum() == pytest.approx(aside.weights[aside.labels == 0].sum())
    natural = learnt[: 900 - len(stop), 0].astype(int)
    assert sorted([*natural, *stop]) == list(range(900))
    assert not set(groups[natural]) & set(groups[stop])
    assert labels.mean() == 0.5


def test_smotenc_gives_every_synthetic_row_one_level_where_smote_mixes_them():
    table, y = cohort(900)
    prepared = fit_preparation(recipe(), table, y)
    levels = [i for i, name in enumerate(prepared.features) if name.startswith("ward=")]
    nominal = resample(prepared, table, y, "smotenc", 0).features[:, levels]
    assert set(np.unique(nominal)) == {0, 1}
    assert nominal.sum(axis=1).max() == 1
    assert not np.isin(resample(prepared, table, y, "smote", 0).features[:, levels], (0, 1)).all()
    for numbers, categories in ((NUMBERS, ()), ((), CATEGORIES)):
        alone = fit_preparation(recipe(numbers, categories), table, y)
        assert resample(alone, table, y, "smotenc", 0).labels.mean() == 0.5


@pytest.mark.parametrize("how", ["smote", "smotenc", "smoteenn"])
def test_few_cases_mean_fewer_neighbours_and_one_case_a_sentence(how):
    table, _ = cohort(200)
    y = np.zeros(200, dtype=int)
    y[:3] = 1
    prepared = fit_preparation(recipe(), table, y)
    assert resample(prepared, table, y, how, 0).labels.sum() > 100
    y[1:3] = 0
    with pytest.raises(ValueError, match="at least 2 of the rarer class, got 1: choose class_weights"):
        resample(prepared, table, y, how, 0)
    with pytest.raises(ValueError, match="cases of both classes"):
        resample(prepared, table, np.zeros(200, dtype=int), how, 0)


def test_class_weights_balance_and_undersampling_halves():
    table, y = cohort(300)
    prepared = fit_preparation(recipe(), table, y)
    weighted = resample(prepared, table, y, "class_weights", 0)
    assert weighted.weights[y == 1].sum() == pytest.approx(weighted.weights[y == 0].sum())
    assert len(resample(prepared, table, y, "undersampling", 0).labels) == 2 * y.sum()
    with pytest.raises(ValueError, match="unknown resampler"):
        resample(prepared, table, y, "bootstrap", 0)


def test_isotonic_mends_a_bent_score_and_refuses_few_cases():
    rng = np.random.default_rng(2)
    truth = rng.uniform(0.02, 0.6, 6000)
    y = (rng.random(6000) < truth).astype(int)
    bent = np.where(truth < 0.2, truth / 20, truth**0.2)
    learnt, judged = np.arange(6000) % 2 == 0, np.arange(6000) % 2 == 1
    isotonic = fit_calibration("isotonic", bent[learnt], y[learnt])
    sigmoid = fit_calibration("sigmoid", bent[learnt], y[learnt])
    mended = isotonic.apply(bent[judged])
    assert log_loss(mended, y[judged]) < log_loss(sigmoid.apply(bent[judged]), y[judged])
    assert np.abs(mended - truth[judged]).mean() < 0.03
    assert (np.diff(isotonic.probabilities) >= 0).all()
    assert (np.diff(isotonic.log_odds) >= KNOT_GAP).all()
    few = np.flatnonzero(y)[: ISOTONIC_CASES - 1]
    rows = np.r_[few, np.flatnonzero(y == 0)]
    with pytest.raises(ValueError, match=f"at least {ISOTONIC_CASES} events .* got {ISOTONIC_CASES - 1}"):
        fit_calibration("isotonic", bent[rows], y[rows])


def test_a_curve_is_not_judged_on_the_rows_it_was_fitted_to():
    rng = np.random.default_rng(4)
    p, y = rng.uniform(0.05, 0.95, 800), (rng.random(800) < 0.5).astype(int)
    null = log_loss(np.full(800, y.mean()), y)
    assert log_loss(fit_calibration("isotonic", p, y).apply(p), y) < null
    assert log_loss(cross_fitted("isotonic", p, y, stratified_folds(y, 2, seed=0)), y) > null


@pytest.mark.parametrize("seed", range(8))
def test_a_group_is_never_on_both_sides(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(60, 400))
    groups = rng.integers(0, max(20, n // 3), n)
    y = (rng.random(n) < 0.4).astype(int)
    folds, repeats = 4, 3
    judged = np.zeros((repeats, n), dtype=int)
    for repeat, train, test in repeated(y, folds, repeats, seed, groups):
        assert not set(groups[train]) & set(groups[test])
        judged[repeat, test] += 1
    assert (judged == 1).all()
    splits = [test.tolist() for _, _, test in repeated(y, folds, repeats, seed, groups)]
    assert splits == [test.tolist() for _, _, test in repeated(y, folds, repeats, seed, groups)]
    assert splits[:folds] != splits[folds : 2 * folds]


def test_groups_hold_in_calibration_and_nested_fits(calls):
    table, y = cohort(600)
    groups = np.arange(600) // 2
    table = {"row": np.arange(600.0), **table}
    chosen = recipe(("row",), (), members={"recorder": {}}, scaling="none", resampler="undersampling")
    fit(chosen, table, y, groups)
    for (_, learnt, _, _), (_, judged, _, _) in zip(calls[:-1:2], calls[1::2], strict=True):
        assert not set(groups[learnt[:, 0].astype(int)]) & set(groups[judged[:, 0].astype(int)])


def test_too_few_cases_for_the_folds_is_a_sentence():
    table, y = cohort(100)
    y[:] = 0
    y[:2] = 1
    with pytest.raises(ValueError, match="3 folds need at least 3 rows of class 1, got 2"):
        fit(recipe(), table, y)


TWICE = """
import hashlib, json, sys
from ml.training.onnx_export import export
from ml.training.pipeline import fit
from tests.test_training_engine_recipes import MEMBERS, cohort, recipe
table, y = cohort(1200)
members = {name: MEMBERS[name] for name in sys.argv[1].split(",")}
for own in map(json.loads, sys.argv[2:]):
    model = fit(recipe(members=members, calibration_folds=2, **own), table, y)
    print(hashlib.sha256(export(model).SerializeToString(deterministic=True)).hexdigest())
"""


@pytest.mark.parametrize(
    ("members", "recipes"),
    [
        (
            "logistic,random_forest,gradient_boosting,xgboost,svm",
            [{"resampler": "smotenc"}, {"resampler": "smoteenn", "selection": {"kind": "l1", "keep": 3}}],
        ),
        pytest.param("network", [{"resampler": "smote", "calibration": "none"}], marks=pytest.mark.long),
    ],
)
def test_two_processes_make_the_same_bytes(members, recipes):
    # With as many threads as the machine has cores, as a training has them, and not the one of the tests.
    outer = {name: value for name, value in os.environ.items() if name not in runtime.THREADS}
    processes = [
        subprocess.Popen(
            (sys.executable, "-c", TWICE, members, *map(json.dumps, recipes)),
            cwd=ROOT,
            env=outer | {"PYTHONHASHSEED": seed},
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in ("1", "2")
    ]
    first, second = (process.communicate(timeout=300)[0] for process in processes)
    assert len(set(first.split())) == len(recipes)
    assert first == second


def test_only_a_recipe_that_names_the_network_imports_tensorflow():
    program = (
        "import sys; from ml.training import onnx_export, selection; "
        "from ml.training.estimators import make; make('svm', {}, 0); print('tensorflow' in sys.modules)"
    )
    done = subprocess.run(
        (sys.executable, "-c", program), cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


def test_an_svm_alone_must_be_calibrated():
    with pytest.raises(ValueError, match="svm gives margins, not probabilities: choose calibration"):
        recipe(members={"svm": {}}, calibration="none")
    with pytest.raises(ValueError, match="kernel must be one of rbf, linear"):
        fit(recipe(members={"svm": {"kernel": "poly"}}), *cohort(100))
