"""Training: what the network learns from, the exported graph, and the figures it must reach."""

import tempfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from ml import package as packages
from ml.algorithms.sleep import (
    augmentation,
    crossvalidation,
    evaluation,
    excerpts,
    features,
    network,
    pairs,
    patient_folds,
    raw_nights,
    reviewing,
)
from ml.algorithms.sleep.bandpower import Night
from ml.algorithms.sleep.sequence import SequenceModel
from ml.training.data import DataMissing
from tests.test_sleep_staging import DATA

SHORT = {
    "units": 8, "dropout": 0.0, "passes": 3, "window": 16, "batch": 8, "learning_rate": 0.01,
    "label_smoothing": 0.0, "class_weight_power": 0.25, "noise": 0.05, "gain_jitter": 0.1,
    "band_jitter": 0.1, "change_wake": 0.5, "swap_eeg": 0.1, "excerpts": 0.5, "device_jitter": 0.1,
    "between_eeg": 0.5, "eye_movements": 0.5, "contrast_jitter": 0.2,
    "nights": 1.0, "raw_repeats": 2, "raw_colour": 0.5,
}  # fmt: skip


def night(seed: int) -> Night:
    """Band powers that tell the stage, with wake before and after."""
    rng = np.random.default_rng(seed)
    labels = np.concatenate([np.zeros(20, int), np.repeat(rng.integers(0, 5, 20), 8), np.zeros(20, int)])
    features = rng.normal(0, 0.3, (len(labels), 3, 10)).astype(np.float32)
    features[np.arange(len(labels)), :, labels] += 2
    return Night(features, np.ones(3, bool), labels)


def raw_night(seed: int) -> Night:
    """Wake and deep sleep from one EEG, as a raw recording."""
    one = night(seed)
    rows = np.isin(one.labels, (excerpts.W, excerpts.N3))
    features = one.features[rows] * np.array([1, 0, 0], np.float32)[:, None]
    return Night(features, np.array([True, False, False]), one.labels[rows])


def raw_cohort(count: int) -> raw_nights.RawCohort:
    nights = tuple(raw_night(i) for i in range(count))
    recordings = tuple(
        pairs.RawNight(f"r{i}", f"p{i}", np.zeros(0), 100, nights[i].labels, "", f"hash{i}")
        for i in range(count)
    )
    return raw_nights.RawCohort(nights, recordings, np.arange(count) % 5, frozenset())


def test_subjects_never_stand_on_both_sides():
    subjects = np.repeat(np.arange(13), 2)
    fold = patient_folds.folds_of(subjects, 5, seed=7)
    assert set(fold) == set(range(5))
    for subject in range(13):
        assert len(set(fold[subjects == subject])) == 1


def test_missing_data_says_what_to_put_where(tmp_path):
    with pytest.raises(DataMissing, match="sleep_edf_bandpower"):
        crossvalidation.read_cohort(tmp_path)


def test_the_exported_graph_says_what_keras_says_and_learns(tmp_path):
    losses = []
    learned = network.fit(
        [night(i) for i in range(6)], SHORT, seed=0, on_pass=lambda _, loss: losses.append(loss)
    )
    models = [learned, network.build(SHORT["units"], dropout=0.0)]
    assert losses[-1] < losses[0]
    network.export(models, tmp_path / "n.onnx")
    exported = SequenceModel(tmp_path / "n.onnx")
    inputs = np.random.default_rng(0).normal(size=(2, 12, 63)).astype(np.float32)
    by_keras = np.stack([np.asarray(model(inputs)) for model in models], axis=2)
    assert np.abs(exported.members(inputs) - by_keras).max() < 1e-4
    assert np.abs(exported.probabilities(inputs) - by_keras.mean(axis=2)).max() < 1e-4
    again = network.read(tmp_path / "n.onnx", dropout=0.0)
    for model, restored in zip(models, again, strict=True):
        for one, other in zip(model.get_weights(), restored.get_weights(), strict=True):
            assert np.array_equal(one, other)


def test_changed_wake_keeps_sleep_whole():
    original = night(3)
    asleep = np.flatnonzero(original.labels > 0)
    for seed in range(20):
        features, labels = augmentation.other_wake(original, np.random.default_rng(seed))
        kept = np.flatnonzero(labels > 0)
        assert np.array_equal(features[kept[0] : kept[-1] + 1], original.features[asleep[0] : asleep[-1] + 1])
        assert len(features) == len(labels)


def test_networks_are_taken_only_from_a_package_that_has_not_seen_the_held_out_subjects():
    subjects = np.arange(10)
    cohort = crossvalidation.Cohort(tuple(night(i) for i in subjects), subjects)
    params = {"folds": 5, "seed": 0, "network": SHORT, "members": {"old": {"package": "1.0.0"}}}
    with pytest.raises(ValueError, match=r"sleep 1\.0\.0 was trained with other folds"):
        crossvalidation.train_members(params["members"], cohort, params, "none", raw_cohort(5))


def test_networks_go_on_without_the_patients_held_out_from_them(monkeypatch):
    seen = []

    def fit(nights, settings, *, seed, on_pass, start, raw):
        seen.append((len(nights), [id(one) for one in raw], settings["passes"], start))
        return network.build(SHORT["units"], dropout=0.0)

    monkeypatch.setattr(network, "fit", fit)
    first, second = (network.build(SHORT["units"], dropout=0.0) for _ in range(2))
    monkeypatch.setattr(crossvalidation, "_networks_of", lambda *_: [first] * 5 + [second] * 5)
    subjects = np.arange(10)
    cohort = crossvalidation.Cohort(tuple(night(i) for i in subjects), subjects)
    raw = raw_cohort(5)
    params = {"folds": 5, "seed": 0, "network": SHORT}
    members = {"raw": {"package": "x", "passes": 2}}
    with tempfile.TemporaryDirectory() as folder:
        monkeypatch.setattr(crossvalidation, "CACHE", Path(folder))
        assert len(crossvalidation.train_members(members, cohort, params, "none", raw)) == 10
        # What was trained is read again.
        crossvalidation.train_members(members, cohort, params, "none", raw)
    assert len(seen) == 10
    for i, (nights, learned, passes, start) in enumerate(seen):
        assert (nights, passes, start) == (8, 2, first if i < 5 else second)
        assert id(raw.nights[i % 5]) not in learned
        assert len(learned) == 4


def test_held_out_data_is_staged_by_all_networks_of_its_own_fold_and_by_no_other(tmp_path):
    models = [network.build(4, dropout=0.0) for _ in range(10)]
    network.export(models, tmp_path / "sequence.onnx")
    raw = raw_cohort(5)
    training = {"folds": [[]] * 5, "raw_recordings": {f"hash{i}": (i + 2) % 5 for i in range(5)}}
    package = SimpleNamespace(manifest={"training": training}, path=tmp_path.joinpath)
    by_fold, whole = crossvalidation.ByFold(package), SequenceModel(tmp_path / "sequence.onnx")
    staged = evaluation.held_out_stages(raw, package)
    for i, one in enumerate(raw.nights):
        inputs = features.network_inputs(one.features, one.mask)
        members, k = whole.members(inputs[None])[0], (i + 2) % 5
        expected = members[:, [k, k + 5]].mean(axis=1)
        assert np.allclose(by_fold.unseen(one.features, one.mask, k), expected, atol=1e-6)
        assert np.allclose(by_fold.unseen(one.features, one.mask, -1), members.mean(axis=1), atol=1e-6)
        assert np.array_equal(staged[i], expected.argmax(axis=1))


def test_a_raw_excerpt_has_any_share_of_wake_and_only_its_own_channel():
    labels = np.repeat([0, 3, 0, 3], 200)
    shares = []
    for seed in range(60):
        rows = excerpts.of_share(labels, excerpts.N3, np.random.default_rng(seed))
        assert (np.diff(rows) > 0).all()
        shares.append((labels[rows] == 0).mean())
    assert min(shares) < 0.2
    assert max(shares) > 0.8
    x, y = augmentation.augmented_windows([], SHORT, np.random.default_rng(0), [raw_night(1)])
    assert np.array_equal(x[..., -3:], np.broadcast_to([1, 0, 0], (*x.shape[:2], 3)))
    assert set(y.ravel()) <= {0, 3, -100}


def test_a_coloured_night_has_wake_and_deep_sleep_where_the_raw_recording_has_them():
    original, raw = night(3), raw_night(4)
    raw.features[:, 0, :5] += np.array([3, 2, 1, 0, -1])
    labels = np.where(original.labels == 2, 3, original.labels)
    coloured = augmentation.coloured_as(original.features, labels, raw)
    middle = [
        np.mean([np.median(x[y == s, 0, :5], axis=0) for s in (0, 3)], axis=0)
        for x, y in ((coloured, labels), (raw.features, raw.labels))
    ]
    assert np.allclose(*middle, atol=1e-4)
    assert np.array_equal(coloured[:, 1:], original.features[:, 1:])
    none = np.where(labels == 3, 1, labels)
    assert augmentation.coloured_as(original.features, none, raw) is original.features


def test_eye_movements_raise_slow_power_of_wake_only():
    original = night(3)
    moved = augmentation.with_eye_movements(original.features, original.labels, np.random.default_rng(0))
    change = moved - original.features
    asleep = np.isin(original.labels, (1, 2, 3))
    assert np.abs(change[asleep]).max() < 1e-5
    assert (change[original.labels == 0][:, 0, 0] > 0).all()
    assert change[original.labels == 0][:, 0, 0].mean() > change[original.labels == 0][:, 1, 0].mean() > 0
    assert not change[:, 2].any()


def test_another_contrast_keeps_the_order_of_the_epochs():
    features = night(4).features
    changed = augmentation.other_contrast(features, 0.3, np.random.default_rng(2))
    order = np.argsort(features[:, 0, 0])
    assert (np.diff(changed[order, 0, 0]) >= -1e-6).all()
    assert np.allclose(np.median(changed[:, :, :5], axis=0), np.median(features[:, :, :5], axis=0), atol=1e-5)


def test_excerpts_keep_the_order_and_only_their_stages():
    labels = night(5).labels
    labels[25:30] = -100
    labels[30:60] = excerpts.N3
    found = excerpts.validation(labels, seed=4)
    assert set(labels[found["wake_n3"]]) == {excerpts.W, excerpts.N3}
    assert excerpts.R not in labels[found["no_rem"]]
    assert excerpts.N3 not in labels[found["no_n3"]]
    again = excerpts.validation(labels, seed=4)
    for name, rows in found.items():
        assert (np.diff(rows) > 0).all()
        assert np.array_equal(rows, again[name])
    for seed in range(50):
        rows = excerpts.drawn(labels, np.random.default_rng(seed))
        assert len(rows)
        assert (np.diff(rows) > 0).all()
    none = np.where(labels == excerpts.N3, excerpts.N2, labels)
    assert "wake_n3" not in excerpts.validation(none, seed=4)


def test_another_device_shifts_the_shares_with_the_logs():
    logs = np.random.default_rng(0).normal(size=(40, 3, 5))
    shares = np.exp(logs) / np.exp(logs).sum(axis=2, keepdims=True)
    features = np.concatenate([logs, shares], axis=2).astype(np.float32)
    shifted = augmentation.other_device(features, 0.5, np.random.default_rng(1))
    moved = (shifted - features)[:, :, :5]
    assert np.abs(moved - moved[:1]).max() < 1e-5
    assert moved.std() > 0.1
    expected = np.exp(shifted[:, :, :5])
    assert np.abs(shifted[:, :, 5:] - expected / expected.sum(axis=2, keepdims=True)).max() < 1e-5
    assert np.abs(augmentation.other_device(features, 0.0, np.random.default_rng(1)) - features).max() < 1e-5


def test_a_moved_electrode_lies_between_the_two_whatever_their_gains():
    features = np.random.default_rng(0).normal(size=(40, 3, 10)).astype(np.float32)
    louder = features.copy()
    louder[:, 1, :5] += 4
    moved, same = (augmentation.between_electrodes(x, np.random.default_rng(1)) for x in (features, louder))
    assert np.allclose(moved[:, 0], same[:, 0], atol=1e-5)
    assert np.array_equal(moved[:, 1:], features[:, 1:])
    first, second = (features[:, i, :5] - features[:, i, :5].mean() for i in (0, 1))
    low, high = np.minimum(first, second), np.maximum(first, second)
    assert ((moved[:, 0, :5] >= low - 1e-5) & (moved[:, 0, :5] <= high + 1e-5)).all()


@pytest.mark.long
@pytest.mark.shared
def test_the_held_out_subjects_of_one_fold_reach_the_floor():
    """One fold of five here; `python -m ml evaluate sleep` gives all, with intervals."""
    package = packages.load("sleep")
    cohort = crossvalidation.read_cohort(DATA)
    held_out = np.isin(cohort.subjects, package.manifest["training"]["folds"][0])
    fold = crossvalidation.Cohort(
        tuple(n for n, out in zip(cohort.nights, held_out, strict=True) if out), cohort.subjects[held_out]
    )
    held = reviewing.held_out(fold, package, evaluation.folds_of(fold, package))
    kappas = {m.name: m.value for m in evaluation.cohort_metrics(held, package)}
    assert kappas["kappa_after_10_percent_by_all"] > kappas["kappa"] >= 0.73
    assert kappas["frontal_eeg.kappa"] >= 0.70
    assert kappas["ece"] < 0.06


def test_the_serving_package_says_what_looking_buys_and_how_sure_it_is():
    package = packages.load("sleep")
    for name, rows in package.manifest["review"]["curves"].items():
        assert [row["kappa"] for row in rows] == sorted(row["kappa"] for row in rows)
        assert all(row["low"] <= row["kappa"] <= row["high"] for row in rows)
        assert 0.5 < package.manifest["calibration"][name] < 1.5
    figures = {metric.name: metric.value for metric in package.metrics}
    assert figures["kappa"] >= 0.755
    assert figures["macro_f1"] >= 0.76
    assert figures["frontal_eeg.kappa"] >= 0.73
    assert max(value for name, value in figures.items() if name in ("ece", "frontal_eeg.ece")) <= 0.03
    assert figures["ucddb018.kappa"] >= 0.75
    assert min(figures[f"ucddb_wake_n3.recall_{stage}"] for stage in ("W", "N3")) >= 0.88
