"""Which networks stage a single EEG: the gate, and the tilt of those for raw recordings."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from ml import package as packages
from ml import runner
from ml.algorithms.sleep import (
    crossvalidation,
    device,
    device_train,
    evaluation,
    network,
    networks,
    raw_nights,
    sequence,
)
from ml.algorithms.sleep.device import Gate, Tilt
from ml.algorithms.sleep.features import network_inputs
from ml.contracts import Source
from tests.sleep_files import write_edf
from tests.test_sleep_staging import DATA
from tests.test_sleep_training import night, raw_cohort

ALONE, ALL = np.array([True, False, False]), np.ones(3, bool)
SETTINGS = {"folds": 5, "seed": 0, "gate": {"regularisation": 0.1, "tilt": 0.4}}
# Each fold says something else of a recording without a colour.
GATE = Gate(np.zeros((5, 20)), np.array([1.0, -1.0, 1.0, -1.0, -3.0]))


def slow(one: np.ndarray, by: float) -> np.ndarray:
    """Features with so much more delta, as a raw recording has."""
    changed = one.copy()
    changed[:, 0, 0] += by
    return changed


def raw_of(count: int) -> raw_nights.RawCohort:
    cohort = raw_cohort(count)
    for one in cohort.nights:
        one.features[:] = slow(one.features, 3.0)
    return cohort


def test_the_gate_knows_a_raw_recording_it_was_not_fitted_on_and_needs_no_stages():
    subjects = np.arange(10)
    cohort = crossvalidation.Cohort(tuple(night(i) for i in subjects), subjects)
    gate = device_train.fit_gate(cohort, raw_of(5), SETTINGS)
    for k, one in enumerate(raw_of(5).nights):
        assert gate.is_raw(one.features, ALONE, k)
        # The gain of the amplifier says nothing.
        louder = one.features + np.array([1] * 5 + [0] * 5, np.float32) * 4
        assert gate.score(louder, ALONE, k) == pytest.approx(gate.score(one.features, ALONE, k), abs=1e-4)
        # Flat epochs are not the colour of the device.
        flat = one.features.copy()
        flat[:3, 0, :5] = np.log(1e-10)
        kept = one.features[3:]
        assert gate.score(flat, ALONE, k) == pytest.approx(gate.score(kept, ALONE, k), abs=1e-4)
    assert not any(gate.is_raw(one.features, ALONE) for one in cohort.nights)
    again = Gate.of_manifest({"raw_device": gate.to_json()})
    assert again.score(cohort.nights[0].features, ALONE) == gate.score(cohort.nights[0].features, ALONE)


def test_the_fold_of_a_patient_is_fitted_without_him():
    subjects = np.arange(10)
    cohort = crossvalidation.Cohort(tuple(night(i) for i in subjects), subjects)
    raw, changed = raw_of(5), raw_of(5)
    changed.nights[2].features[:, 0, 1] += 2.0
    first, second = (device_train.fit_gate(cohort, one, SETTINGS).weights for one in (raw, changed))
    same = [np.allclose(one, other) for one, other in zip(first, second, strict=True)]
    assert same == [False, False, True, False, False]
    tilts = zip(*(device_train.fit_tilts(one, SETTINGS) for one in (raw, changed)), strict=True)
    assert [one == other for one, other in tilts] == [False, False, True, False, False]


def test_only_a_single_first_eeg_can_be_raw():
    assert GATE.is_raw(night(1).features, ALONE, 0)
    assert not GATE.is_raw(night(1).features, ALL, 0)
    assert not GATE.is_raw(night(1).features, np.array([False, True, False]), 0)
    assert not GATE.is_raw(night(1).features, ALONE)


def test_the_exported_tilt_moves_deep_sleep_against_wake_and_nothing_else(tmp_path):
    model, tilt = network.build(4, dropout=0.0), Tilt(0.5, -0.3)
    for name, tilts in (("plain", None), ("tilted", [tilt])):
        network.export([model], tmp_path / name, tilts=tilts)
    inputs = network_inputs(night(2).features, ALONE)
    plain, tilted = (
        sequence.SequenceModel(tmp_path / name).members(inputs[None])[0, :, 0] for name in ("plain", "tilted")
    )
    expected = plain * np.exp(tilt.of(inputs))
    assert np.allclose(tilted, expected / expected.sum(axis=1, keepdims=True), atol=1e-5)
    moved = np.log(tilted / plain)
    assert np.allclose(moved[:, 1], moved[:, 2], atol=1e-4)
    assert (np.abs((moved[:, 3] - moved[:, 0]) / 2) <= device.MOST + 1e-4).all()
    difference = inputs[:, device.THETA] - inputs[:, device.BETA]
    own = night(2).features[:, 0]
    assert np.allclose(difference, own[:, 1] - own[:, 4], atol=1e-4)


def test_each_recording_is_staged_by_the_networks_its_gate_names(tmp_path):
    models = [network.build(4, dropout=0.0) for _ in range(10)]
    network.export(models[:5], tmp_path / sequence.FILE)
    network.export(models[5:], tmp_path / sequence.RAW_FILE)
    manifest = {"training": {"folds": [[]] * 5}, "raw_device": GATE.to_json()}
    package = SimpleNamespace(manifest=manifest, path=tmp_path.joinpath)
    by_fold = crossvalidation.ByFold(package)
    one = night(3)
    inputs = network_inputs(one.features, ALONE)
    for k, file in enumerate((sequence.RAW_FILE, sequence.FILE, sequence.RAW_FILE)):
        expected = sequence.SequenceModel(tmp_path / file).members(inputs[None])[0, :, k]
        assert np.allclose(by_fold.unseen(one.features, ALONE, k), expected, atol=1e-6)
    # A juror of a recording with more channels is heard as the recording is.
    expected = sequence.SequenceModel(tmp_path / sequence.FILE).members(inputs[None])[0, :, 0]
    assert np.allclose(by_fold.unseen(one.features, ALONE, 0, recorded=ALL), expected, atol=1e-6)
    assert sequence.of(package, one.features, ALONE) is sequence.of(package, one.features, ALL)
    open_gate = SimpleNamespace(
        manifest={**manifest, "raw_device": Gate(GATE.weights, GATE.offsets + 2).to_json()},
        path=tmp_path.joinpath,
    )
    assert sequence.of(open_gate, one.features, ALONE) is not sequence.of(open_gate, one.features, ALL)
    assert sequence.choice(package, one.features, ALONE) == {"raw": False, "log_odds": -0.6}
    assert sequence.choice(open_gate, one.features, ALONE) == {"raw": True, "log_odds": 1.4}
    assert sequence.choice(open_gate, one.features, ALL) == {"raw": False, "log_odds": None}
    plain = SimpleNamespace(manifest={"training": {}}, path=tmp_path.joinpath)
    assert sequence.choice(plain, one.features, ALONE) is None


@pytest.mark.parametrize("labels", [("EEG C3-A2",), ("EEG C3-A2", "EOG E1-M2")])
def test_an_answer_says_which_networks_staged_the_night_where_there_was_a_choice(tmp_path, labels):
    path = write_edf(tmp_path / "nap.edf", labels, seconds=600)
    outcome = runner.run("sleep", Source(path=path), version="1.3.0", explain=False)
    chosen, said = outcome.result["networks"], networks.said(outcome.result)
    channels = next(part for part in outcome.report.sections if part.title.en == "Channels used")
    assert json.loads(json.dumps(chosen)) == chosen
    if len(labels) == 2:
        assert (chosen, said, channels.paragraphs) == ({"raw": False, "log_odds": None}, None, ())
        return
    assert chosen["raw"] is (chosen["log_odds"] > 0)
    assert channels.paragraphs == (said,)
    figure = f"{chosen['log_odds']:+.2f}".replace("-", "\u2212")
    assert figure in said.en
    assert figure.replace(".", ",") in said.fr
    # A version with one kind of networks had no choice, and one of before did not write it down.
    assert runner.run("sleep", Source(path=path), version="1.2.0", explain=False).result["networks"] is None
    assert networks.said({"networks": None}) is networks.said({}) is None


def test_the_sentence_names_the_networks_and_what_the_signal_looks_like():
    raw, usual = (
        networks.said({"networks": {"raw": r, "log_odds": x}}) for r, x in ((True, 2.3), (False, -1))
    )
    assert raw.en.startswith(
        "Staged by the networks for raw single-channel recordings: the signal looks unfil"
    )
    assert usual.en.startswith("Staged by the ordinary networks")
    assert "+2,30" in raw.fr
    assert "\u22121,00" in usual.fr


@pytest.mark.shared
def test_wake_and_deep_sleep_of_raw_recordings_are_found_by_networks_that_have_not_seen_the_patient():
    package = packages.load("sleep")
    raw = raw_nights.read(DATA, package, len(package.manifest["training"]["folds"]))
    staged = np.concatenate(evaluation.held_out_stages(raw, package))
    truth = np.concatenate([one.labels for one in raw.nights])
    for stage in (0, 3):
        assert (staged[truth == stage] == stage).mean() >= 0.88
