"""What is wrong with a trace is found in the epochs where it is, and nothing in a clean night."""

import json

import numpy as np
import pytest

from ml.algorithms.sleep.load import load
from ml.algorithms.sleep.quality import REASONS, Tally
from ml.algorithms.sleep.simulate import write_night
from ml.contracts import Severity, Source
from tests.sleep_files import Channel, recording

RATE, EPOCHS = 200, 40
BAD = {10, 11, 12, 13, 14}


def night(change=None, label="F4-M1", second="O2-M1"):
    """Twenty minutes of noise like EEG; ``change`` spoils epochs 10 to 14 of the first channel."""
    rng = np.random.default_rng(0)
    n = EPOCHS * 30 * RATE
    slow = np.convolve(rng.normal(size=n), np.ones(20) / 20, "same")
    microvolts = 100 * slow + 4 * rng.normal(size=n)
    other = 100 * np.convolve(rng.normal(size=n), np.ones(20) / 20, "same")
    if change:
        part = slice(10 * 30 * RATE, 15 * 30 * RATE)
        microvolts[part] = change(microvolts[part], np.arange(part.stop - part.start) / RATE, rng)
    digital = [np.clip(np.round(x * 32768 / 500), -32768, 32767).astype(int) for x in (microvolts, other)]
    return recording(
        [Channel(label, RATE, samples=digital[0]), Channel(second, RATE, samples=digital[1])],
        records=EPOCHS * 30,
    )


def found(content, path):
    path.write_bytes(content)
    loaded = load(Source(path=path), None)
    index = json.loads(next(a for a in loaded.artefacts if a.name == "signals.json").content)
    return loaded, {(q["trace"], *run) for q in index["quality"] for run in q["epochs"]}


SPOILED = {
    "flat": lambda x, t, rng: np.full_like(x, 12.0),
    "clipped": lambda x, t, rng: x * 40,
    "mains": lambda x, t, rng: x + 200 * np.sin(2 * np.pi * 50 * t),
    "detached": lambda x, t, rng: x * 0.02,
}


@pytest.mark.parametrize("reason", SPOILED)
def test_bad_epochs_are_found_where_they_are_and_not_used(reason, tmp_path):
    loaded, runs = found(night(SPOILED[reason]), tmp_path / "n")
    assert runs == {(0, 10, 5, reason)}
    assert set(np.flatnonzero(~loaded.data.usable[:, 0])) == BAD
    assert loaded.data.usable[:, 1].all()
    finding = next(f for f in loaded.quality if f.code == reason)
    assert finding.label.en.startswith("F4-M1")
    # Staged all the same: every epoch has features.
    assert (loaded.data.features[:, 0] != 0).any(axis=1).all()


@pytest.mark.parametrize(
    "change",
    [
        lambda x, t, rng: x + 450 * np.sin(2 * np.pi * 0.02 * t),  # a drying electrode
        lambda x, t, rng: x + 200 * rng.normal(size=len(x)),  # noise of a high impedance
    ],
)
def test_drift_and_lasting_noise_are_a_detached_electrode(change, tmp_path):
    _loaded, runs = found(night(change), tmp_path / "n")
    assert {reason for _trace, _first, _count, reason in runs} == {"detached"}
    epochs = {e for _trace, first, count, _reason in runs for e in range(first, first + count)}
    assert epochs == BAD


def test_a_short_burst_is_an_artefact_and_still_used(tmp_path):
    def burst(x, t, rng):
        return np.where((t > 35) & (t < 55), x * 15, x)

    loaded, runs = found(night(burst), tmp_path / "n")
    assert runs in ({(0, 11, 1, "artefact")}, {(0, 11, 1, "clipped")})
    assert "clipped" in str(runs) or loaded.data.usable[:, 0].all()


def test_mains_of_60_hz_is_called_by_its_name(tmp_path):
    content = night(lambda x, t, rng: x + 200 * np.sin(2 * np.pi * 60 * t))
    loaded, runs = found(content, tmp_path / "n")
    assert runs == {(0, 10, 5, "mains")}
    assert any("60 Hz" in finding.label.fr for finding in loaded.quality)


def test_a_clean_night_and_a_simulated_one_have_nothing_to_report(tmp_path):
    loaded, runs = found(night(), tmp_path / "n")
    assert not runs
    assert loaded.data.usable[:, :2].all()
    write_night(tmp_path / "s", hours=1)
    loaded, runs = found((tmp_path / "s").read_bytes(), tmp_path / "s")
    assert {reason for *_rest, reason in runs} <= {"artefact"}
    assert loaded.data.usable.all()


def test_a_derivation_with_a_bad_half_may_not_vote(tmp_path):
    rng = np.random.default_rng(1)
    good, half = rng.normal(0, 3000, (2, 1200, RATE)).astype(int)
    half[500:] = 0
    content = recording(
        [
            Channel("F4-M1", RATE, samples=good.ravel()),
            Channel("C4-M1", RATE, samples=half.ravel()),
            Channel("O2-M1", RATE),
        ],
        records=1200,
    )
    loaded, _runs = found(content, tmp_path / "n")
    assert [juror.label for juror in loaded.data.jurors] == ["F4-M1", "O2-M1"]
    assert [juror.slot for juror in loaded.data.jurors] == ["eeg_frontal_central", "eeg_posterior"]
    for juror, slot in zip(loaded.data.jurors, (0, 1), strict=True):
        assert np.array_equal(juror.features, loaded.data.features[:, slot])


def test_volts_written_as_microvolts_are_told(tmp_path):
    path = tmp_path / "n"
    tiny = Channel("F4-M1", physical=("-0.00033", "0.00033"))
    path.write_bytes(recording([tiny]))
    low = next(f for f in load(Source(path=path), None).quality if f.code == "amplitude_low")
    assert "volts" in low.label.en
    assert low.attention


@pytest.mark.parametrize(
    ("sd", "code", "written"),
    [(288, "amplitude_high", "28"), (1520, "amplitude_high", "1\u202f5"), (2, "amplitude_low", "2")],
)
def test_a_size_that_no_eeg_has_is_a_warning_before_the_stages(tmp_path, sd, code, written):
    path = tmp_path / "n"
    noise = np.random.default_rng(2).normal(0, 2000, (300, RATE)).astype(int).ravel()
    largest = f"{32768 / 2000 * sd:.0f}"
    channel = Channel("F4-M1", RATE, physical=("-" + largest, largest), samples=noise)
    path.write_bytes(recording([channel], records=300))
    [warning] = [p for p in load(Source(path=path), None).problems if p.code == code]
    assert f"({written}" in warning.message.en
    assert "e+" not in warning.message.fr
    assert warning.severity == Severity.WARN


def test_every_reason_has_a_number_and_a_trace_without_any_second_is_dead():
    judged = Tally("eeg", 100, 1.0, 60).judge(2)
    assert judged.dead
    assert judged.runs() == []
    assert len(set(REASONS)) == 5
