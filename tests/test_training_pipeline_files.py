"""params.yaml knows every algorithm, and every tabular recipe in it can be made."""

from __future__ import annotations

from pathlib import Path

import yaml

from ml import registry
from ml.algorithms.accident_severity import train as crashes
from ml.algorithms.german_credit import train as credits
from ml.training.estimators import make
from ml.training.search import Found
from ml.training.thresholds import CostMatrix

PARAMS = yaml.safe_load(Path("params.yaml").read_text("utf-8"))


def test_every_algorithm_has_parameters():
    assert {*registry.names(), "promotion"} == set(PARAMS)
    assert set(registry.names()) == set(PARAMS["promotion"])


def test_recipes_of_both_reference_tasks_can_be_made():
    kinds = PARAMS["accident_severity"]["search"]
    found = {kind: Found(params={"max_depth": 3}, score=0.3, trials=1) for kind in kinds}
    recipes = [
        *credits.recipes(PARAMS["german_credit"]),
        *crashes.recipes(PARAMS["accident_severity"], found),
        crashes.baseline(PARAMS["accident_severity"]),
    ]
    for recipe in recipes:
        for name, params in recipe.members.items():
            make(name, params, seed=0)
    assert {"smote", "class_weights", "none"} <= {recipe.resampler for recipe in recipes}


def test_sex_and_nationality_are_excluded_and_costs_are_the_published_ones():
    params = PARAMS["german_credit"]
    used = {name for recipe in credits.recipes(params) for name in recipe.numbers + recipe.categories}
    assert not used & {"personal_status", "foreign_worker"}
    assert CostMatrix.from_params(params["costs"]).pair == (5, 1)
