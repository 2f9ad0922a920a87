"""The credit reference task: partial applications, honest refusals, the figures of its card."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from ml import __main__ as cli
from ml import package as packages
from ml import registry, runner
from ml.algorithms.german_credit import train
from ml.algorithms.german_credit.contract import CONTRACT, check
from ml.contracts import Severity, Source, Status
from ml.tabular.preparation import table_of
from ml.tabular.scoring import scorer
from ml.training.data import DataMissing
from ml.training.evaluation import binary_metrics
from ml.training.pipeline import Recipe
from ml.training.selection import judge, refit
from tests.cards import figures_missing_from_card

SHARED = Path("../shared/data")
# The request of the API this task keeps compatible with.
SEED_REQUEST = {"duration": 24, "amount": 5000, "age": 35, "status": "0 <= ... < 200 DM"}


def refusals(values: dict) -> dict[str, str]:
    return {p.field: p.code for p in check(values)[1] if p.severity is Severity.REFUSE}


def test_a_partial_application_is_scored_and_says_what_was_imputed():
    outcome = runner.run("german_credit", Source(values=SEED_REQUEST))
    assert outcome.status is Status.OK
    assert set(outcome.result) == {"probability_bad", "label", "threshold", "imputed"}
    assert outcome.result["threshold"] == pytest.approx(1 / 6)
    assert set(SEED_REQUEST).isdisjoint(outcome.result["imputed"])
    assert {"purpose", "savings", "credit_history"} <= set(outcome.result["imputed"])
    assert outcome.result["label"] == ("bad" if outcome.result["probability_bad"] >= 1 / 6 else "good")
    json.dumps(outcome.result, allow_nan=False)


def test_what_is_said_to_be_imputed_is_what_was_used():
    partial = runner.run("german_credit", Source(values=SEED_REQUEST)).result
    whole = runner.run("german_credit", Source(values=SEED_REQUEST | partial["imputed"])).result
    assert whole["imputed"] == {}
    assert whole["probability_bad"] == partial["probability_bad"]


@pytest.mark.parametrize("status", ["a12", "A12", "0 <= ... < 200 DM", " 0 <=  ... < 200 dm "])
def test_codes_and_wordings_of_statlog_mean_the_same(status):
    assert check({"status": status})[0]["status"] == "a12"


def test_an_empty_account_raises_the_probability():
    def probability(status: str) -> float:
        return runner.run("german_credit", Source(values=SEED_REQUEST | {"status": status})).result[
            "probability_bad"
        ]

    assert probability("a11") > probability("a14") + 0.1


def test_sex_and_nationality_move_nothing():
    results = [
        runner.run("german_credit", Source(values=SEED_REQUEST | own)).result["probability_bad"]
        for own in ({}, {"personal_status": "a92", "foreign_worker": "a201"}, {"personal_status": "a93"})
    ]
    assert len(set(results)) == 1


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"age": "thirty"}, {"age": "not_a_number"}),
        ({"age": True}, {"age": "not_a_number"}),
        ({"age": 12}, {"age": "out_of_range"}),
        ({"duration": 10.5}, {"duration": "not_whole"}),
        ({"amount": float("nan")}, {"amount": "not_a_number"}),
        ({"amount": 10**400}, {"amount": "not_a_number"}),
        ({"purpose": "yacht"}, {"purpose": "not_a_choice"}),
        ({"purpose": ["a40"]}, {"purpose": "not_a_choice"}),
        ({"age": 35, "age_in_years": 36}, {"age": "given_twice"}),
        ({"age": 35, "creditability": "good"}, {"creditability": "outcome_given"}),
        ({}, {"": "no_known_field"}),
        ({"age": "x", "amount": "y"}, {"age": "not_a_number", "amount": "not_a_number"}),
    ],
)
def test_bad_input_is_refused_with_every_reason(values, expected):
    assert refusals(values) == expected
    outcome = runner.run("german_credit", Source(values=values))
    assert outcome.status is Status.REFUSED
    assert outcome.result is None
    assert all(p.message.en and p.message.fr for p in outcome.problems)


def test_a_misspelt_field_is_named_and_an_unusual_value_questioned():
    _, problems = check(SEED_REQUEST | {"amonut": 1, "age": 90})
    assert {(p.field, p.code, p.severity) for p in problems} == {
        ("amonut", "ignored_field", Severity.WARN),
        ("age", "unusual", Severity.WARN),
    }


def test_explanation_adds_up_and_names_only_what_was_given():
    outcome = runner.run("german_credit", Source(values=SEED_REQUEST))
    data = outcome.explanation.data
    total = data["base"] + sum(c["contribution"] for c in data["contributions"])
    p = outcome.result["probability_bad"]
    assert total == pytest.approx(np.log(p / (1 - p)), abs=1e-3)
    assert "0 to 200 DM" in outcome.explanation.sentence.en
    assert "De 0 à 200 DM" in outcome.explanation.sentence.fr
    assert "Housing" not in outcome.explanation.sentence.en


def test_report_is_written_in_both_languages():
    outcome = runner.run("german_credit", Source(values=SEED_REQUEST), explain=False)
    assert "threshold" in outcome.report.headline.en
    assert "seuil" in outcome.report.headline.fr
    assert outcome.report.limits


def test_card_and_manifest_tell_the_same_figures():
    assert figures_missing_from_card("german_credit") == []


def test_package_is_small_and_its_files_are_known():
    package = packages.load("german_credit")
    assert sum(p.stat().st_size for p in package.folder.iterdir()) < 3_000_000
    assert set(package.manifest["files"]) == {
        "model.onnx", "preparation.json", "statistics.json",
        "background.json", "curves.json", "comparison.json",
    }  # fmt: skip
    statistics = package.json("statistics.json")
    assert set(statistics) == {field.name for field in CONTRACT.fields}
    assert statistics["age"]["quantiles"]["0.5"] == 33


def test_the_procedure_keeps_what_was_promised_of_it():
    figures = {m.name: m for m in packages.load("german_credit").metrics}
    assert figures["cost"].value <= 0.53
    assert figures["roc_auc"].value >= 0.79
    assert figures["saving"].value == pytest.approx(5 * 0.3 - figures["cost"].value, abs=1e-9)
    asked_for = {
        "specificity",
        "npv",
        "pr_auc",
        "acceptance_rate",
        "profit",
        "probability_shift",
        "decision_flips",
    }
    assert asked_for <= set(figures)
    for metric in figures.values():
        assert metric.low <= metric.value <= metric.high
        assert "nested" in metric.data
        assert metric.n == 1000


def test_every_recipe_is_compared_and_none_called_better_inside_its_interval():
    package = packages.load("german_credit")
    (compared,) = package.json("comparison.json")["comparisons"]
    params = package.manifest["training"]["params"]
    assert {row["name"] for row in compared["rows"]} == set(params["recipes"])
    assert compared["reference"] == "logistic"
    assert compared["threshold"] == pytest.approx(1 / 6, abs=1e-6)
    for row in compared["rows"]:
        assert row["calibrated"]["brier"]["value"] <= row["calibrated"]["brier_null"]["value"]
        for difference in row["differences"].values():
            outside = difference["low"] > 0 or difference["high"] < 0
            assert (difference["verdict"] != "undecided") == outside


def test_weights_follow_their_members_through_a_manifest():
    members = {"svm": {}, "logistic": {}}
    weights = {"logistic": 1, "svm": 3}
    for order in (["svm", "logistic"], ["logistic", "svm"]):
        given = {"members": {name: members[name] for name in order}, "weights": weights}
        recipe = Recipe.from_params("vote", given, ("age",), ())
        assert dict(zip(recipe.members, recipe.shares, strict=True)) == {"svm": 0.75, "logistic": 0.25}
    with pytest.raises(ValueError, match="weights of svm for members svm, logistic"):
        Recipe.from_params("vote", {"members": members, "weights": {"svm": 1}}, ("age",), ())


def test_recipes_switch_features_resampling_and_votes_from_the_parameters():
    params = packages.load("german_credit").manifest["training"]["params"]
    by_name = {recipe.name: recipe for recipe in train.recipes(params)}
    assert {r.resampler for r in by_name.values()} >= {"none", "smote", "smotenc", "class_weights"}
    assert by_name["logistic_selected"].selection.keep == 25
    assert by_name["logistic"].selection is None
    vote = by_name["vote_class_weights"]
    assert dict(zip(vote.members, vote.shares.tolist(), strict=True)) == {
        "random_forest": 0.2, "gradient_boosting": 0.2, "svm": 0.4, "xgboost": 0.2,
    }  # fmt: skip
    plain = {**params, "common": {**params["common"], "derived": []}}
    assert all(recipe.derived == () for recipe in train.recipes(plain))
    assert not {"personal_status", "foreign_worker"} & set(by_name["vote"].categories)


@pytest.mark.shared
def test_the_table_is_described_before_anything_is_learnt(capsys):
    assert cli.main(["describe", "german_credit", "--data", str(SHARED)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["classes"] == {
        "event": "bad credit", "events": 300, "others": 700, "share": 0.3, "others_per_event": 2.33,
    }  # fmt: skip
    assert (found["rows"], found["duplicates"], found["incomplete_rows"]) == (1000, 0, 0)
    amount = found["numbers"]["amount"]
    assert (amount["outliers"]["beyond_fences"], amount["outliers"]["beyond_z"]) == (72, 25)
    assert set(found["derived"]) == {"monthly_payment", "log_amount"}
    levels = found["categories"]["status"]["levels"]
    assert sum(level["rows"] for level in levels.values()) == 1000
    assert levels["a11"]["share_of_events"] > 2 * levels["a14"]["share_of_events"]
    assert "personal_status" in found["categories"]


def test_missing_data_says_what_to_put_where(tmp_path):
    with pytest.raises(DataMissing, match="german_credit"):
        train.train(tmp_path, tmp_path, version="0", params={})


@pytest.mark.shared
def test_every_row_of_the_public_table_is_read_whole():
    with gzip.open(SHARED / train.FILE, "rt") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 1000
    for row in rows:
        row.pop("creditability")
        typed, problems = check(row)
        assert problems == []
        assert None not in typed.values()


@pytest.mark.shared
def test_shipped_model_fits_the_rows_it_learnt_from_and_a_retrained_one_agrees():
    table, y = train.read(SHARED / train.FILE)
    package = packages.load("german_credit")
    served = scorer(package).probabilities(table)
    assert binary_metrics(y, served, 1 / 6, repeats=2)["roc_auc"].value > 0.85
    named = package.manifest["training"]["recipe"]["name"]
    chosen = next(r for r in train.recipes(package.manifest["training"]["params"]) if r.name == named)
    again = refit(judge(chosen, table, y), table, y)
    assert np.abs(again.probabilities(table) - served).max() < 1e-5


@pytest.mark.shared
@pytest.mark.long
def test_evaluate_reproduces_the_manifest():
    package = packages.load("german_credit")
    again = {m.name: m.value for m in train.evaluate(SHARED, package)}
    assert again == pytest.approx({m.name: m.value for m in package.metrics}, abs=1e-6)


def test_one_row_and_many_rows_score_alike():
    ready = scorer(packages.load("german_credit"))
    rows = [check(SEED_REQUEST | {"age": age})[0] for age in (20, 40, 60)]
    together = ready.probabilities(table_of(rows, ready.names))
    assert together.tolist() == pytest.approx([ready.probability(row) for row in rows])


def test_the_doors_are_all_there():
    assert {which for which in registry.DOORS if registry.door("german_credit", which)} == set(registry.DOORS)
