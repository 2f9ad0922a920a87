"""Second opinions and the order of review: jurors, boosted trees, gaps, and what looking buys."""

import numpy as np
import pytest

from ml import package as packages
from ml.algorithms.sleep import budget, jury, reviewing, staging
from ml.algorithms.sleep.predict import predict
from ml.algorithms.sleep.recorded import Juror, Recorded
from ml.contracts import Loaded

LABELS = {"eeg_frontal_central": "EEG F4-M1", "eeg_posterior": "EEG O2-M1", "eog": None, "emg_chin": None}


def recorded(epochs=60, seed=0, **changes):
    """A night of noise whose stages mean nothing; what is asked is how it is handled."""
    features = np.random.default_rng(seed).normal(size=(epochs, 3, 10)).astype(np.float32)
    features[:, 2] = 0
    mask = np.array([True, True, False])
    return Recorded(features=features, mask=mask, channels=LABELS, **changes)


@pytest.fixture(scope="module")
def package():
    return packages.load("sleep")


def test_each_stretch_is_staged_as_if_it_were_the_whole_recording(package):
    whole = recorded(90)
    gapped = recorded(90, segments=((0, 40), (45, 45)))
    found = predict(package, Loaded(gapped))
    assert found["stages"][40:45] == ["?"] * 5
    assert found["probabilities"][40:45] == [None] * 5
    assert "?" not in found["stages"][:40] + found["stages"][45:]
    alone = Recorded(whole.features[45:], whole.mask, LABELS)
    assert found["probabilities"][45:] == predict(package, Loaded(alone))["probabilities"]
    assert sorted(found["review"]["order"]) == [*range(40), *range(45, 90)]
    assert found["segments"] == [[0, 40], [45, 45]]
    assert not {40, 41, 42, 43, 44} & set(found["uncertain"])


def test_every_derivation_votes_by_itself(package):
    night = recorded(50)
    jurors = (
        Juror("EEG F4-M1", "eeg_frontal_central", night.features[:, 0]),
        Juror("EEG O2-M1", "eeg_posterior", night.features[:, 1]),
    )
    found = predict(package, Loaded(recorded(50, jurors=jurors)))
    assert found["jury"]["derivations"] == ["EEG F4-M1", "EEG O2-M1"]
    for number in range(2):
        only = np.array([number == 0, number == 1, False])
        alone = predict(package, Loaded(Recorded(night.features, only, LABELS)))
        assert found["jury"]["votes"][number] == alone["stages"]
    expected = np.mean([np.array(v) != found["stages"] for v in found["jury"]["votes"]], axis=0)
    assert np.allclose(found["jury"]["disagreement"], expected)
    assert predict(package, Loaded(recorded(50, jurors=jurors[:1])))["jury"] is None


def test_a_gap_has_no_vote_and_no_disagreement():
    staged = np.full((2, 3, 5), np.nan)
    staged[:, :2] = np.eye(5)[[[0, 1], [0, 2]]]
    verdict = jury.Verdict(("a", "b"), staged).to_json(["W", "N1", "?"])
    assert verdict["votes"] == [["W", "N1", "?"], ["W", "N2", "?"]]
    assert verdict["disagreement"] == [0.0, 0.5, None]


def test_a_dead_channel_is_left_out_only_while_another_is_there(package):
    usable = np.ones((60, 3), bool)
    usable[:, 2] = False
    usable[10:20, 0] = False
    usable[15:20, 1] = False
    night = recorded(usable=usable)
    mask = staging.mask_of(night)
    assert not mask[10:15, 0].any()
    assert mask[10:15, 1].all()
    assert mask[15:20, :2].all()
    assert predict(package, Loaded(night))["quality"]["epochs"] == [
        [10, 5, "eeg_frontal_central"],
        [15, 5, "no_usable_eeg"],
    ]


def test_a_temperature_changes_how_sure_it_is_never_the_stage():
    given = np.random.default_rng(0).dirichlet(np.ones(5), 50)
    for temperature in (0.6, 1.4):
        changed = budget.calibrated(given, temperature)
        assert np.allclose(changed.sum(axis=1), 1)
        assert np.array_equal(changed.argmax(axis=1), given.argmax(axis=1))
        assert ((changed.max(axis=1) > given.max(axis=1)) == (temperature < 1)).mean() > 0.95
    labels = np.array([np.random.default_rng(i).choice(5, p=row) for i, row in enumerate(given)])
    sure = budget.calibrated(np.tile(given, (40, 1)), 0.7)
    assert reviewing.temperature(sure, np.tile(labels, 40)) > 1


def test_epochs_that_other_opinions_doubt_come_first():
    draft = np.tile([0.6, 0.4, 0, 0, 0], (3, 1))
    trees = np.array([[0.9, 0.1, 0, 0, 0], [0.1, 0.9, 0, 0, 0], [np.nan] * 5])
    doubts = budget.doubt(np.where(np.isnan(trees), np.nan, draft), None, trees)
    assert budget.order(doubts) == [1, 0]
    assert np.isnan(doubts[2])


def test_reviewing_takes_the_same_share_of_every_night():
    nights = np.repeat([0, 1], [10, 30])
    doubts = np.concatenate([np.arange(10), np.arange(30)]).astype(float)
    marked = reviewing.first_of_each_night(doubts, nights, 0.2)
    assert marked[:10].sum() == 2
    assert marked[10:].sum() == 6
    assert marked[[8, 9, 34, 39]].all()


def test_a_budget_is_told_in_epochs_of_this_night():
    curve = [{"share": 0.1, "kappa": 0.85, "low": 0.8, "high": 0.9, "night_low": 0.6, "night_high": 0.95}]
    assert budget.expected(curve, 950) == [
        {"epochs": 95, "share": 0.1, "expected_kappa": 0.85, "low": 0.6, "high": 0.95}
    ]
