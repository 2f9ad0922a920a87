"""Why an epoch got its stage: exact Shapley values of the trees, and a sentence in both languages."""

import json
from itertools import combinations
from math import factorial

import numpy as np
import pytest
import xgboost

from ml import package as packages
from ml.algorithms.sleep import boosted, boosted_train, wording
from ml.algorithms.sleep.explain import explain
from ml.algorithms.sleep.predict import predict
from ml.algorithms.sleep.recorded import Recorded
from ml.contracts import Loaded
from tests.test_sleep_training import night

PARAMS = {
    "rounds": 3, "depth": 3, "learning_rate": 0.5, "bins": 16, "rows": 1, "columns": 0.3, "least_weight": 1,
}  # fmt: skip
MASK = np.array([True, False, True])


@pytest.fixture(scope="module")
def fitted():
    """Trees, and the XGBoost model they were read from."""
    kept = []
    reading = boosted_train.trees_of

    def remembered(booster):
        kept.append(booster)
        return reading(booster)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(boosted_train, "trees_of", remembered)
        trees = boosted_train.fit([night(i) for i in range(4)], PARAMS, seed=0)
    return trees, kept[0]


def test_the_trees_say_what_xgboost_says_also_of_missing_channels(fitted):
    trees, booster = fitted
    for mask in (MASK, np.ones(3, bool)):
        x = boosted.inputs(night(9).features, mask)
        assert np.isnan(x[10:-10]).any() == (not mask.all())
        expected = booster.predict(xgboost.DMatrix(x), output_margin=True)
        assert np.abs(trees.scores(x) - expected).max() < 1e-5


def test_shapley_values_are_those_of_xgboost_summed_by_channel_band_and_time(fitted):
    trees, booster = fitted
    x = boosted.inputs(night(9).features, MASK)
    stages = np.arange(len(x)) % 5
    found = trees.shapley(x, stages)
    theirs = booster.predict(xgboost.DMatrix(x), pred_contribs=True)[np.arange(len(x)), stages]
    expected = np.zeros(found.shape)
    for column, (slot, band, time) in enumerate(boosted.groups()):
        expected[:, slot, band, time] += theirs[:, column]
    assert np.abs(found - expected).max() < 1e-5
    own = trees.scores(x)[np.arange(len(x)), stages]
    assert np.abs(found.sum(axis=(1, 2, 3)) + theirs[:, -1] - own).max() < 1e-5


def test_the_closed_form_is_shapleys_definition():
    share = np.random.default_rng(0).uniform(size=(1, 4))
    table = boosted._products(share)[0]
    for pattern in (0, 5, 15):
        fits = [(pattern >> j) & 1 for j in range(4)]

        def worth(inside, fits=fits):
            return np.prod([fits[j] if j in inside else share[0, j] for j in range(4)])

        for i in range(4):
            others = [j for j in range(4) if j != i]
            value = sum(
                factorial(size) * factorial(3 - size) / factorial(4) * (worth({*s, i}) - worth(set(s)))
                for size in range(4)
                for s in combinations(others, size)
            )
            assert table[pattern, i] == pytest.approx(value)


def test_trees_are_written_and_read_again(fitted, tmp_path):
    trees, _ = fitted
    for name in "ab":
        boosted.write(boosted.Boosted((trees, trees)), tmp_path / f"{name}.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    again = boosted.read(tmp_path / "a.npz")
    x = boosted.inputs(night(9).features, MASK)
    assert len(again.folds) == 2
    assert np.array_equal(again.folds[1].scores(x), trees.scores(x))
    assert np.allclose(again.probabilities(x), again.probabilities(x, 0))
    stages = np.zeros(len(x), int)
    assert np.allclose(again.shapley(x, stages), trees.shapley(x, stages))


def test_neighbours_are_means_over_the_epochs_that_are_known():
    features = night(9).features
    mask = np.ones((len(features), 3), bool)
    mask[50:53, 0] = False
    x = boosted.inputs(features, mask).reshape(len(features), 4, -1)
    now, before = x[:, 0], x[:, 2]
    assert np.isnan(now[50:53, 0]).all()
    assert np.allclose(before[30, 0], now[25:30, 0].mean(), atol=1e-5)
    assert np.allclose(before[54, 0], now[[49, 53], 0].mean(), atol=1e-5)
    assert np.isnan(before[0]).all()


def test_a_sentence_names_band_channel_and_neighbours_in_both_languages():
    now, levels = np.zeros((3, 5)), np.ones((3, 5))
    now[0, 0], now[1, 2], levels[1, 2] = 0.9, 0.4, -1
    channels = ["F4-M1", "O2-M1", None]
    said = wording.reasons("N3", channels, now, levels, 0.7)
    assert said.en == (
        "N3: delta strong at F4-M1 and alpha weak at O2-M1 for this night, and the epochs around it are deep."
    )
    assert said.fr == (
        "N3 : activité delta forte en F4-M1 et activité alpha faible en O2-M1 pour cette nuit, et les "
        "époques voisines sont profondes."
    )
    only = wording.reasons("R", channels, np.zeros((3, 5)), levels, 0.2)
    assert only.en == "R: the epochs around it are REM-like."
    assert "course of the night" in wording.reasons("W", channels, np.zeros((3, 5)), levels, 0).en
    assert "gap" in wording.reasons("?", channels, now, levels, 0.7).en


def test_every_epoch_has_its_reasons_and_a_gap_says_so():
    features = night(9).features
    labels = {"eeg_frontal_central": "EEG F4-M1", "eeg_posterior": None, "eog": None, "emg_chin": None}
    recorded = Recorded(features, np.array([True, False, False]), labels, segments=((0, 60), (65, 60)))
    package = packages.load("sleep")
    loaded = Loaded(recorded)
    found = explain(package, loaded, predict(package, loaded))
    every = json.loads(found.artefacts[0].content)
    assert len(every["sentences"]) == len(every["contributions"]) == len(features)
    assert not np.any(every["contributions"][62])
    assert "interruption" in every["sentences"][62]["fr"]
    assert all(e["epoch"] < 60 or e["epoch"] >= 65 for e in found.data["epochs"])
    if every["shapley"] is not None:
        assert np.shape(every["shapley"]) == (len(features), 30)
