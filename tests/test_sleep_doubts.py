"""A draft that no night looks like, or that its own derivations contradict, is doubted in words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ml import runner
from ml.algorithms.sleep import night_doubts, report
from ml.contracts import Loaded, Severity, Source
from ml.package import Package
from tests import nights

NIGHT = ("W", "N1", "N2", "N3", "N2", "R") * 160
PLAIN = Package(Path(), {"metrics": [], "limits": []})


def codes(stages, votes=()):
    jury = {"derivations": [f"C{i}-M2" for i, _ in enumerate(votes)], "votes": list(votes)} if votes else None
    return [one.code for one in night_doubts.doubts({"stages": stages, "epoch_seconds": 30, "jury": jury})]


@pytest.mark.parametrize(
    ("stages", "found"),
    [
        (["W"] * 361, ["one_stage"]),
        (["W"] * 360, []),
        (["W"] * 20 + ["N2"] * 940, ["one_stage"]),
        (["W"] * 100 + ["N2"] * 860, []),
        (["?"] * 960, []),
        (list(NIGHT), []),
    ],
)
def test_hours_of_one_stage_are_doubted_and_a_nap_is_not(stages, found):
    assert codes(stages) == found


def test_a_derivation_that_sees_another_night_is_named():
    alike, other = list(NIGHT), ["N2" if stage == "W" else "W" for stage in NIGHT]
    assert codes(alike, [alike, alike]) == []
    jury = {"derivations": ["C4-M1", "O2-M1"], "votes": [alike, other]}
    (doubt,) = night_doubts.doubts({"stages": alike, "epoch_seconds": 30, "jury": jury})
    assert doubt.severity is Severity.WARN
    assert "O2-M1" in doubt.message.en
    assert "O2-M1" in doubt.message.fr
    assert "C4-M1" not in doubt.message.en


def test_the_doubt_stands_with_the_warnings_and_is_not_stored_twice():
    found = nights.result() | {"jury": None, "stages": ["W"] * 960}
    made = report.report(PLAIN, found)
    assert [one.code for one in made.doubts] == ["one_stage"]
    assert "doubts" not in json.loads(json.dumps(made.as_json()))


def test_the_runner_tells_it_with_what_the_input_warned_of(monkeypatch):
    found = nights.result() | {"jury": None, "stages": ["W"] * 960}

    class Doors:
        load = staticmethod(lambda source, package: Loaded(data=None))
        predict = staticmethod(lambda package, loaded: found)
        report = staticmethod(report.report)

    monkeypatch.setattr(runner.registry, "door", lambda name, which: Doors)
    outcome = runner.run("sleep", Source(), explain=False)
    assert [one.code for one in outcome.problems] == ["one_stage"]
