"""The tabular engine on simulated tables: nothing leaks, nothing changes on the way to ONNX."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
import shap

from ml.tabular import preparation
from ml.tabular.preparation import Derived, Preparation, take
from ml.tabular.scoring import INPUT, OUTPUT, runner
from ml.tabular.shapley import sampled
from ml.training.evaluation import binary_metrics, logit
from ml.training.folds import held_out, stratified_folds
from ml.training.onnx_export import export
from ml.training.pipeline import Recipe, fit_members, out_of_fold_votes
from ml.training.resampling import RESAMPLERS
from ml.training.selection import judge, nested, refit, select

NUMBERS, CATEGORIES = ("dose", "age"), ("ward",)
SMALL_TREES = {"n_estimators": 12, "max_depth": 3}
MEMBERS = {
    "logistic": {},
    "random_forest": SMALL_TREES,
    "gradient_boosting": SMALL_TREES,
    "xgboost": SMALL_TREES,
}


@pytest.fixture(scope="module")
def simulated() -> tuple[dict[str, np.ndarray], np.ndarray]:
    """A table with a known rule, some values missing, one event in five."""
    rng = np.random.default_rng(5)
    n = 600
    dose, age = rng.gamma(2, 3, n), rng.integers(20, 90, n).astype(float)
    ward = rng.choice(["a", "b", "c", "rare"], n, p=[0.5, 0.3, 0.19, 0.01])
    odds = -3 + 0.25 * dose + 0.02 * (age - 50) + 1.0 * (ward == "b")
    y = (rng.random(n) < 1 / (1 + np.exp(-odds))).astype(int)
    dose[rng.random(n) < 0.05] = np.nan
    wards = ward.astype(object)
    wards[rng.random(n) < 0.05] = None
    return {"dose": dose, "age": age, "ward": wards}, y


def recipe(name: str = "test", **own) -> Recipe:
    given = {"members": {"logistic": {}}, "min_count": 20, **own}
    return Recipe.from_params(name, given, NUMBERS, CATEGORIES)


@pytest.mark.parametrize("member", MEMBERS)
def test_onnx_says_what_scikit_learn_says(simulated, member):
    table, y = simulated
    model = refit(judge(recipe(members={member: MEMBERS[member]}), table, y), table, y)
    served = runner(export(model).SerializeToString())(model.preparation.transform(table))
    assert np.abs(served - model.probabilities(table)).max() < 1e-5


def test_onnx_of_a_weighted_vote_with_recalibration(simulated):
    table, y = simulated
    voting = recipe(
        members=MEMBERS, weights=dict(zip(MEMBERS, [1, 2, 1, 3], strict=True)), resampler="class_weights"
    )
    model = refit(judge(voting, table, y), table, y)
    graph = export(model)
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    assert [i.name for i in session.get_inputs()] == [INPUT]
    assert [o.name for o in session.get_outputs()] == [OUTPUT]
    served = runner(graph.SerializeToString())(model.preparation.transform(table))
    assert np.abs(served - model.probabilities(table)).max() < 1e-5
    members = [m.predict_proba(model.preparation.transform(table))[:, 1] for m in model.members]
    assert model.votes(model.preparation.transform(table)) == pytest.approx(
        np.average(members, axis=0, weights=[1, 2, 1, 3])
    )


def test_two_trainings_give_the_same_bytes(simulated):
    table, y = simulated
    graphs = [
        export(fit_members(recipe(members=MEMBERS, resampler="smote"), table, y)).SerializeToString()
        for _ in range(2)
    ]
    assert graphs[0] == graphs[1]


@pytest.mark.parametrize("how", [name for name in RESAMPLERS if name != "none"])
def test_a_resampled_model_is_recalibrated_to_the_natural_prevalence(simulated, how):
    table, y = simulated
    votes = out_of_fold_votes(recipe(resampler=how), table, y)
    assert votes.mean() > y.mean() + 0.1
    assert judge(recipe(resampler=how), table, y).probabilities.mean() == pytest.approx(y.mean(), abs=0.005)


def test_preparation_survives_json_and_handles_what_training_never_saw(simulated):
    table, _ = simulated
    fitted = preparation.fit(
        table, NUMBERS, CATEGORIES, min_count=20, derived=[Derived("dose_by_age", "ratio", ("dose", "age"))]
    )
    again = Preparation.from_json(fitted.as_json())
    assert again == fitted
    odd = {
        "dose": np.array([None, 1e9, -1e9], dtype=object),
        "age": np.array([None, 50, 50], dtype=object),
        "ward": np.array([None, "rare", "never seen"], dtype=object),
    }
    prepared = dict(zip(fitted.features, again.transform(odd).T, strict=True))
    assert prepared["ward=a"].tolist() == [1, 0, 0]
    assert "ward=rare" not in prepared
    dose = table["dose"][np.isfinite(table["dose"])]
    q1, q3 = np.percentile(np.where(np.isfinite(table["dose"]), table["dose"], np.median(dose)), (25, 75))
    assert fitted.numbers[0].high == pytest.approx(q3 + 1.5 * (q3 - q1))
    assert np.isfinite(np.array(list(prepared.values()))).all()
    assert np.abs(np.array(list(prepared.values()))).max() < 10


def test_outliers_are_counted_by_both_rules_and_treated_as_configured():
    rng = np.random.default_rng(0)
    x = np.r_[rng.normal(size=500), 4.0, 50.0, -50.0, np.nan]
    flat = np.r_[np.zeros(400), np.ones(104)]
    table = {"x": x, "flat": flat}
    report = preparation.outlier_report(table, ("x", "flat"))
    given = x[np.isfinite(x)]
    q1, q3 = np.percentile(given, (25, 75))
    assert (report["x"].n, report["x"].missing) == (503, 1)
    assert report["x"].low == pytest.approx(q1 - 1.5 * (q3 - q1))
    assert report["x"].beyond_fences == ((given < report["x"].low) | (given > report["x"].high)).sum()
    assert report["x"].beyond_z == (np.abs(given - given.mean()) > 3 * given.std()).sum() == 2
    # Four zeros in five leave no spread to judge by.
    assert (report["flat"].low, report["flat"].beyond_fences) == (None, 0)
    kept, fenced, clipped = (
        preparation.fit(table, ("x",), (), outliers=how, scaling="none").transform(table)[:, 0]
        for how in preparation.OUTLIERS
    )
    filled = np.where(np.isfinite(x), x, np.median(given))
    assert kept.max() == 50
    assert fenced.max() == pytest.approx(np.subtract(*np.percentile(filled, (75, 25))) * 1.5
                                         + np.percentile(filled, 75), rel=1e-6)  # fmt: skip
    assert clipped.max() == pytest.approx(filled.mean() + 3 * filled.std(), rel=1e-6)
    with pytest.raises(ValueError, match="outliers must be one of none, iqr, z"):
        preparation.fit(table, ("x",), (), outliers="clip")


def test_robust_scaling_and_differences():
    a, b = np.r_[np.arange(101.0), 1e6], np.ones(102)
    gap = Derived("gap", "difference", ("a", "b"))
    fitted = preparation.fit(
        {"a": a, "b": b}, ("a", "b"), (), derived=[gap], outliers="none", scaling="robust"
    )
    by_name = dict(zip(fitted.features, fitted.transform({"a": a, "b": b}).T, strict=True))
    assert np.median(by_name["a"]) == pytest.approx(0)
    assert np.subtract(*np.percentile(by_name["a"], (75, 25))) == pytest.approx(1)
    assert by_name["gap"] == pytest.approx(by_name["a"])
    # A constant column stays finite.
    assert by_name["b"].tolist() == [0] * 102


@pytest.mark.parametrize(
    "wrong",
    [
        {"members": {}},
        {"resampler": "magic"},
        {"calibration": "platt"},
        {"weights": {"svm": 1}},
    ],
)
def test_a_recipe_says_what_is_wrong_with_it(wrong):
    with pytest.raises(ValueError, match="recipe 'test'"):
        recipe(**wrong)


def test_a_number_that_lies_far_out_in_a_judged_row_moves_nothing(simulated):
    table, y = simulated
    train, test = next(stratified_folds(y, 5, seed=0))
    spoiled = {**table, "dose": table["dose"].copy()}
    spoiled["dose"][test] = 1e6
    clean = fit_members(recipe(), take(table, train), y[train])
    assert fit_members(recipe(), take(spoiled, train), y[train]).preparation == clean.preparation


def test_nested_selection_does_not_flatter_noise():
    rng = np.random.default_rng(8)
    n = 240
    table = {
        "dose": rng.normal(size=n),
        "age": rng.normal(size=n),
        "ward": rng.choice(["a", "b"], n).astype(object),
    }
    y = (rng.random(n) < 0.4).astype(int)
    # Deep trees know by heart every row they have seen: one that leaks would be judged perfect.
    competing = [
        recipe(f"{n} trees", members={"random_forest": {"n_estimators": n}}, calibration="none")
        for n in (5, 10, 20)
    ]
    record = nested(competing, table, y, folds=4, repeats=2, seed=0)
    assert record.probabilities.shape == (2, n)
    assert record.chosen.total() == 8
    found = binary_metrics(y, record.probabilities, 0.5, repeats=200)["roc_auc"]
    assert found.low < 0.5
    assert select(competing, table, y).loss == min(judge(r, table, y).loss for r in competing)


def test_held_out_rows_are_fixed_by_seed_and_disjoint():
    y = np.array([0, 1] * 50)
    train, test = held_out(y, 0.2, seed=1)
    assert not set(train) & set(test)
    assert len(test) == 20
    assert held_out(y, 0.2, seed=1)[1].tolist() == test.tolist()


def test_shapley_values_are_exact_for_a_logistic_model_and_close_for_trees(simulated):
    table, y = simulated
    rows = [{name: table[name][i] for name in table} for i in range(40)]
    background, row = rows[:20], rows[30]
    names = NUMBERS + CATEGORIES

    linear = fit_members(recipe(outliers="none"), table, y)
    found = sampled(lambda t: logit(linear.probabilities(t)), row, background, names)
    assert found.errors.max() < 1e-6

    trees = fit_members(recipe(members={"xgboost": {"n_estimators": 20, "max_depth": 3}}), table, y)
    found = sampled(lambda t: logit(trees.probabilities(t)), row, background, names, pairs=20)
    prepare = trees.preparation.transform
    theirs = shap.TreeExplainer(
        trees.members[0],
        prepare({n: np.array([r[n] for r in background], dtype=object) for n in names}),
        feature_perturbation="interventional",
    )
    exact = theirs.shap_values(prepare({n: np.array([row[n]], dtype=object) for n in names}))[0]
    features = trees.preparation.features
    for j, name in enumerate(NUMBERS):
        assert found.values[j] == pytest.approx(exact[features.index(name)], abs=4 * found.errors[j] + 1e-3)
    score = logit(trees.probabilities({n: np.array([row[n]], dtype=object) for n in names}))[0]
    assert found.base + found.values.sum() == pytest.approx(score, abs=1e-6)
