"""What is watched of each algorithm, the baselines beside the packages, and how often the watch errs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset

from ml import package as packages
from ml import registry, runner
from ml.__main__ import main
from ml.algorithms.chest_xray import seen
from ml.algorithms.chest_xray.acquisition import maker
from ml.algorithms.haemorrhage.examples import EXAMPLES
from ml.algorithms.sleep import summary as night
from ml.contracts import Source
from ml.monitoring import baselines, simulating
from ml.monitoring.assembling import Outcomes, assemble, stored
from ml.monitoring.watched import Score, Study

SHARED = Path("../shared/data")


@pytest.mark.parametrize("algorithm", registry.names())
def test_every_algorithm_says_what_is_watched_of_it(algorithm: str) -> None:
    door = registry.door(algorithm, "summary")
    names = [one.name for one in door.WATCHED]
    assert len(set(names)) == len(names)
    assert all(one.label.en and one.label.fr for one in door.WATCHED)
    # Of a study that nothing is known of there is a row all the same, and no score.
    assert set(door.row(Study())) == set(names)
    assert door.score(Study()) is None


def test_an_assessment_is_watched_by_its_answers_and_its_risk() -> None:
    values = dict(EXAMPLES[0])
    outcome = runner.run("haemorrhage", Source(values=values))
    door = registry.door("haemorrhage", "summary")
    row = door.row(Study(values=values, result=outcome.result))
    assert row["risk"] == outcome.result["risk"]
    assert row["age"] == outcome.result["age"]
    assert row["flagged"] in ("yes", "no")
    assert row["preeclampsia"] in ("yes", "no", "unknown")
    assert door.score(Study(result=outcome.result)) == Score(
        outcome.result["risk"], outcome.result["flagged"]
    )


def test_a_night_is_watched_by_channels_stages_and_confidence() -> None:
    result = {
        "stages": ["W", "N2", "N2", "?"],
        "probabilities": [[0.9, 0.1, 0, 0, 0], [0, 0.1, 0.5, 0.4, 0], [0, 0, 1.0, 0, 0], None],
        "channels": {"eeg_posterior": "Pz-Oz", "eog": "E1", "eeg_frontal_central": None},
        "segments": [[0, 4]], "rate": 256.0, "quality": {"epochs": [[0, 1, "eeg"]]}, "boosted": None,
    }  # fmt: skip
    row = night.row(Study(result=result))
    assert row["channels"] == "eeg_posterior+eog"
    assert row["rate"] == "256.0"
    assert row["stage_N2"] == pytest.approx(200 / 3)
    assert row["confidence"] == pytest.approx(80)
    assert row["unsure"] == pytest.approx(100 / 3)
    assert row["unusable"] == 25
    assert night.score(Study(result=result)).expected == pytest.approx(0.8)
    assert night.row(Study(refused=("too_short",)))["outcome"] == "refused"


def test_the_maker_of_a_device_is_one_of_a_few_names_and_never_the_text_of_a_header() -> None:
    named = Dataset()
    for written, found in (("SIEMENS Healthineers", "siemens"), ("Mr Lantern", "other"), ("", "none")):
        named.Manufacturer = written
        assert maker(named) == found
    bright = seen.numbers(np.full((224, 224), 250, np.uint8), None)
    assert bright["brightness"] > 240
    assert bright["contrast"] == 0


@pytest.mark.parametrize("algorithm", ["haemorrhage", "chest_xray", "german_credit", "accident_severity"])
def test_the_serving_package_has_a_baseline_that_pins_it(algorithm: str) -> None:
    package = packages.load(algorithm)
    held = baselines.read(package)
    assert held["n"] >= 300
    assert held["command"].startswith("python -m ml baseline")
    names = {one.name for one in registry.door(algorithm, "summary").WATCHED}
    assert set(held["inputs"]) | set(held["outputs"]) <= names
    group = stored(held)
    assert all(sample.given for sample in group.inputs.values())


def test_a_baseline_of_another_package_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = packages.load("german_credit")
    held = {**baselines.read(package), "package_sha256": "0" * 64}
    held["sha256"] = baselines.checksum(held)
    file = tmp_path / "german_credit" / f"{package.version}.json"
    file.parent.mkdir()
    file.write_text(json.dumps(held), "utf-8")
    monkeypatch.setattr(baselines, "ROOT", tmp_path)
    with pytest.raises(baselines.NoBaseline, match="another package"):
        baselines.read(package)
    with pytest.raises(baselines.NoBaseline, match="has no baseline"):
        baselines.read(packages.load("sleep"))


def _renamed(held: dict[str, Any]) -> dict[str, Any]:
    held["inputs"]["age"]["values"] = held["inputs"]["age"].pop("points")
    return held


@pytest.mark.parametrize("sealed", [True, False])
@pytest.mark.parametrize(
    "damage",
    [
        lambda held: "",
        lambda held: "[1, 2]",
        lambda held: json.dumps(held)[:200],
        lambda held: json.dumps(held | {"n": 0}),
        lambda held: json.dumps(_renamed(held)),
        lambda held: json.dumps(held | {"performance": {"roc_auc": {"value": "high"}}}),
    ],
)
def test_a_damaged_baseline_is_told_from_none(
    damage: Callable[[dict[str, Any]], str], sealed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = packages.load("haemorrhage")
    text = damage(json.loads(baselines.path("haemorrhage", package.version).read_text("utf-8")))
    if sealed and text.endswith("}"):
        # Whoever wrote a new checksum under it wrote no baseline all the same.
        held = json.loads(text)
        text = json.dumps(held | {"sha256": baselines.checksum(held)})
    file = tmp_path / "haemorrhage" / f"{package.version}.json"
    file.parent.mkdir()
    file.write_text(text, "utf-8")
    monkeypatch.setattr(baselines, "ROOT", tmp_path)
    with pytest.raises(baselines.DamagedBaseline):
        baselines.read(package)


def test_what_a_baseline_lacks_is_not_compared() -> None:
    """Of a baseline of public data neither a field it lacks nor what is missing in it says anything."""
    group = stored(baselines.read(packages.load("haemorrhage")))
    things = registry.door("haemorrhage", "summary").WATCHED
    found = assemble(things, group, group, Outcomes())
    by_name = {one["name"]: one for one in found["fields"]}
    assert by_name["age"]["level"] == "quiet"
    assert by_name["parity"]["level"] == "unknown"
    assert {one["missing_level"] for one in found["fields"]} == {"unknown"}
    assert found["performance"] is None


def test_undrifted_windows_alarm_nobody_and_known_drifts_are_caught_by_the_second() -> None:
    """A small part of what the next test counts; the figures stand in docs/decisions/0035."""
    tally = simulating.undrifted(3, 4, seed=100)
    assert tally.windows == 12
    assert tally.alarmed <= 1
    for name in simulating.KNOWN:
        assert simulating.caught(name, 2, seed=100) >= 1, name


def test_reassessments_of_one_person_are_no_evidence() -> None:
    """Five assessments each, no drift: no window more stands out than with one, every one if all count."""
    once = simulating.undrifted(2, 3, seed=21)
    first = simulating.undrifted(2, 3, seed=21, assessments=5)
    every = simulating.undrifted(2, 3, seed=21, assessments=5, each=True)
    assert first == once
    assert first.raised <= 2
    assert every.raised >= 5


@pytest.mark.long
def test_no_alert_in_19_of_20_undrifted_windows_and_the_command_says_so(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["monitoring-errors", "--streams", "50", "--windows", "6", "--drifting", "20"]) == 0
    found = {line["name"]: line for line in map(json.loads, capsys.readouterr().out.splitlines())}
    assert found["undrifted_alarmed"]["n"] == 300
    assert found["undrifted_alarmed"]["high"] <= 0.05
    assert found["undrifted_opened"]["high"] <= 0.05
    for name in simulating.KNOWN:
        assert found[f"caught_{name}"]["share"] >= 0.6, name


@pytest.mark.shared
def test_a_table_of_the_reference_task_is_held_against_its_baseline(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = SHARED / "tabular/german_credit.csv.gz"
    assert main(["drift", "german_credit", "--rows", str(table)]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {line["level"] for line in lines[:-1]} <= {"quiet", "unknown"}
    assert main(["baseline", "german_credit", "--data", str(SHARED), "--out", str(tmp_path)]) == 0
    made = json.loads((tmp_path / "german_credit/1.1.0.json").read_text("utf-8"))
    assert made == json.loads(baselines.path("german_credit", "1.1.0").read_text("utf-8"))
    assert main(["baseline", "sleep", "--data", str(SHARED), "--out", str(tmp_path)]) == 2
