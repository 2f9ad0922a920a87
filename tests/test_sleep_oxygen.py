"""Falls of saturation planted in simulated oximetry, and what must not be taken for one."""

import json

import numpy as np
import pytest

from ml.algorithms.sleep import indices, oxygen
from ml.algorithms.sleep.traces import Trace

HOURS = 5
EPOCHS = HOURS * 120
SECONDS = HOURS * 3600


def flat(value: float = 96.0, seconds: int = SECONDS) -> np.ndarray:
    return np.full(seconds, value, np.float32)


def with_fall(samples: np.ndarray, at: int, drop: float, down: int = 20, up: int = 12) -> np.ndarray:
    """Plant a fall that begins at second ``at``."""
    samples = samples.copy()
    samples[at : at + down + 1] -= np.linspace(0, drop, down + 1)
    samples[at + down : at + down + up + 1] -= np.linspace(drop, 0, up + 1)
    samples[at + down] += drop
    return samples


def analyse(samples: np.ndarray, rate: float = 1.0, unit: str = "%") -> oxygen.Oxygen:
    return oxygen.analyse(Trace("SpO2", unit, rate, np.asarray(samples, np.float32)), EPOCHS)


@pytest.fixture(scope="module")
def planted() -> tuple[np.ndarray, list[tuple[int, float]]]:
    """Five hours of a whole-percent oximeter with falls of known time and depth, and its noise."""
    rng = np.random.default_rng(4)
    samples, falls, at = flat(), [], 120
    while at < SECONDS - 200:
        drop, down = rng.uniform(3.6, 10), int(rng.integers(12, 35))
        samples = with_fall(samples, at, drop, down, int(rng.integers(8, 20)))
        falls.append((at + down, drop))
        at += int(rng.integers(80, 240))
    return np.round(samples + rng.normal(0, 0.2, SECONDS)), falls


def test_planted_falls_are_found_and_nothing_else(planted):
    samples, falls = planted
    found = analyse(samples).events
    near = [[e for e in found if abs(e.nadir_s - at) <= 8] for at, _ in falls]
    assert sum(bool(events) for events in near) / len(falls) >= 0.95
    assert sum(any(abs(e.nadir_s - at) <= 8 for at, _ in falls) for e in found) / len(found) >= 0.98
    assert (
        max(abs(events[0].drop - drop) for events, (_, drop) in zip(near, falls, strict=True) if events)
        <= 1.5
    )
    assert all(e.start_s < e.nadir_s <= e.end_s for e in found)


@pytest.mark.parametrize(("drop", "three", "four"), [(2.5, 0, 0), (3.0, 1, 0), (3.9, 1, 0), (4.0, 1, 1)])
def test_a_fall_counts_from_three_and_from_four_points(drop, three, four):
    found = analyse(with_fall(flat(), 900, drop)).to_json()
    asleep = ["N2"] * EPOCHS
    row = indices.oxygen(found, asleep)
    assert row["odi3"]["events"] == three
    assert row["odi4"]["events"] == four


def test_time_and_depth_of_a_fall():
    (event,) = analyse(with_fall(flat(), 900, 6, down=20, up=12)).events
    assert (event.start_s, event.nadir_s) == (900, 920)
    assert (event.before, event.nadir, event.drop) == (96, 90, 6)
    assert 928 <= event.end_s <= 932
    # A triangle of 6 points over 32 s is 96 % · s; its last sixth lies within a point of the start.
    assert event.area == pytest.approx(96 / 60, rel=0.05)


def test_a_slow_decline_is_a_drift_and_no_fall():
    samples = flat()
    samples[3600:4800] -= np.linspace(0, 8, 1200)
    samples[4800:] -= 8
    assert analyse(np.round(samples)).events == ()


def test_a_long_low_level_is_one_fall_and_counts_in_the_time_below_ninety():
    samples = flat()
    samples[1000:1030] -= np.linspace(0, 9, 30)
    samples[1030:2830] -= 9
    samples[2830:2860] -= np.linspace(9, 0, 30)
    found = analyse(samples).to_json()
    assert len(found["events"]) == 1
    assert found["below_90_percent"] == pytest.approx(100 * 1800 / SECONDS, abs=0.2)


@pytest.mark.parametrize("value", [0.0, 127.0, 255.0, -1.0, np.nan, np.inf])
def test_a_sensor_that_fell_off_is_neither_a_fall_nor_time_below_ninety(value):
    samples = flat()
    samples[5000:5600] = value
    found = analyse(samples).to_json()
    assert found["events"] == []
    assert found["nadir"] == 96
    assert found["below_90_percent"] == 0
    assert found["gate"]["share"] == pytest.approx(1 - 600 / SECONDS, abs=2e-4)


def test_a_jump_faster_than_blood_is_no_fall():
    samples = flat()
    samples[5000:5030] = 85
    found = analyse(samples)
    assert found.events == ()
    assert not np.isfinite(found.samples[4999:5001]).any()


def test_a_wrong_second_is_no_fall():
    samples = flat()
    samples[5000:15000:500] -= 3.8
    assert analyse(samples).events == ()


def test_a_fall_that_a_gap_cuts_is_not_counted_and_a_break_of_two_seconds_does_not_hide_one():
    samples = with_fall(flat(), 900, 6)
    cut, short = samples.copy(), samples.copy()
    cut[910:930] = np.nan
    short[910:912] = np.nan
    assert analyse(cut).events == ()
    assert len(analyse(short).events) == 1


def test_an_oximeter_that_writes_fractions_is_read_and_said_so():
    found = analyse(with_fall(flat(), 900, 6) / 100, unit="")
    assert len(found.events) == 1
    assert found.events[0].drop == pytest.approx(6, abs=0.1)
    assert "fraction" in found.gate.reasons[0].en


@pytest.mark.parametrize("rate", [0.5, 4.0, 16.0])
def test_other_rates_give_the_same_falls(rate):
    samples = with_fall(flat(), 900, 6)
    times = np.arange(int(SECONDS * rate)) / rate
    found = analyse(np.interp(times, np.arange(SECONDS), samples), rate)
    (event,) = found.events
    assert event.nadir_s == pytest.approx(920, abs=2)
    assert event.drop == pytest.approx(6, abs=0.7)


def test_too_little_signal_gives_no_figure_but_a_sentence():
    samples = flat()
    samples[1500:] = np.nan
    found = analyse(with_fall(samples, 900, 6))
    stored = found.to_json()
    assert not found.gate.usable
    assert stored["events"] == []
    assert stored["nadir"] is stored["mean"] is stored["below_90_percent"] is None
    assert "no figures" in found.gate.reasons[0].en
    assert "0,4 h" in found.gate.reasons[0].fr
    row = indices.oxygen(stored, ["N2"] * EPOCHS)
    assert row["odi3"]["per_hour"] is row["t90_percent"] is row["nadir"] is None


def test_less_than_four_hours_are_given_with_a_warning():
    samples = flat()
    samples[3 * 3600 :] = np.nan
    gate = analyse(with_fall(samples, 900, 6)).gate
    assert gate.usable
    assert not gate.adequate
    assert "4 h" in gate.reasons[0].en


@pytest.mark.parametrize("samples", [[], [np.nan] * 100, [500.0] * SECONDS, [0.0] * SECONDS])
def test_nothing_to_read_is_said_and_stops_nothing(samples):
    found = analyse(samples)
    assert not found.gate.usable
    assert json.loads(json.dumps(found.to_json()))["events"] == []


def test_what_is_no_trace_is_an_error():
    with pytest.raises(ValueError, match="shape"):
        analyse(np.zeros((2, 100)))
    with pytest.raises(ValueError, match="rate"):
        analyse(flat(), rate=0)


def test_only_falls_and_readings_of_sleep_count_and_a_correction_changes_them():
    samples = with_fall(with_fall(flat(), 600, 6), 9000, 8)
    samples[12_000:12_300] = np.nan
    stored = analyse(samples).to_json()
    awake_first = ["W"] * 120 + ["N2"] * 480
    found = indices.oxygen(stored, awake_first)
    assert found["of"] == "sleep"
    assert found["odi3"] == {"events": 1, "hours": 4, "per_hour": 0.25, "of": "sleep"}
    assert found["nadir"] == 88
    assert found["hours"] == pytest.approx(4 - 300 / 3600)
    assert found["odi3_of_reading"] == pytest.approx(1 / found["hours"])
    assert indices.oxygen(stored, ["N2"] * EPOCHS)["odi3"]["events"] == 2
    assert indices.oxygen(stored, awake_first, lights_off=10_000)["odi3"]["events"] == 0


def test_without_staging_the_figures_are_those_of_the_recording_and_say_so():
    stored = analyse(with_fall(flat(), 600, 6)).to_json()
    found = indices.oxygen(stored, ["?"] * EPOCHS)
    assert found["of"] == "recording"
    assert found["odi3"]["per_hour"] == pytest.approx(1 / HOURS)
    assert found["mean"] == pytest.approx(96, abs=0.1)
