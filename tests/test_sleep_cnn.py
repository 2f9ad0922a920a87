"""The convolutional network on raw epochs: free of scale, exported alike, resumed alike, judged on others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ml import package as packages
from ml.algorithms.sleep import crossvalidation, held_out, pairs, rawcnn, rawcnn_train
from ml.algorithms.sleep import rawcnn_network as network
from ml.algorithms.sleep.rawcnn_network import Night, State
from tests import mlflow_store
from tests.sleep_files import write_edf

SETTINGS = {
    "folds": 10, "passes": 2, "patience": 1, "window": 4, "batch": 2, "learning_rate": 0.003,
    "weight_decay": 0.01, "label_smoothing": 0.05, "class_weight_power": 0.25, "gain_jitter": 0.1,
    "noise": 0.05,
}  # fmt: skip
UCDDB = Path(__file__).resolve().parents[2] / "shared" / "data"


def signal(stages: list[int], rate: int, seed: int) -> np.ndarray:
    """Fast and small for wake, slow and large for deep sleep."""
    rng, t = np.random.default_rng(seed), np.arange(30 * rate) / rate
    slow, fast = 80 * np.sin(2 * np.pi * 1.0 * t), 15 * np.sin(2 * np.pi * 10.0 * t)
    return np.concatenate([(slow if s == 3 else fast) + rng.normal(0, 5, len(t)) for s in stages])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(3):
        stages = [0, 0, 3, 3, 0, 3, 3, 0]
        samples = signal(stages, 100, number) * 65.536
        wide = samples.astype("<i2").reshape(-1, 1, 100)
        write_edf(tmp_path / f"p{number}.edf", samples=wide)
        (tmp_path / f"p{number}.txt").write_text("\n".join("W" if s == 0 else "N3" for s in stages), "utf-8")
    return tmp_path


@pytest.fixture
def apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(crossvalidation, "CACHE", tmp_path / "cache")
    with mlflow_store.apart(tmp_path / "mlflow"):
        yield


def test_the_scale_of_the_recording_has_no_influence() -> None:
    package = packages.load("sleep", "cnn-1.0.0")
    stages = [0] * 6 + [3] * 6 + [0] * 3
    x = signal(stages, 128, 0)
    found = rawcnn.probabilities(package, rawcnn.epochs_of(x, 128))
    assert found.shape == (15, 5)
    assert found.sum(axis=1) == pytest.approx(np.ones(15), abs=1e-5)
    for factor in (0.01, 0.1, 10, 100):
        scaled = rawcnn.probabilities(package, rawcnn.epochs_of(x * factor, 128))
        assert np.array_equal(scaled.argmax(axis=1), found.argmax(axis=1))


def test_pieces_of_a_night_are_staged_as_the_whole() -> None:
    package = packages.load("sleep", "cnn-1.0.0")
    epochs = np.random.default_rng(0).standard_normal((150, 3000)).astype(np.float32)
    session = rawcnn._session(package.path(rawcnn.FILE))
    whole = session.run(["probabilities"], {"epochs": epochs[None]})[0][0]
    assert np.abs(rawcnn.probabilities(package, epochs) - whole).max() < 1e-5


@pytest.mark.long
def test_a_training_that_was_stopped_goes_on_as_one_that_was_not(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    nights = [
        Night(rng.standard_normal((9, 3000)).astype(np.float16), rng.integers(0, 5, 9)) for _ in range(2)
    ]
    settings = {**SETTINGS, "patience": 5}
    path = tmp_path / "state.npz"

    def stop_after(passes: int, state: State | None) -> State:
        def keep(state: State) -> None:
            rawcnn_train._write_state(path, state)

        return network.fit(
            nights[:1], nights[1:], settings, seed=3, passes=passes, state=state, on_pass=keep
        )[1]

    uninterrupted = stop_after(3, None)
    stop_after(1, None)
    resumed = stop_after(3, rawcnn_train._read_state(path))
    assert resumed.losses == pytest.approx(uninterrupted.losses, abs=1e-6)
    assert resumed.held_out == pytest.approx(uninterrupted.held_out, abs=1e-6)
    for one, other in zip(resumed.best, uninterrupted.best, strict=True):
        assert one == pytest.approx(other, abs=1e-5)


def test_training_stops_when_others_gain_nothing() -> None:
    state = State(done=9, held_out=[3, 2, 1, 2, 2, 2, 2, 2, 2.0])
    assert state.best_pass == 3
    assert network._tired(state, 6)
    assert not network._tired(state, 7)


@pytest.mark.long
@pytest.mark.usefixtures("apart")
def test_a_folder_of_pairs_becomes_a_package_judged_on_patients_held_out(folder: Path) -> None:
    params = {"seed": 1, "cnn": SETTINGS}
    package = rawcnn_train.train(folder, folder / "out", version="9.9.9", params=params)
    assert package.version == "cnn-9.9.9"
    mlflow_store.assert_complete(package, curves=["fold1.loss", "fold1.held_out_loss", "everybody.loss"])
    nights = pairs.learned_from(folder)[1]
    assert set(held_out.stages(package)) == {night.sha256 for night in nights}
    metrics = {metric.name: metric for metric in package.metrics}
    assert (metrics["accuracy"].n, metrics["accuracy"].unit) == (3, "patients")
    assert "Never saw N1, N2, R" in package.limits[1].en
    assert "p0" not in (package.folder / packages.MANIFEST).read_text("utf-8")
    assert rawcnn_train.evaluate(folder, package) == list(package.metrics)
    # Everything is kept by now: training again takes no pass and gives the same package.
    again = rawcnn_train.train(folder, folder / "again", version="9.9.9", params=params)
    assert again.sha256 == package.sha256


def test_patients_are_never_on_both_sides() -> None:
    nights = [
        pairs.RawNight(f"n{i}", patient, np.zeros(0), 100, np.zeros(4, int), "", f"{i}")
        for i, patient in enumerate("AABBCCDD")
    ]
    prepared = [Night(np.zeros((4, 3000), np.float16), night.labels) for night in nights]
    fold = held_out.folds(nights, 10, 0)
    assert sorted(set(fold)) == [0, 1, 2, 3]
    assert fold[0::2].tolist() == fold[1::2].tolist()
    taught, stopping = rawcnn_train._split(range(6), nights, prepared, 0)
    assert (len(taught), len(stopping)) == (4, 2)
    alone = rawcnn_train._split([0, 1], nights, prepared, 0)
    assert [len(part[0].labels) for part in alone] == [3, 1]


@pytest.mark.shared
def test_the_shipped_network_finds_wake_and_deep_sleep_in_patients_it_did_not_see() -> None:
    package = packages.load("sleep", "cnn-1.0.0")
    found = {m.name: m.value for m in rawcnn_train.evaluate(UCDDB, package)}
    assert found == {m.name: m.value for m in package.metrics}
    assert found["recall_W"] > 0.9
    assert found["recall_N3"] > 0.9
