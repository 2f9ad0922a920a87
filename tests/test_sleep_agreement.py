"""Agreement of two hypnograms against values worked out by hand, and against scikit-learn."""

import json
import random

import pytest
from sklearn.metrics import cohen_kappa_score, f1_score

from ml.algorithms.sleep import agreement, scorers
from ml.algorithms.sleep.agreement import compare
from ml.algorithms.sleep.contract import STAGES
from tests.machine import SHARED


def two_scorers(epochs: int = 1200, seed: int = 3) -> tuple[list[str], list[str]]:
    """A night in bouts, and a second scorer who differs in every sixth epoch."""
    rng = random.Random(seed)
    first, stage = [], "W"
    for _ in range(epochs):
        stage = rng.choice(STAGES) if rng.random() < 0.1 else stage
        first.append(stage)
    return first, [rng.choice(STAGES) if rng.random() < 1 / 6 else stage for stage in first]


def test_kappa_by_hand():
    # Both wrote W and N2 five times each, eight of ten alike: (0.8 − 0.5) / (1 − 0.5).
    first = ["W"] * 5 + ["N2"] * 5
    second = ["W"] * 4 + ["N2"] * 5 + ["W"]
    found = compare(first, second)
    assert found.kappa.value == pytest.approx(0.6)
    assert found.accuracy.value == pytest.approx(0.8)
    assert found.f1 == {"W": pytest.approx(0.8), "N1": None, "N2": pytest.approx(0.8), "N3": None, "R": None}
    assert found.macro_f1.value == pytest.approx(0.8)
    assert found.differ == (4, 9)
    assert found.confusion[0] == (4, 0, 1, 0, 0)
    assert found.confusion[2] == (1, 0, 4, 0, 0)


def test_figures_equal_those_of_scikit_learn():
    first, second = two_scorers()
    found = compare(first, second)
    assert found.kappa.value == pytest.approx(cohen_kappa_score(first, second))
    assert found.macro_f1.value == pytest.approx(f1_score(first, second, average="macro"))
    assert found.kappa.low < found.kappa.value < found.kappa.high
    assert 0.02 < found.kappa.high - found.kappa.low < 0.12


def test_an_epoch_that_one_left_unscored_is_left_out():
    first, second = two_scorers(100)
    first[3], second[7] = "?", "?"
    kept = [i for i in range(100) if i not in (3, 7)]
    found = compare(first, second)
    assert found.epochs == 98
    assert found.left_out == 2
    assert found.kappa.value == pytest.approx(
        cohen_kappa_score([first[i] for i in kept], [second[i] for i in kept])
    )
    assert not {3, 7} & set(found.differ)


def test_the_same_seed_gives_the_same_interval_and_order_does_not_matter():
    first, second = two_scorers()
    found = compare(first, second, seed=1)
    assert compare(first, second, seed=1) == found
    assert compare(first, second, seed=2).kappa != found.kappa
    turned = compare(second, first, seed=1)
    assert turned.kappa.value == pytest.approx(found.kappa.value)
    assert turned.f1 == pytest.approx(found.f1)


def test_two_alike_agree_fully_and_one_stage_alone_tells_nothing():
    first, _ = two_scorers(200)
    assert compare(first, first).kappa.value == 1
    alone = compare(["N2"] * 60, ["N2"] * 60)
    assert alone.accuracy.value == 1
    assert alone.kappa.value is None


@pytest.mark.parametrize("stages", [[], ["?"] * 40])
def test_nothing_compared_gives_no_figure(stages):
    found = compare(stages, stages)
    assert found.epochs == 0
    assert found.kappa.value is found.accuracy.value is found.macro_f1.value is None
    assert json.loads(json.dumps(found.to_json()))["kappa"] == {"value": None, "low": None, "high": None}


def test_hypnograms_of_two_recordings_are_refused():
    with pytest.raises(ValueError, match="same length, got 2 and 3"):
        compare(["W", "W"], ["W", "W", "W"])
    with pytest.raises(ValueError, match="S2"):
        compare(["S2"], ["N2"])


def test_the_yardstick_says_how_well_people_agree():
    stored = agreement.yardstick()
    assert [cohort["nights"] for cohort in stored["cohorts"]] == [25, 55]
    said = agreement.yardstick_in_words()
    assert "0.70 [0.66, 0.74]" in said.en
    assert "0,70 [0,66 ; 0,74]" in said.fr


@pytest.mark.shared
def test_the_yardstick_is_what_the_data_say(capsys):
    assert scorers.main(["--data", str(SHARED)]) == 0
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert printed == agreement.yardstick()["cohorts"]


def test_without_the_data_the_command_says_what_is_missing(tmp_path, capsys):
    assert scorers.main(["--data", str(tmp_path)]) == 2
    assert "dreem_scorers" in capsys.readouterr().err
