"""The parameter search: what it finds, what it gives up, and that a killed one goes on."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import mlflow
import numpy as np
import optuna
import pytest
from mlflow.tracking import MlflowClient

from ml.training import store as home
from ml.training import tracking
from ml.training.objectives import OBJECTIVES
from ml.training.pipeline import Recipe
from ml.training.search import search
from ml.training.selection import judge, running_scores
from ml.training.thresholds import CostMatrix

ROOT = Path(__file__).resolve().parents[1]
SPACE = {
    "x": {"float": [0.0, 4.0]},
    "k": {"int": [1, 9]},
    "c": {"choice": ["a", None]},
}
# The same search in a process of its own, slow enough to be killed in the middle of a trial.
PROGRAM = """
import sys, time
from pathlib import Path
from ml.training import store, tracking
from ml.training.search import search
from tests.test_training_search import SPACE, bowl

store.STORE = Path(sys.argv[1]) / "mlflow"
started = 0

def score(params):
    global started
    started += 1
    if started > 5:
        print("in the sixth trial", flush=True)
        time.sleep(60)
    return bowl(params)

with tracking.run("bowl", "train", params={}):
    search(score, SPACE, algorithm="bowl", trials=12, seed=3, study="bowl")
"""


def bowl(params: dict) -> float:
    return (params["x"] - 3) ** 2 + abs(params["k"] - 7) + (params["c"] == "a")


@pytest.fixture
def store(tmp_path, monkeypatch):
    """A store apart; MLflow is left as it was."""
    before = mlflow.get_tracking_uri()
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setattr(home, "STORE", tmp_path / "mlflow")
    yield tmp_path
    mlflow.set_tracking_uri(before)


def searched(score=bowl, **own):
    options = {"algorithm": "bowl", "trials": 12, "seed": 3, **own}
    with tracking.run("bowl", "train", params={}):
        return search(score, SPACE, **options)


def stored(folder: Path, study: str = "bowl") -> list[optuna.trial.FrozenTrial]:
    storage = f"sqlite:///{folder / 'optuna.db'}"
    (name,) = (n for n in optuna.get_all_study_names(storage) if n.startswith(f"bowl/{study}/"))
    return optuna.load_study(study_name=name, storage=storage).trials


def test_a_killed_search_goes_on_where_it_stopped_and_finds_the_same(store):
    command = (sys.executable, "-c", PROGRAM, str(store))
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "in the sixth trial\n"
        process.send_signal(signal.SIGKILL)
    found = searched(study="bowl")
    assert (found.trials, found.resumed) == (12, 5)
    trials = stored(store)
    assert [t.state.name for t in trials] == ["COMPLETE"] * 5 + ["FAIL"] + ["COMPLETE"] * 7
    searched(study="whole")
    assert [t.params for t in trials if t.state.name == "COMPLETE"] == [
        t.params for t in stored(store, "whole")
    ]
    again = searched(lambda params: pytest.fail("nothing is left to try"), study="bowl")
    assert (again.score, again.resumed) == (found.score, 12)


def test_another_space_seed_or_data_is_another_study(store):
    searched(study="bowl", trials=2)
    assert searched(study="bowl", trials=2, seed=4).resumed == 0
    assert searched(study="bowl", trials=2, about={"data": "abc"}).resumed == 0
    assert searched(study="bowl", trials=2).resumed == 2


def test_hopeless_trials_are_given_up_and_say_so(store):
    asked = []

    def folds(params):
        for fold in range(4):
            asked.append(fold)
            yield bowl(params)

    found = searched(folds, sampler="random", trials=30)
    assert found.trials == 30
    assert 5 < found.pruned < 25
    assert len(asked) < 30 * 4
    client = MlflowClient()
    runs = client.search_runs([client.get_experiment_by_name("bowl").experiment_id])
    children = [run for run in runs if run.data.tags.get("stage") == "parameter_optimization"]
    states = [run.data.tags["trial.state"] for run in children]
    assert (states.count("pruned"), states.count("complete")) == (found.pruned, 30 - found.pruned)
    assert found.score == min(
        r.data.metrics["log_loss"] for r in children if r.data.tags["trial.state"] == "complete"
    )


def test_more_is_better_where_the_metric_says_so(store):
    assert searched(lambda p: -bowl(p), metric="roc_auc").score == pytest.approx(-searched().score)
    for wrong in ({"metric": "beauty"}, {"sampler": "guess"}):
        with pytest.raises(ValueError, match="unknown"):
            searched(**wrong)


def test_running_scores_end_with_the_score_of_the_recipe():
    rng = np.random.default_rng(0)
    table = {"a": rng.normal(size=600), "b": rng.normal(size=600)}
    y = (rng.random(600) < 1 / (1 + np.exp(2 - table["a"]))).astype(int)
    recipe = Recipe.from_params("test", {"members": {"logistic": {}}}, ("a", "b"), ())
    candidate = judge(recipe, table, y)
    scores = list(running_scores(recipe, table, y))
    assert len(scores) == recipe.calibration_folds
    assert scores[-1] == candidate.loss
    costs = CostMatrix(5, 1)
    for name, kind in OBJECTIVES.items():
        *_, last = running_scores(recipe, table, y, metric=name, costs=costs)
        assert last == kind.of(y, candidate.probabilities, costs)
    assert OBJECTIVES["cost"].of(y, candidate.probabilities, costs) == pytest.approx(
        costs.cost(y, candidate.probabilities, 1 / 6)
    )
