"""Spindles and slow waves planted in simulated EEG, and the order of stages in real EEG."""

import json
from time import process_time

import numpy as np
import pytest
from scipy import signal as dsp

from ml.algorithms.sleep import densities, indices, microstructure
from tests.machine import SHARED

RATE = 100
NIGHT = ["W"] * 20 + ["N1"] * 10 + ["N2"] * 60 + ["N3"] * 40 + ["N2"] * 20 + ["R"] * 30


def background(stages: list[str], seed: int = 0, rate: int = RATE) -> np.ndarray:
    """Noise of 12 µV whose spectrum falls as that of an EEG."""
    n = len(stages) * 30 * rate
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(n))
    frequency = np.fft.rfftfreq(n, 1 / rate)
    spectrum *= np.where((frequency > 0.3) & (frequency < 35), 1 / np.maximum(frequency, 0.8), 0)
    noise = np.fft.irfft(spectrum, n)
    return 12 * noise / noise.std()


def times_in(stages: list[str], wanted: str, per_epoch: int, room: float, seed: int) -> list[float]:
    """Spread events over the epochs of a stage, apart from each other."""
    rng = np.random.default_rng(seed)
    slot = 30 / per_epoch
    return [
        30 * i + k * slot + rng.uniform(0, slot - room)
        for i, stage in enumerate(stages)
        if stage == wanted
        for k in range(per_epoch)
    ]


def add_spindle(eeg: np.ndarray, at: float, seconds: float, hertz: float, size: float) -> None:
    length = int(seconds * RATE)
    first = int(at * RATE)
    wave = np.hanning(length) * np.sin(2 * np.pi * hertz * np.arange(length) / RATE)
    eeg[first : first + length] += size * wave


def add_slow_wave(eeg: np.ndarray, at: float, size: float) -> None:
    length, first = int(1.1 * RATE), int(at * RATE)
    eeg[first : first + length] -= size * np.sin(2 * np.pi * np.arange(length) / length)


@pytest.fixture(scope="module")
def planted() -> tuple[np.ndarray, list[tuple[float, float]], list[float]]:
    """A night with three spindles per epoch of N2 and four slow waves per epoch of N3."""
    rng = np.random.default_rng(1)
    eeg = background(NIGHT)
    spindles = []
    for at in times_in(NIGHT, "N2", 3, 2.0, 2):
        seconds = rng.uniform(0.7, 1.4)
        add_spindle(eeg, at, seconds, rng.uniform(12, 15), rng.uniform(18, 30))
        spindles.append((at, seconds))
    slow = times_in(NIGHT, "N3", 4, 2.0, 3)
    for at in slow:
        add_slow_wave(eeg, at, 65)
    return eeg.astype(np.float32), spindles, slow


def share_found(true: list[tuple[float, float]], found: list[tuple[float, float]]) -> float:
    """Share of the first intervals (start, seconds) that one of the second touches by a fifth."""
    start = np.array([at for at, _ in found])
    end = start + np.array([seconds for _, seconds in found])
    touch = [
        (np.minimum(end, at + seconds) - np.maximum(start, at) > 0.2 * seconds).any() for at, seconds in true
    ]
    return float(np.mean(touch))


def test_planted_spindles_are_found_and_nothing_else(planted):
    eeg, true, _ = planted
    found = microstructure.analyse(eeg, RATE, NIGHT).spindles
    assert share_found(true, [(s.start_s, s.duration_s) for s in found]) >= 0.9
    assert share_found([(s.start_s, s.duration_s) for s in found], true) >= 0.9
    assert np.nanmean([s.frequency for s in found]) == pytest.approx(13.5, abs=0.4)
    assert np.mean([s.duration_s for s in found]) == pytest.approx(0.85, abs=0.2)
    assert np.mean([s.amplitude for s in found]) == pytest.approx(48, abs=8)


def test_a_burst_of_muscle_or_alpha_is_no_spindle():
    rng = np.random.default_rng(6)
    eeg = background(["N2"] * 40)
    bursts = times_in(["N2"] * 40, "N2", 2, 3.0, 7)
    for k, at in enumerate(bursts):
        first, window = int(at * RATE), np.hanning(RATE)
        if k % 2:
            eeg[first : first + RATE] += 40 * window * rng.standard_normal(RATE)
        else:
            add_spindle(eeg, at, 1.0, 8.5, 60)
    found = microstructure.analyse(eeg.astype(np.float32), RATE, ["N2"] * 40).spindles
    near = [s for s in found if min(abs(s.start_s - at) for at in bursts) < 1]
    assert len(near) <= 0.05 * len(bursts)


def test_planted_slow_waves_are_found_and_nothing_else(planted):
    eeg, _, true = planted
    found = microstructure.analyse(eeg, RATE, NIGHT).slow_waves
    start = np.array([w.start_s for w in found])
    assert np.mean([(np.abs(start - at) < 0.4).any() for at in true]) >= 0.95
    assert np.mean([np.abs(np.array(true) - at).min() < 0.4 for at in start]) >= 0.9
    assert np.mean([w.amplitude for w in found]) == pytest.approx(130, rel=0.1)
    assert np.mean([w.duration_s for w in found]) == pytest.approx(1.1, abs=0.1)
    assert all(w.slope > 0 for w in found)


def test_density_per_minute_is_that_of_the_stage(planted):
    eeg, true, _ = planted
    stored = json.loads(json.dumps(microstructure.analyse(eeg, RATE, NIGHT).to_json()))
    found = indices.microstructure(stored, NIGHT)
    assert found["spindles"]["n2"]["minutes"] == 40
    assert found["spindles"]["n2"]["per_minute"] == pytest.approx(6, rel=0.1)
    assert found["spindles"]["n3"]["per_minute"] < 1
    assert found["slow_waves"]["n3"]["per_minute"] == pytest.approx(8, rel=0.1)
    assert found["slow_waves"]["n3"]["amplitude"] == pytest.approx(130, rel=0.1)
    assert len(true) == 240


def test_a_corrected_hypnogram_changes_the_density_without_a_new_search(planted):
    eeg, _, _ = planted
    drafted = ["N1" if 30 <= i < 50 else stage for i, stage in enumerate(NIGHT)]
    stored = microstructure.analyse(eeg, RATE, drafted).to_json()
    assert indices.microstructure(stored, drafted)["spindles"]["n2"]["minutes"] == 30
    corrected = indices.microstructure(stored, NIGHT)["spindles"]["n2"]
    assert corrected["minutes"] == 40
    assert corrected["per_minute"] == pytest.approx(6, rel=0.15)
    nobody_asleep = indices.microstructure(stored, ["W"] * len(NIGHT))["spindles"]["n2"]
    assert nobody_asleep["per_minute"] is nobody_asleep["duration"] is None


@pytest.mark.parametrize("scale", [0.01, 100.0])
def test_an_eeg_of_unbelievable_size_is_searched_without_microvolts(planted, scale):
    eeg, true, _ = planted
    found = microstructure.analyse(eeg * np.float32(scale), RATE, NIGHT)
    assert not found.absolute
    assert "no amplitude" in found.reasons[0].en
    assert "aucune amplitude" in found.reasons[0].fr
    assert share_found(true, [(s.start_s, s.duration_s) for s in found.spindles]) >= 0.9
    density = indices.microstructure(found.to_json(), NIGHT)
    assert density["spindles"]["n2"]["amplitude"] is None
    assert density["slow_waves"]["n3"]["per_minute"] > density["slow_waves"]["n2"]["per_minute"]


def test_a_recording_known_to_be_in_another_unit_is_searched_without_microvolts(planted):
    eeg, _, _ = planted
    assert not microstructure.analyse(eeg, RATE, NIGHT, scaled=False).absolute


def test_a_gap_has_no_event_and_no_time(planted):
    eeg, _, _ = planted
    cut = eeg.copy()
    first, last = 40 * 30, 50 * 30
    cut[first * RATE : last * RATE] = np.nan
    found = microstructure.analyse(cut, RATE, NIGHT)
    assert found.seconds[40:50].sum() == 0
    for event in (*found.spindles, *found.slow_waves):
        assert event.start_s + event.duration_s <= first or event.start_s >= last
    assert indices.microstructure(found.to_json(), NIGHT)["spindles"]["n2"]["minutes"] == pytest.approx(
        35, abs=0.1
    )


def test_a_second_of_artefact_is_left_out(planted):
    eeg, _, _ = planted
    thrown = eeg.copy()
    thrown[3000 * RATE : 3001 * RATE] += 2000 * np.sin(np.arange(RATE))
    found = microstructure.analyse(thrown, RATE, NIGHT)
    assert found.seconds[100] == 29
    assert max(w.amplitude for w in found.slow_waves) < 400


@pytest.mark.parametrize("rate", [128, 256])
def test_other_rates_find_the_same(planted, rate):
    eeg, true, _ = planted
    again = dsp.resample_poly(eeg, rate, RATE)
    found = microstructure.analyse(again, rate, NIGHT).spindles
    assert share_found(true, [(s.start_s, s.duration_s) for s in found]) >= 0.9


@pytest.mark.parametrize(
    ("eeg", "stages", "said"),
    [
        (np.zeros(60 * RATE), ["W", "W"], "No N2 or N3"),
        (np.full(60 * RATE, np.nan), ["N2", "N2"], "no EEG fit"),
        (np.zeros(60 * RATE), ["N2", "N2"], "no EEG fit"),
        (np.zeros(0), ["N2"], "no EEG fit"),
        (np.zeros(600), [], "No N2 or N3"),
        (np.zeros(60 * RATE), ["?", "?"], "No N2 or N3"),
    ],
)
def test_nothing_to_search_is_said(eeg, stages, said):
    found = microstructure.analyse(eeg, RATE, stages)
    assert found.spindles == found.slow_waves == ()
    assert said in found.reasons[0].en
    assert (
        indices.microstructure(json.loads(json.dumps(found.to_json())), stages)["spindles"]["n2"]["count"]
        == 0
    )


def test_an_eeg_shorter_or_longer_than_its_hypnogram_is_searched_where_both_are(planted):
    eeg, _, _ = planted
    short = microstructure.analyse(eeg[: -40 * 30 * RATE], RATE, NIGHT)
    assert short.seconds[-40:].sum() == 0
    longer = microstructure.analyse(np.concatenate([eeg, eeg[: 17 * RATE]]), RATE, NIGHT)
    assert len(longer.seconds) == len(NIGHT)
    assert len(longer.spindles) == pytest.approx(
        len(microstructure.analyse(eeg, RATE, NIGHT).spindles), abs=2
    )


def test_what_is_no_eeg_is_an_error():
    with pytest.raises(ValueError, match="shape"):
        microstructure.analyse(np.zeros((2, 3000)), RATE, ["N2"])
    with pytest.raises(ValueError, match="at least 60"):
        microstructure.analyse(np.zeros(300), 10, ["N2"])


def test_a_whole_night_takes_less_than_two_seconds_of_one_core():
    stages = (NIGHT * 6)[:960]
    eeg = background(stages)
    began = process_time()
    microstructure.analyse(eeg.astype(np.float32), RATE, stages).to_json()
    assert process_time() - began < 2


@pytest.mark.shared
def test_in_real_recordings_slow_waves_are_densest_in_n3_and_spindles_in_n2():
    night, *excerpts = densities.measure(SHARED)
    slow, spindles = night["slow_waves"], night["spindles"]
    assert slow["N3"] > 2 * max(value for stage, value in slow.items() if stage != "N3")
    assert spindles["N2"] > 3 * max(value for stage, value in spindles.items() if stage != "N2")
    assert len(excerpts) == 5
    for found in excerpts:
        assert found["slow_waves"]["N3"] > 1.5 * found["slow_waves"]["W"]


def test_without_the_data_the_command_says_what_is_missing(tmp_path, capsys):
    assert densities.main(["--data", str(tmp_path)]) == 2
    assert "ucddb" in capsys.readouterr().err
