"""Sleep statistics against values worked out by hand, formulas in ml/algorithms/sleep/statistics.py."""

import pytest

from ml.algorithms.sleep.formulas import FORMULAS, STAGE_SHARE
from ml.algorithms.sleep.statistics import odi, statistics


def night(text: str) -> list[str]:
    """``"W4 N2:10"`` → stages; counts are epochs of half a minute."""
    stages = []
    for part in text.split():
        stage, count = part.split(":")
        stages += [stage] * int(count)
    return stages


HAND = [
    # 100 epochs = 50 min; sleep from epoch 10 to 89.
    (
        "W:10 N1:10 N2:30 N3:10 W:6 R:24 W:10",
        {
            "trt": 50, "tst": 37, "sol": 5, "spt": 40, "waso": 8, "wake_in_sleep_period": 3,
            "se": 74, "sme": 92.5, "rem_latency": 28, "rem_latency_from_lights_off": 33,
            "wake": 13, "n1": 5, "n2": 15, "n3": 5, "r": 12, "awakenings": 1, "stage_shifts": 4,
            "r_percent": 100 * 12 / 37, "unscored": 0, "r_percent_of_spt": 30, "sol_persistent": 5,
            "n2_latency": 5, "n3_latency": 20, "wake_after_sleep": 5, "se_scored": 74,
            # Four changes, of which one awakening and two between stages of sleep, in 37 min of sleep.
            "shifts_per_hour": 4 * 60 / 37, "fragmentation": 3 * 60 / 37, "fragmentation_n1": 60 / 37,
            "arousals": None, "arousal_index": None,
        },
    ),
    # No sleep at all: latencies are undefined, not zero.
    (
        "W:20",
        {"trt": 10, "tst": 0, "sol": None, "waso": None, "wake_in_sleep_period": None, "se": 0, "sme": None,
         "rem_latency": None, "n1_percent": None, "awakenings": 0},
    ),
    ("N2:1", {"trt": 0.5, "tst": 0.5, "sol": 0, "spt": 0.5, "waso": 0, "se": 100, "n2_percent": 100}),
    ("W:1", {"trt": 0.5, "tst": 0, "se": 0}),
    ("", {"trt": 0, "tst": 0, "se": None, "sol": None}),
    # No REM sleep.
    ("W:2 N2:8", {"rem_latency": None, "rem_latency_from_lights_off": None, "r_percent": 0, "sol": 1}),
    # Sleep from the first epoch, REM sleep first.
    ("R:4 N2:4", {"sol": 0, "rem_latency": 0, "rem_latency_from_lights_off": 0, "r_percent": 50}),
    # One awakening of one epoch; wake after the last sleep counts in the AASM's WASO only.
    ("N2:4 W:1 N2:4 W:3", {"waso": 2, "wake_in_sleep_period": 0.5, "awakenings": 1, "spt": 4.5, "tst": 4}),
    # Unscored epochs are neither sleep nor wake, and no shift.
    (
        "N2:4 ?:2 N2:4",
        {"tst": 4, "spt": 5, "unscored": 1, "wake": 0, "waso": 1, "awakenings": 0, "stage_shifts": 0},
    ),
    # A gap of five minutes: it is in TRT and in the AASM's WASO, but it is not wake, and no change of stage.
    (
        "N2:10 ?:10 R:10",
        {"trt": 15, "tst": 10, "unscored": 5, "spt": 15, "waso": 5, "wake_in_sleep_period": 0, "wake": 0,
         "se": 100 * 10 / 15, "se_scored": 100, "sme": 100 * 10 / 15, "rem_latency": 10, "stage_shifts": 0,
         "shifts_per_hour": 0, "sol_persistent": None},
    ),
    # Nothing scored: no share of nothing.
    (
        "?:10",
        {"trt": 5, "tst": 0, "unscored": 5, "sol": None, "waso": None, "se": 0, "se_scored": None,
         "shifts_per_hour": None, "fragmentation": None, "sol_persistent": None, "wake_after_sleep": None},
    ),
    # Awake every other epoch: five awakenings in three minutes of sleep, and none of it persistent.
    (
        "N2:1 W:1 N2:1 W:1 N2:1 W:1 N2:1 W:1 N2:1 W:1 N2:1 W:1",
        {"trt": 6, "tst": 3, "spt": 5.5, "waso": 3, "wake_in_sleep_period": 2.5, "wake_after_sleep": 0.5,
         "awakenings": 5, "stage_shifts": 10, "shifts_per_hour": 200, "fragmentation": 100, "se": 50,
         "sol": 0, "sol_persistent": None},
    ),
    # Asleep at the end: nothing after the last sleep.
    (
        "W:4 N2:16",
        {"sol": 2, "wake_after_sleep": 0, "waso": 0, "spt": 8, "sme": 100, "se": 80, "n3_latency": None},
    ),
    # Six changes: one awakening, one back to sleep, four within sleep, of which one to N1.
    (
        "N1:2 N2:4 N1:1 N2:3 W:1 N1:1 N2:8",
        {"tst": 9.5, "stage_shifts": 6, "awakenings": 1, "fragmentation": 5 * 60 / 9.5,
         "fragmentation_n1": 2 * 60 / 9.5, "n1_percent": 100 * 4 / 19, "n1_percent_of_spt": 20},
    ),
    # Twenty epochs of sleep without a break are persistent, nineteen are not.
    ("W:2 N1:1 W:1 N2:20", {"sol": 1, "sol_persistent": 2}),
    ("W:2 N1:1 W:1 N2:19", {"sol": 1, "sol_persistent": None}),
    ("R:10", {"tst": 5, "rem_latency": 0, "n2_latency": None, "r_percent": 100, "se": 100}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), HAND)
def test_statistics_equal_those_worked_out_by_hand(text, expected):
    found = statistics(night(text))
    assert {name: found[name] for name in expected} == pytest.approx(expected)


def test_lights_off_and_on_cut_the_night():
    stages = night("N2:10 W:10 N2:20 W:10")
    found = statistics(stages, lights_off=300, lights_on=1200)
    assert found["trt"] == 15
    assert found["tst"] == 10
    assert found["sol"] == 5


def test_lights_in_mid_epoch_count_the_epochs_whose_middle_is_inside():
    stages = night("W:2 N2:4 W:2")
    found = statistics(stages, lights_off=50, lights_on=190)
    assert found["trt"] == pytest.approx(140 / 60)
    assert found["tst"] == 2
    assert found["sol"] == pytest.approx(10 / 60)
    later = statistics(stages, lights_off=70, lights_on=190)
    assert later["sol"] == 0
    assert later["tst"] == 2


def test_lights_on_before_off_is_an_error():
    with pytest.raises(ValueError, match="before lights off"):
        statistics(["W"], lights_off=60, lights_on=30)


def test_sleep_before_lights_off_and_after_lights_on_does_not_count():
    stages = night("W:2 N2:10 W:8 N2:20 W:5 R:10")
    found = statistics(stages, lights_off=600, lights_on=1350)
    assert found["trt"] == 12.5
    assert found["tst"] == 10
    assert found["sol"] == 0
    assert found["waso"] == 2.5
    assert found["rem_latency"] is None


def test_lights_off_in_the_middle_of_sleep_leave_no_latency():
    assert statistics(night("N2:20"), lights_off=310)["sol"] == 0


def test_nobody_sleeps_between_lights_that_are_one_moment():
    found = statistics(night("N2:20"), lights_off=300, lights_on=300)
    assert found["trt"] == 0
    assert found["tst"] == 0
    assert found["se"] is None
    assert found["sol"] is None


def test_lights_outside_the_recording_are_held_at_its_edges():
    stages = night("W:2 N2:18")
    assert statistics(stages, lights_off=-60, lights_on=10_000) == statistics(stages)
    assert statistics(stages, lights_off=9_000, lights_on=10_000)["trt"] == 0


def test_efficiency_is_never_above_one_hundred_percent():
    found = statistics(night("N2:2"), lights_off=10, lights_on=50)
    assert found["trt"] == pytest.approx(40 / 60)
    assert found["tst"] == 1
    assert found["se"] == 100


def test_lights_that_are_no_number_are_an_error():
    with pytest.raises(ValueError, match="must be seconds"):
        statistics(["W"], lights_off=float("nan"))


def test_arousals_count_between_the_lights_per_hour_of_sleep():
    stages = night("W:20 N2:60 W:20")
    found = statistics(stages, lights_off=300, lights_on=2700, arousals=[100, 300, 900.5, 2500, 2700])
    assert found["arousals"] == 3
    assert found["arousal_index"] == pytest.approx(6)
    # Scored, but none in this part of the night: zero, not unknown.
    assert statistics(stages, lights_off=300, lights_on=2700, arousals=[10])["arousal_index"] == 0


def fall(start: float, nadir: float, drop: float) -> dict[str, float]:
    return {"start_s": start, "nadir_s": nadir, "drop": drop}


def test_desaturations_are_counted_per_hour_of_sleep():
    stages = night("W:20 N2:60 W:20")
    falls = [
        fall(100, 130, 5),
        fall(580, 605, 3),
        fall(900, 930, 4),
        fall(2390, 2410, 3.5),
        fall(2500, 2530, 6),
    ]
    three = odi(falls, stages, drop=3)
    assert three == {"events": 3, "hours": 0.5, "per_hour": 6, "of": "sleep"}
    assert odi(falls, stages, drop=4)["per_hour"] == 2
    assert odi(falls, stages, drop=3, lights_off=900)["events"] == 2


def test_without_staging_desaturations_are_counted_per_hour_of_recording_and_said_so():
    found = odi([fall(100, 130, 5), fall(580, 605, 3)], night("?:120"), drop=3)
    assert found == {"events": 2, "hours": 1, "per_hour": 2, "of": "recording"}


def test_a_night_without_sleep_has_no_desaturation_index():
    assert odi([fall(100, 130, 5)], night("W:120"), drop=3)["per_hour"] is None


def test_every_formula_names_a_statistic_in_both_languages():
    found = statistics(night("W:2 N2:8"))
    for row in FORMULAS:
        for key, words in ((row.key, row.formula), *((other.key, other.formula) for other in row.others)):
            assert key in found
            assert words.en
            assert words.fr
    for stage in ("n1", "n2", "n3", "r"):
        assert f"{stage}_{STAGE_SHARE.key}" in found
        assert f"{stage}_{STAGE_SHARE.others[0].key}" in found
