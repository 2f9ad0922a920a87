"""The training bench without its data: splits, heads, copies, and one small training end to end."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from ml import held_out, operating_points, runner
from ml.algorithms.chest_xray import appearance, augment, dataset, heads, validation
from ml.algorithms.chest_xray.cases import Cases
from ml.algorithms.chest_xray.contract import CONTRACT
from ml.algorithms.chest_xray.operating import threshold_for_sensitivity
from ml.contracts import Source, Status
from ml.package import Package, read
from ml.training.data import DataMissing
from tests.chest_phantom import phantom

RNG = np.random.default_rng(7)


def test_a_head_is_the_same_line_after_folding_its_scaling() -> None:
    features = RNG.normal(3, 5, (300, 12))
    y = (features[:, 0] + RNG.normal(0, 2, 300) > 3).astype(int)
    head = heads.fit(features, y, 0.1)
    assert head.logit(features.mean(axis=0)[None])[0] == pytest.approx(head.intercept)
    assert np.mean((head.logit(features) > 0) == y) > 0.8


def test_no_patient_is_on_both_sides_of_a_fold() -> None:
    patients = np.repeat([f"child{i}" for i in range(40)], 3)
    y = np.repeat(RNG.integers(0, 2, 40), 3)
    parts = heads.folds(y, patients, 4, seed=1)
    for inside, outside in parts:
        assert not set(patients[inside]) & set(patients[outside])
    assert sorted(np.concatenate([outside for _, outside in parts])) == list(range(120))


def test_a_held_out_stretch_is_one_run_of_file_numbers_of_each_series() -> None:
    patients = np.array(
        [f"normal:IM-{n:04d}" for n in range(20)] + [f"virus:person{n}" for n in range(3, 43)]
    )
    parts = heads.blocks(patients, 4)
    assert [len(outside) for _, outside in parts] == [15, 15, 15, 15]
    assert list(parts[0][1]) == [*range(5), *range(20, 30)]
    for inside, outside in parts:
        assert not set(patients[inside]) & set(patients[outside])


def test_a_network_or_stage_that_does_not_exist_is_named() -> None:
    # Heavy, and only two tests need it: Keras takes several seconds to import.
    from ml.algorithms.chest_xray import backbone

    with pytest.raises(ValueError, match=r"networks: expected some of .*, got resnet_9000"):
        backbone.check({"resnet_9000": ["head"]})
    with pytest.raises(ValueError, match=r"networks\.efficientnet_lite0: expected some of .*, got stack_9"):
        backbone.check({"efficientnet_lite0": ["stack_9"]})


def test_the_threshold_keeps_the_wanted_sensitivity_and_no_more() -> None:
    p, y = RNG.random(1000), RNG.integers(0, 2, 1000)
    threshold = threshold_for_sensitivity(p, y, 0.9)
    assert np.mean(p[y == 1] >= threshold) >= 0.9
    assert np.mean(p[y == 1] >= np.nextafter(threshold + 0.01, 1)) < 0.9


def test_calibration_answers_for_one_in_two_whatever_the_training_prevalence() -> None:
    y = (RNG.random(20_000) < 0.75).astype(int)
    logits = 2 * (y * 2 - 1) + RNG.normal(0, 2, 20_000)
    p = heads.sigmoid(logits, heads.calibrate(logits, y))
    assert p[y == 1].mean() + p[y == 0].mean() == pytest.approx(1, abs=0.01)


def test_the_distance_of_the_cloud_itself_is_about_one() -> None:
    features = RNG.normal(0, 1, (500, 20)) @ RNG.normal(0, 1, (20, 20))
    cloud = heads.fit_cloud(features, 10, seed=0)
    assert cloud.distance(features).mean() == pytest.approx(1, abs=0.05)
    assert cloud.distance(features + 100).min() > 10


@pytest.mark.parametrize("recipe", ["train", "shift", *augment.FAMILIES])
def test_a_seed_gives_one_copy_and_the_copy_is_altered(recipe: str) -> None:
    image = np.asarray(Image.fromarray(phantom()).resize((224, 224)))
    copies = [augment.augment(image, recipe, np.random.default_rng(seed)) for seed in (3, 3, 4)]
    assert (copies[0] == copies[1]).all()
    assert (copies[0] != copies[2]).any()
    assert copies[0].shape == (224, 224)
    assert copies[0].dtype == np.uint8


def test_weights_make_how_an_image_was_taken_tell_nothing_about_the_label() -> None:
    y = (RNG.random(4000) < 0.75).astype(int)
    described = RNG.normal(0, 1, (4000, 3)) + y[:, None] * [1.0, 0.0, 0.0]
    weights = appearance.weights(y, described, most=20)

    def apart(given: np.ndarray) -> float:
        means = [np.average(described[y == label, 0], weights=given[y == label]) for label in (0, 1)]
        return abs(means[1] - means[0])

    assert apart(weights) < 0.2 * apart(np.ones(4000))
    assert weights[y == 1].sum() == pytest.approx(weights[y == 0].sum())
    assert weights.mean() == pytest.approx(1)


def test_all_images_of_a_child_are_in_one_group() -> None:
    patients = np.repeat([f"child{i}" for i in range(50)], 4)
    described = RNG.normal(0, 1, (200, 3)) + np.repeat(np.arange(200) % 2 * 6, 1)[:, None]
    found = appearance.groups(described, patients, 3, seed=1)
    assert all(len(set(found[patients == child])) == 1 for child in set(patients))


def cases() -> Cases:
    """Two features: one of the disease, and one that only the family "storage" betrays in training."""
    n = 400
    y = np.arange(n) % 2
    disease = y + RNG.normal(0, 0.8, n)
    clean = np.c_[disease, np.zeros(n)]
    altered = np.arange(n) % 4 < 2
    copy = np.c_[disease + RNG.normal(0, 0.1, n), np.where(altered, (2 * y - 1) * 3.0, 0.0)]
    return Cases(
        y=y,
        patients=np.array([f"normal:IM-{i}" for i in range(n)]),
        described=RNG.normal(0, 1, (n, 2)),
        clean=clean,
        copies=[copy],
        altered_by=[{"storage": altered, "local": ~altered}],
        unseen={"storage": np.c_[disease, (1 - 2 * y) * 3.0], "local": clean},
        shift=clean,
        stored_again=np.zeros((4, 2)),
    )


def test_a_family_left_out_is_not_learned_from() -> None:
    given = cases()
    parts = heads.blocks(given.patients, 4)
    scores = validation.unseen_families(given, parts, validation.linear(given, 1.0, 1.0))
    promises, _ = validation.carried_over(given.y, scores, 0.9)
    # Where the head knew "storage" it follows the trace and errs on every image whose trace is turned.
    assert promises["storage"].auc > 0.75
    knowing = validation.fit(given, np.arange(400), 1.0, 1.0)
    assert np.mean((knowing.logit(given.unseen["storage"]) > 0) == given.y) < 0.2


def test_a_threshold_carried_to_moved_scores_tells_by_how_much_they_moved() -> None:
    y = np.arange(2000) % 2
    usual, moved = (2.0 * y - 1 + RNG.normal(0, 1, 2000) + by for by in (0.0, 1.5))
    found = {"local": {"local": usual, "storage": moved}, "storage": {"local": usual, "storage": moved}}
    promises, calibrated = validation.carried_over(y, found, 0.9)
    assert promises["storage"].in_the_large < -2
    assert promises["storage"].sensitivity > 0.98
    assert promises["storage"].specificity < promises["local"].specificity
    assert calibrated["storage"].mean() > 2


def test_missing_data_says_what_to_put_where(tmp_path: Path) -> None:
    with pytest.raises(DataMissing, match=r"kermany224/labels\.csv"):
        dataset.rows(tmp_path)


def write_images(data: Path) -> None:
    """A data folder of phantoms: the ones with pneumonia have a bright lower left zone."""
    folder = data / dataset.KERMANY
    listed = []
    for index in range(60):
        ill, split = index % 2 == 0, "test" if index >= 40 else "train"
        pixels = np.array(Image.fromarray(phantom(seed=index)).resize((224, 224)))
        if ill:
            pixels[120:170, 50:90] = 190
        path = f"{split}/{index}.jpg"
        (folder / split).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / path)
        label, etiology = ("PNEUMONIA", "virus") if ill else ("NORMAL", "")
        listed.append(
            {"path": path, "split": split, "label": label, "etiology": etiology, "patient_id": index // 2}
        )
    _write_csv(folder / "labels.csv", listed)
    adults = data / dataset.NIH
    adults.mkdir(parents=True)
    rows = []
    for index in range(16):
        Image.fromarray(phantom(256, 256, seed=index)[::-1]).save(adults / f"{index}.jpg")
        rows.append(
            {
                "path": f"{index}.jpg",
                "label": index % 2,
                "patient_id": index // 2,
                "age_years": 50,
                "sex": "F",
            }
        )
    _write_csv(adults / "labels.csv", rows)


def _write_csv(path: Path, rows: list[Mapping[str, Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


@pytest.mark.long
def test_a_training_ends_in_a_package_that_serves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Heavy, and only this test needs it: Keras takes several seconds to import.
    from ml.algorithms.chest_xray import backbone, out_of_fold, train
    from ml.algorithms.chest_xray.features import Extractor
    from tests import mlflow_store

    data = tmp_path / "data"
    write_images(data)
    weights = data / dataset.MOBILENET
    weights.parent.mkdir(parents=True)
    params = yaml.safe_load(Path("params.yaml").read_text("utf-8"))["chest_xray"]
    params |= {"networks": {"mobilenet_v2": ["block_13_expand_relu", "out_relu"]}}
    params |= {"copies": 1, "blocks": 2, "groups": 2, "regularisation": 0.01}
    params["gate"] |= {"components": 8, "folds": 2, "adult_copies": 1}
    network = backbone.keras.applications.MobileNetV2(
        input_shape=(224, 224, 3), alpha=backbone.MOBILENET_ALPHA, include_top=False, weights=None
    )
    network.save_weights(weights)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    for module in (train, out_of_fold):
        monkeypatch.setattr(module, "Extractor", lambda *given: Extractor(*given, cache=tmp_path / "cache"))
    package = train.train(data, tmp_path / "out", version="0.0.1", params=params)
    assert isinstance(read(package.folder), Package)
    assert package.manifest["training"]["looks_at_the_test"] == 1
    mlflow_store.assert_complete(package, curves=["left_out.auc"])
    assert {"roc_auc", "recall", "specificity"} <= {metric.name for metric in package.metrics}
    assert sum(file.stat().st_size for file in package.folder.iterdir()) < 4e6
    held_out.publish(package, out_of_fold.collect(data, package))
    point = operating_points.criterion(package, package)
    assert point.passed, point.sentence.en
    assert "Derived anew" in point.sentence.en
    assert set(held_out.of(package).curves) >= {"roc", "precision_recall", "calibration"}
    monkeypatch.setattr(runner.packages, "load", lambda *_: package)
    source = Source(path=data / dataset.KERMANY / "test" / "41.jpg", options={"no_gate": True})
    assert runner.run(CONTRACT.name, source).status is Status.OK
