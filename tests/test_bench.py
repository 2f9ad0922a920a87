"""The measurements can be run; what they find passes or fails nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

from bench import measuring
from bench.__main__ import NAMES
from bench.measuring import Elsewhere, Measurement, Ratio
from tests.machine import ROOT


@pytest.mark.parametrize("name", NAMES)
def test_every_side_is_there_and_every_ratio_names_two_of_them(name: str) -> None:
    measurement: Measurement = import_module(f"bench.{name}").MEASUREMENT
    assert measurement.name == name
    for module in (*measurement.sides.values(), *filter(None, [measurement.prepare])):
        assert find_spec(module)
    for ratio in measurement.ratios:
        assert {term.split(".")[0] for term in (ratio.over, ratio.under)} <= set(measurement.sides)


def test_a_measurement_gives_a_table_and_json(tmp_path: Path) -> None:
    out = tmp_path / "bench.json"
    command = (sys.executable, "-m", "bench", "audit", "--repeats", "1", "--rounds", "1", "--out", str(out))
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(out.read_text("utf-8"))["measurements"]["audit"]
    assert set(found["figures"]) == {"vigie", "plain_row"}
    assert all(ratio > 0 for ratio in found["ratios"].values())
    assert all(title in done.stdout for title in found["ratios"])


@pytest.mark.long
def test_a_side_that_breaks_is_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    out = tmp_path / "bench.json"
    script = (
        "import sys, bench.__main__ as main, bench.audit as audit\n"
        "audit.MEASUREMENT.sides['vigie'] = 'bench.audit.nowhere'\n"
        f"sys.exit(main.main(['audit', '--rounds', '1', '--out', {str(out)!r}]))\n"
    )
    done = subprocess.run((sys.executable, "-c", script), cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert "not measured: bench.audit.nowhere" in done.stderr
    assert json.loads(out.read_text("utf-8"))["measurements"] == {}


def test_a_side_whose_environment_is_missing_is_left_out_and_said(tmp_path: Path) -> None:
    nowhere = Elsewhere(tmp_path / "python", "install it so")
    measurement = Measurement(
        name="audit",
        title="",
        sides={"ours": "bench.audit.events", "other": "bench.audit.plain_row"},
        ratios=(Ratio("ours ÷ other", "ours.x", "other.x"),),
        elsewhere={"other": nowhere},
    )
    assert measurement.left_out() == {"other": "install it so"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measuring, "child", lambda *_args, **_options: {"x": [1.0, 2.0]})
        found = measuring.run(measurement, tmp_path, repeats=1, rounds=1)
    assert list(found["figures"]) == ["ours"]
    assert found["ratios"] == {}
