"""Recipes side by side: out of fold, on the same samples, and never better by a point value alone."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pytest

from ml.contracts import Text
from ml.tabular.preparation import take
from ml.training import comparison
from ml.training.comparison import Comparison, Entry, compare, document, out_of_fold
from ml.training.evaluation import binary_metrics
from ml.training.folds import repeated
from ml.training.pipeline import Recipe, fit
from ml.training.thresholds import CostMatrix
from tests.recipes import cases, compared, entries, sigmoid

ASKED = {
    "reference": "recipe_0",
    "threshold": 0.1,
    "data": "made up",
    "command": "none",
    "unit": "cases",
    "repeats": 200,
}


def entry(name: str, p: np.ndarray) -> Entry:
    return Entry(name, Text(name, name), p, p)


def test_figures_are_those_of_each_recipe_alone() -> None:
    y, odds = cases()
    made = entries(odds, 3)
    found = compare(made, y, **ASKED)
    alone = binary_metrics(y, made[1].calibrated, 0.1, recall=0.69, repeats=200)
    assert found.rows[1].calibrated == alone
    assert found.rows[1].raw["brier"].value > found.rows[1].raw["brier_null"].value
    assert (found.n, found.events) == (len(y), y.sum())
    assert found.rows[0].differences == {}


def test_a_recipe_is_better_only_when_its_interval_excludes_zero() -> None:
    y, odds = cases(4000)
    noise = np.random.default_rng(3).normal(0, 1, (2, len(odds)))
    found = compare(
        [
            entry("recipe_0", sigmoid(odds[None] + noise[0])),
            entry("true", sigmoid(odds)[None]),
            entry("alike", sigmoid(odds[None] + noise[1])),
            entry("same", sigmoid(odds[None] + noise[0])),
            entry("noise", np.full((1, len(y)), y.mean())),
        ],
        y,
        **ASKED,
    )
    verdicts = {row.name: {name: d.verdict for name, d in row.differences.items()} for row in found.rows}
    assert verdicts["true"]["roc_auc"] == verdicts["true"]["brier"] == "better"
    assert set(verdicts["alike"].values()) == {"undecided"}
    assert set(verdicts["same"].values()) == {"undecided"}
    assert verdicts["noise"]["roc_auc"] == "worse"
    for row in found.rows:
        for name, difference in row.differences.items():
            beyond_zero = difference.low > 0 or difference.high < 0
            assert (difference.verdict != "undecided") == beyond_zero
            assert difference.low <= difference.value <= difference.high
            ours, theirs = row.calibrated[name].value, found.rows[0].calibrated[name].value
            assert difference.value == pytest.approx(ours - theirs)
    assert found.tests == 4 * 5


def test_many_recipes_without_any_difference_yield_no_winner() -> None:
    """Of eleven equals the luckiest beats a single 95 % interval; the joint one it must not."""
    winners = 0
    for seed in range(6):
        y, odds = cases(600, seed=seed)
        noise = np.random.default_rng(100 + seed).normal(0, 0.7, (12, len(odds)))
        equals = [entry(f"recipe_{k}", sigmoid(odds + noise[k])[None]) for k in range(12)]
        found = compare(equals, y, **ASKED)
        winners += any(d.verdict != "undecided" for row in found.rows for d in row.differences.values())
    assert winners <= 1


def test_differences_are_paired() -> None:
    y, odds = cases()
    shift = np.random.default_rng(0).normal(0, 0.1, len(odds))
    found = compare(
        [entry("recipe_0", sigmoid(odds)[None]), entry("near", sigmoid(odds + shift)[None])], y, **ASKED
    )
    near = found.rows[1]
    paired = near.differences["roc_auc"].high - near.differences["roc_auc"].low
    assert paired < 0.5 * (near.calibrated["roc_auc"].high - near.calibrated["roc_auc"].low)


def test_groups_widen_the_intervals_of_differences() -> None:
    y, odds = cases(300)
    y, odds, mothers = np.repeat(y, 5), np.repeat(odds, 5), np.repeat(np.arange(300), 5)
    shift = np.repeat(np.random.default_rng(0).normal(0, 1, 300), 5)
    both = [entry("recipe_0", sigmoid(odds)[None]), entry("other", sigmoid(odds + shift)[None])]
    naive, honest = compare(both, y, **ASKED), compare(both, y, groups=mothers, **ASKED)
    width = [
        c.rows[1].differences["brier"].high - c.rows[1].differences["brier"].low for c in (naive, honest)
    ]
    assert width[1] > 1.7 * width[0]


def test_costs_judge_the_cost_in_place_of_the_net_benefit() -> None:
    y, odds = cases()
    found = compare(entries(odds, 2), y, costs=CostMatrix(5, 1), **ASKED)
    assert "cost" in found.rows[1].differences
    assert "net_benefit" not in found.rows[1].differences
    assert {"cost", "saving", "profit", "acceptance_rate"} <= found.rows[0].calibrated.keys()
    assert found.costs == {"missed": 5, "false_alarm": 1, "gain": 1}


def test_a_comparison_survives_its_file() -> None:
    found = compared(costs=CostMatrix(5, 1))
    stored = json.loads(json.dumps(document([found])))["comparisons"][0]
    assert Comparison.from_json(stored).as_json() == stored
    assert stored["rows"][1]["calibrated"]["roc_auc"]["value"] == round(
        found.rows[1].calibrated["roc_auc"].value, 6
    )


@pytest.mark.parametrize("names", [["a", "b"], ["recipe_0", "recipe_0"], []])
def test_a_reference_that_is_not_there_and_twins_are_refused(names: list[str]) -> None:
    with pytest.raises(ValueError, match="distinct entries"):
        compare([entry(name, np.full((1, 4), 0.5)) for name in names], np.array([0, 1, 0, 1]), **ASKED)


def test_without_events_there_is_no_comparison() -> None:
    both = [entry("recipe_0", np.full((1, 50), 0.1)), entry("other", np.linspace(0, 1, 50)[None])]
    with pytest.raises(ValueError, match="no interval"):
        compare(both, np.zeros(50), **{**ASKED, "costs": CostMatrix(5, 1), "repeats": 1})


def rows(n: int = 240) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """Return a table of one number, labels of 15 %, and the mother of each row."""
    rng = np.random.default_rng(4)
    x = rng.normal(size=n)
    y = (rng.random(n) < sigmoid(x - 2)).astype(int)
    return {"x": x}, y, np.arange(n) // 2


def test_out_of_fold_every_row_is_judged_by_a_model_that_has_not_seen_it() -> None:
    table, y, mothers = rows()
    recipe = Recipe.from_params("smote", {"members": {"logistic": {}}, "resampler": "smote"}, ("x",), ())
    found = out_of_fold(recipe, table, y, label=Text("a", "b"), folds=4, repeats=2, seed=7, groups=mothers)
    assert found.raw.shape == found.calibrated.shape == (2, len(y))
    repeat, train, test = next(repeated(y, 4, 2, 7, mothers))
    assert repeat == 0
    assert not set(mothers[train]) & set(mothers[test])
    model = fit(recipe, take(table, train), y[train], mothers[train])
    assert found.raw[0, test] == pytest.approx(model.raw(take(table, test)))
    assert found.calibrated[0, test] == pytest.approx(model.probabilities(take(table, test)))


def test_the_labels_of_a_fold_change_nothing_in_its_own_probabilities(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    table, y, _ = rows()
    splits = list(repeated(y, 4, 1, 0))

    def same_folds(*asked: object) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        return iter(splits)

    monkeypatch.setattr(comparison, "repeated", same_folds)
    recipe = Recipe.from_params(
        "smote", {"members": {"logistic": {}}, "resampler": "smote", "calibration": "sigmoid"}, ("x",), ()
    )
    asked = {"label": Text("a", "b"), "folds": 4, "repeats": 1, "seed": 0}
    before = out_of_fold(recipe, table, y, **asked)
    _, _, judged = splits[0]
    turned = y.copy()
    turned[judged] = 1 - turned[judged]
    after = out_of_fold(recipe, table, turned, **asked)
    assert np.array_equal(before.raw[:, judged], after.raw[:, judged])
    assert np.array_equal(before.calibrated[:, judged], after.calibrated[:, judged])
    others = np.setdiff1d(np.arange(len(y)), judged)
    assert not np.array_equal(before.calibrated[:, others], after.calibrated[:, others])


def test_resampling_leaves_raw_probabilities_far_too_high_and_recalibration_mends_them() -> None:
    table, y, _ = rows(1200)
    recipe = Recipe.from_params("smote", {"members": {"logistic": {}}, "resampler": "smote"}, ("x",), ())
    found = out_of_fold(recipe, table, y, label=Text("a", "b"), folds=5, repeats=1, seed=0)
    assert found.raw.mean() > 2 * y.mean()
    assert found.calibrated.mean() == pytest.approx(y.mean(), rel=0.1)
