"""Pauses and reductions planted in simulated breathing, and what must not be taken for one."""

import json
from dataclasses import dataclass

import numpy as np
import pytest

from ml.algorithms.sleep import breathing, indices, oxygen
from ml.algorithms.sleep.burden import burdens
from ml.algorithms.sleep.traces import Trace

RATE = 16
HOURS = 5
SECONDS = HOURS * 3600
EPOCHS = HOURS * 120
KINDS = {"obstructive": "apnoea", "central": "apnoea", "hypopnoea": "hypopnoea", "slight": "reduction"}


@dataclass
class Body:
    """Five hours of breathing at 15 a minute, a belt that follows it, and a saturation of 96 %."""

    depth: np.ndarray
    effort: np.ndarray
    saturation: np.ndarray
    seed: int = 0

    def flow(self) -> np.ndarray:
        return self._wave(self.depth, 0.0)

    def belt(self) -> np.ndarray:
        return 40 * self._wave(self.effort, 0.3)

    def _wave(self, depth: np.ndarray, phase: float) -> np.ndarray:
        rng = np.random.default_rng(self.seed)
        times = np.arange(SECONDS * RATE) / RATE
        wander = np.interp(times, np.arange(0, SECONDS + 20, 20), rng.normal(0, 1, SECONDS // 20 + 1))
        pace = 2 * np.pi * np.cumsum(0.25 * (1 + 0.05 * wander)) / RATE
        return depth * (1 + 0.06 * wander) * np.sin(pace + phase) + 0.02 * rng.standard_normal(len(times))

    def plant(self, at: int, seconds: int, kind: str) -> None:
        inside = slice(at * RATE, (at + seconds) * RATE)
        self.depth[inside] *= 0.04 if KINDS[kind] == "apnoea" else 0.5
        if kind == "central":
            self.effort[inside] *= 0.04
        if kind != "slight":
            first, nadir = at + 12, at + seconds + 12
            self.saturation[first:nadir] -= np.linspace(0, 6, nadir - first)
            self.saturation[nadir : nadir + 15] -= np.linspace(6, 0, 15)


def body() -> Body:
    n = SECONDS * RATE
    return Body(np.ones(n), np.ones(n), np.full(SECONDS, 96.0))


def analyse(body: Body, *, belt: bool = True, oximeter: bool = True) -> breathing.Breathing:
    saturation = oxygen.analyse(Trace("SpO2", "%", 1.0, body.saturation.astype(np.float32)), EPOCHS)
    belts = (Trace("Thorax", "µV", RATE, body.belt().astype(np.float32)),) if belt else ()
    flow = Trace("Flow", "", RATE, body.flow().astype(np.float32))
    return breathing.analyse(flow, belts, saturation if oximeter else None)


def overlap(event: breathing.FlowEvent, at: int, seconds: int) -> float:
    """Share of a planted event that a found one covers."""
    return (min(event.end_s, at + seconds) - max(event.start_s, at)) / seconds


@pytest.fixture(scope="module")
def planted() -> tuple[Body, list[tuple[int, int, str]]]:
    rng, night, events, at = np.random.default_rng(2), body(), [], 300
    while at < SECONDS - 200:
        seconds, kind = int(rng.integers(14, 40)), str(rng.choice(list(KINDS)))
        night.plant(at, seconds, kind)
        events.append((at, seconds, kind))
        at += seconds + int(rng.integers(50, 140))
    return night, events


def test_planted_events_are_found_with_their_kind_and_nothing_else(planted):
    night, events = planted
    found = analyse(night).events
    hit = [
        any(e.kind == KINDS[kind] and overlap(e, at, seconds) > 0.7 for e in found)
        for at, seconds, kind in events
    ]
    assert np.mean(hit) >= 0.97
    true = [any(overlap(e, at, seconds) > 0.5 for at, seconds, _ in events) for e in found]
    assert np.mean(true) >= 0.98


def test_effort_tells_pauses_with_it_from_pauses_without(planted):
    night, events = planted
    told = {"obstructive": "with", "central": "without"}
    found = analyse(night).events
    right = [
        e.effort == told[kind]
        for at, seconds, kind in events
        if kind in told
        for e in found
        if e.kind == "apnoea" and overlap(e, at, seconds) > 0.7
    ]
    assert len(right) > 20
    assert np.mean(right) >= 0.97
    assert {e.effort for e in analyse(night, belt=False).events} == {""}


def test_without_an_oximeter_there_are_pauses_only_and_a_sentence(planted):
    night, _ = planted
    found = analyse(night, oximeter=False)
    assert {e.kind for e in found.events} == {"apnoea", "reduction"}
    assert all(e.burden is None for e in found.events)
    assert "hypopn" in found.gate.reasons[-1].en
    assert indices.breathing(found.to_json(), ["N2"] * EPOCHS)["burden"] is None


@pytest.mark.parametrize(("seconds", "count"), [(7, 0), (14, 1), (100, 1), (170, 0)])
def test_a_pause_lasts_from_ten_seconds_to_two_minutes(seconds, count):
    night = body()
    night.plant(3000, seconds, "obstructive")
    assert sum(e.kind == "apnoea" for e in analyse(night).events) == count


@pytest.mark.parametrize(("share", "count"), [(0.8, 0), (0.55, 1)])
def test_a_reduction_takes_at_least_thirty_percent(share, count):
    night = body()
    night.depth[3000 * RATE : 3030 * RATE] *= share
    assert sum(e.kind == "reduction" for e in analyse(night).events) == count


def test_quiet_breathing_with_a_wandering_baseline_has_no_event():
    night = body()
    flow = night.flow() + 3 * np.sin(2 * np.pi * np.arange(SECONDS * RATE) / RATE / 90)
    found = breathing.analyse(Trace("Flow", "", RATE, flow.astype(np.float32)))
    assert found.gate.adequate
    assert [e for e in found.events if e.kind == "apnoea"] == []


def test_the_size_and_sign_of_the_signal_do_not_matter(planted):
    night, _ = planted
    events = analyse(night).events
    for scale in (-1.0, 1e-3, 1e4):
        flow = Trace("Flow", "", RATE, (night.flow() * scale).astype(np.float32))
        again = breathing.analyse(flow).events
        assert [(e.start_s, e.end_s) for e in again] == [(e.start_s, e.end_s) for e in events]


def test_a_cannula_that_fell_out_is_no_pause():
    night = body()
    night.depth[4000 * RATE : 6000 * RATE] = 0
    found = analyse(night)
    assert found.events == ()
    assert found.gate.share == pytest.approx(1 - 2000 / SECONDS, abs=0.02)
    assert found.seconds[150] == 0


def test_a_gap_is_no_pause_and_nothing_is_made_up_across_it():
    night = body()
    flow = night.flow().astype(np.float32)
    flow[4000 * RATE : 4060 * RATE] = np.nan
    found = breathing.analyse(Trace("Flow", "", RATE, flow))
    assert found.events == ()


@pytest.mark.parametrize(
    "samples",
    [
        np.zeros(SECONDS * RATE),
        np.full(SECONDS * RATE, np.nan),
        np.random.default_rng(0).standard_normal(SECONDS * RATE),
        np.sin(2 * np.pi * 1.2 * np.arange(SECONDS * RATE) / RATE),
        np.zeros(0),
    ],
    ids=["flat", "missing", "noise", "heart", "empty"],
)
def test_what_is_no_breathing_gives_no_figure_but_a_sentence(samples):
    found = breathing.analyse(Trace("Flow", "", RATE, samples.astype(np.float32)))
    assert not found.gate.usable
    assert found.events == ()
    assert "no figures" in found.gate.reasons[0].en
    stored = json.loads(json.dumps(found.to_json()))
    assert indices.breathing(stored, ["N2"] * EPOCHS)["per_hour"] is None


def test_a_rate_too_low_for_breathing_is_an_error():
    with pytest.raises(ValueError, match="at least 4"):
        breathing.analyse(Trace("Flow", "", 1.0, np.zeros(1000, np.float32)))


def test_events_per_hour_of_sleep_and_of_recording():
    night = body()
    for at, kind in ((600, "obstructive"), (7200, "hypopnoea"), (9000, "central"), (9200, "slight")):
        night.plant(at, 25, kind)
    stored = analyse(night).to_json()
    found = indices.breathing(stored, ["W"] * 120 + ["N2"] * 480)
    assert (found["of"], found["hours"], found["events"], found["per_hour"]) == ("sleep", 4, 2, 0.5)
    assert (found["apnoeas"], found["hypopnoeas"], found["reductions"]) == (1, 1, 1)
    assert (found["with_effort"], found["without_effort"]) == (0, 1)
    assert found["longest_s"] == pytest.approx(26, abs=3)
    unstaged = indices.breathing(stored, ["?"] * EPOCHS)
    assert (unstaged["of"], unstaged["per_hour"]) == ("recording", pytest.approx(3 / HOURS))
    assert indices.breathing(stored, ["W"] * EPOCHS)["per_hour"] is None


def test_events_are_told_apart_by_the_sleep_they_begin_in():
    night = body()
    for at in (600, 9000, 9600, 10_200, 14_400):
        night.plant(at, 25, "obstructive")
    stored = analyse(night).to_json()
    # Two hours awake, an hour of N2 with three events, an hour of REM sleep without, and one awake again.
    stages = ["W"] * 240 + ["N2"] * 120 + ["R"] * 120 + ["W"] * 120
    found = indices.breathing(stored, stages)["by_state"]
    assert found == {"nrem": 3, "rem": 0}
    assert indices.breathing(stored, ["R"] * 240 + ["W"] * 360)["by_state"] == {"nrem": None, "rem": 0.5}
    on_the_edge = ["W"] * 20 + ["R"] * 20 + ["W"] * 560
    assert indices.breathing(stored, on_the_edge)["by_state"]["rem"] == pytest.approx(6)


def test_hypoxic_burden_of_one_fall_by_hand():
    # A triangle of 10 points, 20 s down and 20 s up: 200 % · s, all of it within the window.
    samples = np.full(2000, 95.0)
    samples[1000:1020] -= np.linspace(0, 10, 20)
    samples[1020:1040] -= np.linspace(10, 0, 20)
    (found,) = burdens([1005.0], samples)
    assert found == pytest.approx(200 / 60, rel=0.03)


def test_hypoxic_burden_finds_the_window_of_the_person_and_counts_no_second_twice():
    samples = np.full(20_000, 96.0)
    ends = [float(at) for at in range(500, 19_000, 300)]
    for end in map(int, ends):
        # Long after the end: the usual window would miss half of it.
        samples[end + 10 : end + 40] -= np.linspace(0, 8, 30)
        samples[end + 40 : end + 70] -= np.linspace(8, 0, 30)
    found = burdens(ends, samples)
    assert np.mean(found) == pytest.approx(8 * 60 / 2 / 60, rel=0.05)
    # Two ends in one fall: from 5 s before the first to 45 s after the second, each second once.
    end = 500
    both = (96 - samples[end - 5 : end + 20 + 45]).sum() / 60
    assert sum(burdens([float(end), float(end + 20)], samples)) == pytest.approx(both, rel=0.01)


def test_hypoxic_burden_is_unknown_without_readings():
    assert burdens([1000.0], np.full(2000, np.nan)) == [None]
    assert burdens([], np.full(2000, 95.0)) == []


def test_irregular_breathing_and_a_turn_in_bed_are_no_pause():
    rng = np.random.default_rng(5)
    night = body()
    times = np.arange(SECONDS * RATE) / RATE
    breaths = rng.normal(1, 0.3, SECONDS // 4 + 1).clip(0.2)
    night.depth *= breaths[(times / 4).astype(int)]
    # Lying on the other side halves the signal of the cannula.
    night.depth[9000 * RATE :] *= 0.5
    flow = night.flow()
    for at in range(400, SECONDS - 60, 300):
        flow[at * RATE : (at + 8) * RATE] += 4 * rng.standard_normal(8 * RATE)
    found = breathing.analyse(Trace("Flow", "", RATE, flow.astype(np.float32)))
    assert found.gate.adequate
    assert [e for e in found.events if e.kind == "apnoea"] == []
