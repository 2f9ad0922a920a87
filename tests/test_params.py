"""A wrong ``params.yaml`` is a sentence before any work starts: the key, what it is, what is allowed."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from ml import registry
from ml.__main__ import main
from ml.training.params import WrongParams, check
from tests.machine import ROOT

PARAMS = yaml.safe_load((ROOT / "params.yaml").read_text("utf-8"))


def changed(algorithm: str, key: str, value: Any) -> dict[str, Any]:
    """Return the section with one key set, or taken out and put back under another name."""
    params = deepcopy(PARAMS[algorithm])
    *path, last = key.split(".")
    inner = params
    for name in path:
        inner = inner[name]
    inner[last] = value
    return params


@pytest.mark.parametrize("algorithm", registry.names())
def test_the_sections_of_the_project_are_right(algorithm: str) -> None:
    check(algorithm, PARAMS[algorithm])


@pytest.mark.parametrize(
    ("algorithm", "key", "value", "said"),
    [
        ("german_credit", "nestd", {"folds": 5}, "german_credit.nestd is no key; allowed: "),
        ("german_credit", "common.colour", "red", "german_credit.common.colour is no key; allowed: outliers"),
        ("german_credit", "recipes.logistic.members", {"logistick": {}},
         "german_credit.recipes.logistic.members.logistick is no estimator; allowed: logistic"),
        ("german_credit", "recipes.svm.members", {"svm": {"c": 1}}, "members.svm.c is no key; allowed: C"),
        ("german_credit", "recipes.xgboost.members", {"xgboost": {"trees": 1}}, "xgboost.trees is no key"),
        ("german_credit", "recipes.random_forest.members", {"random_forest": {"max_depth": "deep"}},
         "members.random_forest: The 'max_depth' parameter"),
        ("german_credit", "recipes.vote.weights", {"svm": 1}, "recipe 'vote': weights of svm"),
        ("german_credit", "nested.folds", 1, "nested.folds is 1; allowed is a whole number from 2"),
        ("german_credit", "excluded", ["shoe_size"], "shoe_size is no field"),
        ("german_credit", "comparison.reference", "tree", "reference is 'tree'; allowed: logistic"),
        ("german_credit", "recipes", {}, "german_credit.recipes is {}"),
        ("haemorrhage", "incidence", 3, "incidence is 3; allowed is a number above 0 and below 1"),
        ("haemorrhage", "incidence", 0.5, "allowed is 0.002 to 0.2 (incidence_range)"),
        ("haemorrhage", "incidence", True, "haemorrhage.incidence is True"),
        ("haemorrhage", "study.recipes.network.members", {"network": {"rows": 2}}, "network.rows is no key"),
        ("accident_severity", "search.xgboost.metric", "luck", "metric is 'luck'; allowed: log_loss"),
        ("accident_severity", "search.xgboost.space.max_depth", {"int": [6, 2]}, "the lower end comes first"),
        ("accident_severity", "baseline", {"trees": 3}, "accident_severity.baseline.trees is no key"),
        ("sleep", "recipe", "dream", "sleep.recipe is 'dream'; allowed: sequence, forest16, cnn"),
        ("sleep", "network.units", 1.5, "sleep.network.units is 1.5; allowed is a whole number"),
        ("chest_xray", "gate", None, "chest_xray.gate is None; allowed are the keys"),
    ],
)  # fmt: skip
def test_a_fault_is_named_with_what_is_allowed(algorithm: str, key: str, value: Any, said: str) -> None:
    with pytest.raises(WrongParams) as wrong:
        check(algorithm, changed(algorithm, key, value))
    assert said in str(wrong.value)


def test_a_missing_key_ends_the_command_with_two_before_data_are_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    params = deepcopy(PARAMS)
    params["german_credit"]["nestd"] = params["german_credit"].pop("nested")
    file = tmp_path / "params.yaml"
    file.write_text(yaml.safe_dump(params), "utf-8")
    call = ["train", "german_credit", "--data", str(tmp_path), "--out", str(tmp_path / "out")]
    assert main([*call, "--params", str(file)]) == 2
    error = capsys.readouterr().err
    assert "german_credit.nestd is no key" in error
    assert "german_credit.nested is missing" in error
    assert "training data" not in error
    assert main([*call, "--params", str(ROOT / "params.yaml"), "--param", "seed=["]) == 2
    assert "--param seed=[: '[' is not YAML" in capsys.readouterr().err
