"""What the sleep report says: every figure with its formula, both definitions, signals behind their gates."""

from pathlib import Path

import numpy as np
import pytest

from ml.algorithms.sleep import breathing, microstructure, oxygen, physiology, wording
from ml.algorithms.sleep.report import report
from ml.algorithms.sleep.statistics import statistics
from ml.algorithms.sleep.traces import Trace
from ml.contracts import Report, ReportSection, Text
from ml.package import Package

EPOCHS = 600
NIGHT = ["W"] * 60 + ["N2"] * 300 + ["?"] * 4 + ["N3"] * 136 + ["R"] * 100


def result(**changes):
    stages = changes.get("stages", NIGHT)
    return {
        "stages": stages,
        "epoch_seconds": 30,
        "channels": {"eeg_frontal_central": "F4-M1", "eeg_posterior": None, "eog": None, "emg_chin": None},
        "statistics": statistics(stages),
        "uncertain": [3, 5],
        "start": "",
        "simulated": False,
    } | changes


def saturation(*, off_after: int = EPOCHS * 30) -> oxygen.Oxygen:
    seconds = np.arange(EPOCHS * 30)
    fall = np.clip(1 - np.abs(seconds % 900 - 450) / 20, 0, 1)
    samples = (96 - 8 * fall).astype(np.float32)
    samples[off_after:] = np.nan
    return oxygen.analyse(Trace("SpO2", "%", 1.0, samples), EPOCHS)


def flow(stored: oxygen.Oxygen) -> breathing.Breathing:
    times = np.arange(EPOCHS * 30 * 8) / 8
    depth = np.where(np.abs(times % 900 - 425) < 10, 0.03, 1)
    samples = (depth * np.sin(2 * np.pi * 0.25 * times)).astype(np.float32)
    return breathing.analyse(Trace("Nasal pressure", "", 8.0, samples), (), stored)


def write(answer) -> Report:
    return report(Package(Path(), {"metrics": [], "limits": []}), answer)


def section(written: Report, title: str) -> ReportSection:
    return next(part for part in written.sections if part.title.en.startswith(title))


def values(part: ReportSection) -> dict[str, str]:
    return {row.label.en: row.value.en for row in part.rows}


def test_statistics_stand_with_their_formula_and_both_definitions():
    found = values(section(write(result()), "Sleep statistics"))
    assert found["Sleep onset latency (SOL): first epoch of any sleep − lights off"] == "30.0 min"
    assert found["REM latency: first R − first epoch of any sleep"] == "220.0 min"
    waso = [label for label in found if label.startswith("Wake after sleep onset")]
    assert len(waso) == 2
    assert found["Arousal index: scored arousals from lights off to lights on / TST (h)"] == "–"


def test_figures_are_written_as_in_french():
    rows = section(write(result()), "Sleep statistics").rows
    efficiency = next(row for row in rows if row.label.en.startswith("Sleep efficiency"))
    assert efficiency.label.fr.startswith("Efficacité du sommeil (SE) : ")
    assert "," in efficiency.value.fr


def test_unscored_epochs_are_told():
    written = write(result())
    assert values(section(written, "Time in each stage"))["Not scored"] == "2.0 min"
    assert "4 epochs are not staged" in section(written, "To check first").paragraphs[1].en


def test_lights_that_were_entered_are_not_said_to_be_missing():
    whole = section(write(result()), "Sleep statistics").paragraphs
    assert "not entered" in whole[0].en
    lit = result(lights_off=600.0, lights_on=None)
    assert section(write(lit), "Sleep statistics").paragraphs == ()


def test_oxygen_and_breathing_are_told_per_hour_of_sleep_and_as_screening():
    stored = saturation()
    written = write(result(oxygen=stored.to_json(), breathing=flow(stored).to_json()))
    for part in (section(written, "Oxygen"), section(written, "Breathing")):
        assert "screening" in part.title.en
        assert part.paragraphs[-1] == physiology.SCREENING
    found = values(section(written, "Oxygen"))
    # Twenty falls, of which the two of the first half hour are awake, in 536 epochs of sleep.
    label = next(key for key in found if key.startswith("ODI3, per hour of sleep:"))
    assert "(18)" in label
    assert found[label] == f"{18 / (536 / 120):.1f}/h"
    events = values(section(written, "Breathing"))
    assert next(value for key, value in events.items() if key.startswith("Apnoeas")) == "18"


def test_without_any_stage_the_index_is_that_of_the_recording_and_its_label_says_so():
    stored = saturation().to_json()
    (part,) = physiology.sections({"oxygen": stored}, ["?"] * EPOCHS)
    odi = next(row for row in part.rows if row.key == "odi3")
    assert "hour of recording" in odi.label.en
    assert "heure d’enregistrement" in odi.label.fr
    assert odi.value == pytest.approx(4)


def test_a_signal_that_cannot_be_used_has_sentences_and_no_figures():
    stored = saturation(off_after=1000).to_json()
    (part,) = physiology.sections({"oxygen": stored}, NIGHT)
    assert not part.usable
    assert part.rows == ()
    assert "no figures" in part.notes[0].en


def test_spindles_and_slow_waves_are_told_per_stage():
    eeg = np.random.default_rng(0).normal(0, 15, EPOCHS * 3000).astype(np.float32)
    stored = microstructure.analyse(eeg, 100, NIGHT).to_json()
    (part,) = physiology.sections({"microstructure": stored}, NIGHT)
    keys = {row.key for row in part.rows}
    assert {"spindles_per_minute_n2", "spindles_per_minute_n3", "slow_waves_per_minute_n2_n3"} <= keys


def test_an_answer_of_an_older_package_is_still_reported():
    older = {"trt", "tst", "sol", "spt", "waso", "wake_in_sleep_period", "se", "sme", "rem_latency",
             "rem_latency_from_lights_off", "wake", "unscored", "n1", "n2", "n3", "r", "n1_percent",
             "n2_percent", "n3_percent", "r_percent", "awakenings", "stage_shifts"}  # fmt: skip
    kept = {key: value for key, value in statistics(NIGHT).items() if key in older}
    written = write(result(statistics=kept))
    assert len(section(written, "Sleep statistics").rows) == 12
    assert not any(part.title.en.startswith("Oxygen") for part in written.sections)


def test_other_opinions_are_counted():
    stages = ["N2"] * EPOCHS
    share = [0.5, 0.0, None] * (EPOCHS // 3)
    jury = {"derivations": ["F4-M1", "O2-M1"], "votes": [stages] * 2, "disagreement": share}
    written = write(result(stages=stages, jury=jury, boosted={"stages": stages, "agreement": 0.81}))
    found = values(section(written, "Other opinions"))
    assert found["Epochs on which one differs from the draft"] == "200 of 400"
    assert found["Agreement with the boosted trees (κ)"] == "0.81"


def test_a_share_is_not_torn_from_its_sign():
    assert wording.number(85.25, 1, "%") == Text("85.2%", "85,2\u202f%")
    assert wording.number(12.5, 1, "% · min/h").fr == "12,5\u202f% · min/h"
