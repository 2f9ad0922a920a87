"""Sleep statistics against values worked out by hand, formulas in ml/algorithms/sleep/statistics.py."""

import pytest

from ml.algorithms.sleep.statistics import statistics


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
            "r_percent": 100 * 12 / 37, "unscored": 0,
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
