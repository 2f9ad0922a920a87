"""The crash reference task: what leaks is refused by name, and the held-out figures hold."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ml import __main__ as cli
from ml import package as packages
from ml import registry, runner
from ml.algorithms.accident_severity import train
from ml.algorithms.accident_severity.contract import LEAKS, check
from ml.algorithms.accident_severity.fields import COLUMNS, FIELDS
from ml.contracts import Severity, Source, Status
from ml.tabular.preparation import take
from ml.training import tabular
from ml.training.data import DataMissing
from ml.training.evaluation import roc_auc
from ml.training.folds import held_out
from ml.training.pipeline import fit_members
from ml.training.tabular import BadTable
from tests.cards import figures_missing_from_card

# Every column of the table as the portal gave it out for June 2019.
PORTAL = (
    "CRASH_DATE,POSTED_SPEED_LIMIT,TRAFFIC_CONTROL_DEVICE,DEVICE_CONDITION,WEATHER_CONDITION,LIGHTING_CONDITION,"
    "FIRST_CRASH_TYPE,TRAFFICWAY_TYPE,ALIGNMENT,ROADWAY_SURFACE_COND,ROAD_DEFECT,REPORT_TYPE,CRASH_TYPE,"
    "INTERSECTION_RELATED_I,DAMAGE,PRIM_CONTRIBUTORY_CAUSE,SEC_CONTRIBUTORY_CAUSE,STREET_NO,STREET_DIRECTION,"
    "STREET_NAME,BEAT_OF_OCCURRENCE,NUM_UNITS,MOST_SEVERE_INJURY,INJURIES_TOTAL,INJURIES_FATAL,"
    "INJURIES_INCAPACITATING,INJURIES_NON_INCAPACITATING,INJURIES_REPORTED_NOT_EVIDENT,INJURIES_NO_INDICATION,"
    "INJURIES_UNKNOWN,CRASH_HOUR,CRASH_DAY_OF_WEEK,CRASH_MONTH,LATITUDE,LONGITUDE"
)
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
    assert not [name for name in package.input["features"] if "damage" in name or "injur" in name]


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


def test_the_searches_and_the_look_at_the_held_out_crashes_are_on_record():
    package = packages.load("accident_severity")
    training = package.manifest["training"]
    forest = training["search"]["random_forest"]
    assert forest["trials"] >= 50
    assert set(forest["params"]) == {
        "n_estimators", "max_depth", "min_samples_split", "min_samples_leaf", "class_weight",
    }  # fmt: skip
    assert training["search"]["xgboost"]["trials"] >= 50
    losses = training["out_of_fold_log_loss"]
    assert training["recipe"]["name"] == min(losses, key=losses.get)
    figures = {m.name: m for m in package.metrics}
    assert figures["roc_auc"].value >= 0.81
    assert figures["roc_auc_above_baseline"].low > 0
    assert {m.n for m in figures.values()} == {2106}
    assert package.json("curves.json")["n"] == 2106
    (compared,) = package.json("comparison.json")["comparisons"]
    assert {row["name"] for row in compared["rows"]} == {train.BASELINE, *losses}


def test_every_column_of_the_portal_is_a_field_a_leak_or_left_out_on_purpose():
    left_out = {
        "CRASH_DATE", "DEVICE_CONDITION", "ALIGNMENT", "ROAD_DEFECT", "SEC_CONTRIBUTORY_CAUSE", "STREET_NO",
        "STREET_DIRECTION", "STREET_NAME", "BEAT_OF_OCCURRENCE", "CRASH_MONTH",
    }  # fmt: skip
    portal = {*PORTAL.split(",")}
    fields = {name for name in portal if name.casefold() in {**COLUMNS, **{f.name: "" for f in FIELDS}}}
    assert portal == fields | set(LEAKS) | left_out
    assert len(portal) == len(fields) + len(LEAKS) + len(left_out)


@pytest.mark.shared
def test_the_table_is_described_before_anything_is_learnt(capsys):
    assert cli.main(["describe", "accident_severity", "--data", str(SHARED)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["rows"], found["classes"]["events"]) == (10530, 1467)
    assert found["numbers"]["latitude"]["missing"] == 121
    assert found["numbers"]["speed_limit"]["outliers"]["beyond_z"] == 400
    assert found["categories"]["collision"]["levels"]["pedestrian"]["share_of_events"] > 0.5
    assert "units_by_speed" in found["derived"]


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
