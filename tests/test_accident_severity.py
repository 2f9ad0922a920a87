"""The crash reference task: what leaks is refused by name, and the held-out figures hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ml import package as packages
from ml import registry, runner
from ml.algorithms.accident_severity import train
from ml.algorithms.accident_severity.contract import LEAKS, check
from ml.contracts import Severity, Source, Status
from ml.tabular.preparation import take
from ml.training import tabular
from ml.training.data import DataMissing
from ml.training.evaluation import roc_auc
from ml.training.folds import held_out
from ml.training.pipeline import fit_members
from ml.training.tabular import BadTable
from tests.cards import figures_missing_from_card

SHARED = Path("../shared/data")
# Column names and wordings of the public table.
REPORT = {
    "FIRST_CRASH_TYPE": "REAR END",
    "PRIM_CONTRIBUTORY_CAUSE": "FOLLOWING TOO CLOSELY",
    "NUM_UNITS": "2",
    "CRASH_HOUR": 13,
    "CRASH_DAY_OF_WEEK": 1,
    "POSTED_SPEED_LIMIT": 30,
    "WEATHER_CONDITION": "CLEAR",
    "LIGHTING_CONDITION": "DAYLIGHT",
}


def probability(**changes) -> float:
    return runner.run("accident_severity", Source(values=REPORT | changes), explain=False).result[
        "probability_injury"
    ]


@pytest.mark.parametrize("column", [*LEAKS, "injuries_total", " Crash_Type "])
def test_a_column_that_gives_the_outcome_away_is_refused_by_name(column):
    outcome = runner.run("accident_severity", Source(values=REPORT | {column: 0}))
    assert outcome.status is Status.REFUSED
    (problem,) = outcome.problems
    assert problem.code == "leak"
    assert column.strip().upper() in problem.message.en
    assert column.strip().upper() in problem.message.fr


def test_no_leak_is_a_feature_of_the_package():
    package = packages.load("accident_severity")
    assert not {leak.casefold() for leak in LEAKS} & set(package.input["fields"])
    assert "damage" not in package.input["fields"]


def test_a_report_in_the_words_of_the_table_is_scored():
    outcome = runner.run("accident_severity", Source(values=REPORT))
    assert outcome.status is Status.OK
    assert set(outcome.result) == {"probability_injury", "label", "threshold", "imputed"}
    assert "collision" not in outcome.result["imputed"]
    assert "latitude" in outcome.result["imputed"]
    assert outcome.explanation_status == "ok"
    assert "Rear end" in outcome.explanation.sentence.en
    assert "%" in outcome.report.headline.fr


def test_a_pedestrian_hit_is_graver_than_a_parked_car():
    assert probability(FIRST_CRASH_TYPE="PEDESTRIAN") > 0.6
    assert probability(FIRST_CRASH_TYPE="PARKED MOTOR VEHICLE") < 0.1


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"CRASH_HOUR": 24}, "hour", "out_of_range"),
        ({"latitude": 48.85}, "latitude", "out_of_range"),
        ({"WEATHER_CONDITION": "frogs"}, "weather", "not_a_choice"),
        ({"NUM_UNITS": "two"}, "units", "not_a_number"),
    ],
)
def test_bad_values_are_refused_in_words(changes, field, code):
    refused = [p for p in check(REPORT | changes)[1] if p.severity is Severity.REFUSE]
    assert [(p.field, p.code) for p in refused] == [(field, code)]
    assert refused[0].message.en != refused[0].message.fr


def test_card_and_manifest_tell_the_same_figures():
    assert figures_missing_from_card("accident_severity") == []


def test_package_is_small():
    package = packages.load("accident_severity")
    assert sum(p.stat().st_size for p in package.folder.iterdir()) < 2_000_000


def test_missing_data_says_what_to_put_where(tmp_path):
    package = packages.load("accident_severity")
    with pytest.raises(DataMissing, match="chicago_crashes_june_2019"):
        train.evaluate(tmp_path, package)


def test_a_table_full_of_refused_values_is_not_trained_on():
    rows = [{"hour": 12}, {"hour": 77}, {"hour": "noon"}]
    with pytest.raises(BadTable, match="2 values of the training table are refused: hour"):
        tabular.read_table(rows, check, ["hour"])
    assert tabular.read_table(rows, check, ["hour"], tolerated=2)["hour"].tolist() == [12, None, None]


def test_the_doors_are_all_there():
    doors = {which for which in registry.DOORS if registry.door("accident_severity", which)}
    assert doors == set(registry.DOORS)


@pytest.mark.shared
def test_evaluate_reproduces_the_held_out_figures_of_the_manifest():
    package = packages.load("accident_severity")
    again = {m.name: m for m in train.evaluate(SHARED, package)}
    shipped = {m.name: m for m in package.metrics}
    assert again["roc_auc"].value >= 0.78
    assert again["roc_auc"].n == 2106
    for name, metric in again.items():
        assert metric.value == pytest.approx(shipped[name].value, abs=1e-5), name


@pytest.mark.shared
def test_held_out_crashes_took_no_part_and_the_baseline_reproduces():
    table, y = train.read(SHARED / train.FILE)
    package = packages.load("accident_severity")
    params = package.manifest["training"]["params"]
    rows, judged = held_out(y, params["held_out"], seed=params["seed"])
    seen = package.json("statistics.json")
    assert seen["hour"]["n"] == len(rows)
    assert seen["latitude"]["mean"] == pytest.approx(np.nanmean(take(table, rows)["latitude"].astype(float)))
    plain = fit_members(train.baseline(params), take(table, rows), y[rows])
    shipped = next(m for m in package.metrics if m.name == "roc_auc_baseline")
    from_scratch = roc_auc(y[judged], plain.probabilities(take(table, judged)))
    assert from_scratch == pytest.approx(shipped.value, abs=1e-5)
