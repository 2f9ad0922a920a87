"""Training sets of a hospital joined to the data of a recipe: whole, agreed on, never tested on."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import time
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import edfio
import numpy as np
import pytest
import yaml
from PIL import Image

from ml import package as packages
from ml.algorithms.chest_xray import dataset, heads
from ml.algorithms.chest_xray import joining as radiographs
from ml.algorithms.sleep import crossvalidation, pairs
from ml.algorithms.sleep import joining as nights
from ml.training import commands, site_sets
from ml.training.site_sets import WrongSet
from tests.chest_phantom import phantom
from tests.sleep_files import edf_bytes
from tests.test_chest_xray_training import write_images
from tests.test_sleep_training import SHORT, night

CHILDREN = 30
STAGES = ["W", "N1", "N2", "N3", "R"]


def write_set(folder: Path, algorithm: str, rows: Sequence[Mapping[str, str]], /, **changed: Any) -> Path:
    """Complete a folder of examples to a set, as the product writes one."""
    with (folder / site_sets.PROVENANCE).open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, ["example", "patient", "outcome", "blind"])
        writer.writeheader()
        writer.writerows(rows)
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != site_sets.MANIFEST]
    manifest = {
        "format": site_sets.FORMAT,
        "algorithm": algorithm,
        "number": 4,
        "purpose": "To retrain",
        "files": [
            {"name": path.relative_to(folder).as_posix(), "sha256": packages.file_sha256(path)}
            for path in files
        ],
        "consent": {row["patient"]: {"research": "agreed", "month": "2026-03"} for row in rows},
    }
    (folder / site_sets.MANIFEST).write_text(json.dumps(manifest | changed), "utf-8")
    return folder


@cache
def drawn(index: int) -> np.ndarray:
    """Return a phantom in the size of the training; drawn once for every test."""
    return np.array(Image.fromarray(phantom(seed=200 + index)).resize((224, 224)))


def images(folder: Path, **changed: Any) -> Path:
    """Return a set of phantoms, two of each child."""
    rows = []
    for index in range(2 * CHILDREN):
        patient, ill = f"VG-{index // 2:04}", index % 4 < 2
        pixels = drawn(index).copy()
        if ill:
            pixels[120:170, 50:90] = 190
        path = folder / f"xrays/train/{patient}-{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
        example = {"example": path.relative_to(folder).as_posix(), "patient": patient}
        outcome = "PNEUMONIA" if ill else "NORMAL"
        rows.append(example | {"outcome": outcome, "blind": "yes" if index % 3 else "no"})
    return write_set(folder, "chest_xray", rows, **changed)


@pytest.fixture
def read(tmp_path: Path) -> Any:
    """Return a function that reads a set of images anew."""
    images(tmp_path / "set")
    return lambda **options: site_sets.read(tmp_path / "set", "chest_xray", **options)


def test_a_set_says_what_it_is_and_who_agreed(read: Any, tmp_path: Path) -> None:
    site = read()
    assert (len(site.examples), site.patients, site.months) == (2 * CHILDREN, CHILDREN, ("2026-03",))
    manifest = (tmp_path / "set" / "manifest.json").read_bytes()
    assert site.as_json()["sha256"] == hashlib.sha256(manifest).hexdigest()
    assert site.as_json()["consent"] == {"agreed": CHILDREN, "recorded": ["2026-03"]}
    assert "60 signed examples of 30 patients" in site.said.en
    assert len(read(blind_only=True).examples) == 40


def test_whoever_no_longer_agrees_is_left_out_and_their_files_may_be_gone(read: Any, tmp_path: Path) -> None:
    for path in (tmp_path / "set").rglob("VG-0003-*"):
        path.unlink()
    with pytest.raises(WrongSet, match="unpack the set again"):
        read()
    site = read(without=["VG-0003"])
    assert (site.patients, site.left_out) == (CHILDREN - 1, 2)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"format": "vigie-training-set/1"}, "ask for a new set"),
        ({"algorithm": "sleep"}, "a set for sleep"),
        (
            {"consent": {"VG-0000": {"research": "agreed", "month": ""}}},
            "no agreement is written down of VG-0001",
        ),
    ],
)
def test_what_cannot_be_learned_from_is_refused_in_a_sentence(
    changed: dict[str, Any], said: str, tmp_path: Path
) -> None:
    images(tmp_path / "set", **changed)
    with pytest.raises(WrongSet, match=said):
        site_sets.read(tmp_path / "set", "chest_xray")


def test_a_name_that_is_not_in_the_set_is_refused_by_name(read: Any) -> None:
    with pytest.raises(WrongSet, match="--without VG-003: nobody in"):
        read(without=["VG-0001", "VG-003"])


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda found: [], "is not the manifest of a set"),
        (lambda found: {k: v for k, v in found.items() if k != "algorithm"}, "algorithm cannot be read"),
        (lambda found: found | {"consent": None}, "consent cannot be read"),
        (lambda found: found | {"consent": {"VG-0000": {}}}, "whether and when they agreed"),
        (lambda found: found | {"files": ["labels.csv"]}, "has no name or hash"),
        (lambda found: found | {"files": []}, "names no provenance.csv"),
    ],
)
def test_a_damaged_set_is_refused_in_a_sentence(damage: Any, said: str, read: Any, tmp_path: Path) -> None:
    manifest = tmp_path / "set" / "manifest.json"
    manifest.write_text(json.dumps(damage(json.loads(manifest.read_text("utf-8")))), "utf-8")
    with pytest.raises(WrongSet, match=said):
        read()


def test_a_set_without_its_provenance_is_refused_in_a_sentence(read: Any, tmp_path: Path) -> None:
    (tmp_path / "set" / "provenance.csv").unlink()
    with pytest.raises(WrongSet, match="unpack the set again"):
        read()


def test_a_provenance_without_a_column_is_refused_in_a_sentence(tmp_path: Path) -> None:
    table = tmp_path / "provenance.csv"
    write_set(tmp_path, "chest_xray", [])
    table.write_text("example,patient,outcome\n", "utf-8")
    manifest = json.loads((tmp_path / "manifest.json").read_text("utf-8"))
    manifest["files"] = [{"name": "provenance.csv", "sha256": packages.file_sha256(table)}]
    (tmp_path / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    with pytest.raises(WrongSet, match="has no column blind"):
        site_sets.read(tmp_path, "chest_xray")


def test_a_changed_label_is_noticed(read: Any, tmp_path: Path) -> None:
    table = tmp_path / "set" / "provenance.csv"
    table.write_text(table.read_text().replace("NORMAL", "PNEUMONIA", 1))
    with pytest.raises(WrongSet, match="is not what the set's manifest says"):
        read()


def test_signed_images_join_the_training_by_child_and_leave_the_test_alone(read: Any, tmp_path: Path) -> None:
    write_images(tmp_path / "data")
    with site_sets.joined("chest_xray", tmp_path / "data", read()) as (folder, changes):
        assert changes == {}
        found, before = (dataset.kermany(data, "train") for data in (folder, tmp_path / "data"))
        assert len(found.y) == len(before.y) + 2 * CHILDREN
        own = np.array([path.startswith("vigie/") for path in found.paths])
        assert found.y[own].sum() == CHILDREN
        assert len(set(found.patients[own])) == CHILDREN
        for inside, outside in heads.blocks(found.patients, 4):
            assert not set(found.patients[inside]) & set(found.patients[outside])
            assert own[outside].any()
        tests = [dataset.kermany(data, "test").paths for data in (folder, tmp_path / "data")]
        assert tests[0] == tests[1]
    assert not folder.exists()
    assert (tmp_path / "set" / "xrays" / "train" / "VG-0000-0.png").is_file()


# --- nights ----------------------------------------------------------------------------------------


def write_cohort(data: Path, subjects: int = 8) -> None:
    folder = data / "sleep" / crossvalidation.FOLDER
    folder.mkdir(parents=True)
    for subject in range(subjects):
        one = night(subject)
        np.savez(folder / f"{subject:02}_night1.npz", features=one.features, labels=one.labels)
    raw = data / pairs.UCDDB
    raw.mkdir(parents=True)
    for number, name in enumerate(("ucddb002", "ucddb007", "ucddb018")):
        write_night(raw, f"{name}_night.edf", f"{name}_stages.txt", ["C3-A2"], number)
    notes = [
        edfio.EdfAnnotation(30 * epoch, 30, f"Sleep stage {STAGES[stage]}")
        for epoch, stage in enumerate(np.repeat(np.arange(5), 24))
    ]
    scored = edfio.Edf([], starttime=time(22), annotations=notes)
    scored.write(raw / "ucddb018_hypnogram.edf")
    (raw / "ucddb018_stages.txt").unlink()


def write_night(folder: Path, name: str, scored: str, labels: Sequence[str], seed: int) -> None:
    """Write an hour of a recording, slow and large where sleep is deep, and its stages."""
    folder.mkdir(parents=True, exist_ok=True)
    rng, stages = np.random.default_rng(seed), np.repeat(np.arange(5), 24)
    seconds = len(stages) * 30
    t = np.arange(100) / 100
    waves = np.sin(2 * np.pi * np.array([10, 6, 4, 1, 7])[np.repeat(stages, 30), None] * t)
    samples = rng.normal(0, 300, (seconds, len(labels), 100)) + 1500 * waves[:, None]
    (folder / name).write_bytes(edf_bytes(labels, seconds=seconds, samples=samples.astype("<i2")))
    (folder / scored).write_text("\n".join(STAGES[stage] for stage in stages) + "\n", "utf-8")


def scored_nights(folder: Path) -> Path:
    """Return a set of four nights of three patients: two with three channels, two with one."""
    whole, alone = ["EEG Fpz-Cz", "EEG Pz-Oz", "EOG horizontal"], ["EEG F4-M1"]
    rows, lines = [], ["recording,patient"]
    for number, (patient, labels) in enumerate(
        [("VG-A", whole), ("VG-A", whole), ("VG-B", alone), ("VG-C", alone)]
    ):
        name = f"{patient}-{number}a"
        write_night(folder / "recordings", f"{name}_night.edf", f"{name}_hypnogram.txt", labels, 30 + number)
        example = f"recordings/{name}_night.edf"
        rows.append({"example": example, "patient": patient, "outcome": "hypnogram", "blind": "no"})
        lines.append(f"{name},{patient}")
    (folder / "recordings" / "patients.csv").write_text("\n".join(lines) + "\n", "utf-8")
    return write_set(folder, "sleep", rows)


def test_scored_nights_join_by_what_was_recorded_and_by_patient(tmp_path: Path) -> None:
    """Three channels: a subject of the cohort, all stages. One: a raw recording behind those of UCDDB."""
    write_cohort(tmp_path / "data")
    site = site_sets.read(scored_nights(tmp_path / "set"), "sleep")
    with site_sets.joined("sleep", tmp_path / "data", site) as (folder, changes):
        cohort = crossvalidation.read_cohort(folder)
        assert cohort.subjects.tolist() == [*range(8), 9001, 9001]
        assert all(one.mask.all() for one in cohort.nights)
        assert np.bincount(cohort.nights[-1].labels).tolist() == [24] * 5
        _, raw = pairs.learned_from(folder)
        assert [one.patient for one in raw] == ["ucddb002", "ucddb007", "vigie-0001", "vigie-0002"]
        params = yaml.safe_load(Path("params.yaml").read_text("utf-8"))["sleep"]
        changed = nights.changed(params, changes)
        assert changed["members"] == {"both": {}}
        assert changed["raw_members"] == {"raw": {"raw_repeats": 12, "raw_colour": 0.3}}
        assert nights.changed(params, {}) == params


# --- whole trainings, tiny -------------------------------------------------------------------------


def asked(algorithm: str, folder: Path, params: Mapping[str, Any]) -> SimpleNamespace:
    """Return what the command line would."""
    (folder / "params.yaml").write_text(yaml.safe_dump({algorithm: dict(params)}), "utf-8")
    return SimpleNamespace(
        algorithm=algorithm, data=folder / "data", out=folder / "out", version="9.0.0", mapping=None,
        params=folder / "params.yaml", param=[], force=False, site=folder / "set", without=[],
        blind_only=False,
    )  # fmt: skip


def trained(call: SimpleNamespace) -> packages.Package:
    """Train, and check what every package of a set says."""
    first, *_figures = commands.train(call)
    package = packages.read(Path(first["written"]))
    assert package.sha256 == first["sha256"]
    told = package.manifest["training"]["site_set"]
    assert told["sha256"] == packages.file_sha256(call.site / "manifest.json")
    assert told["consent"] == {"agreed": told["patients"], "recorded": ["2026-03"]}
    assert any("of this hospital who agreed" in limit["en"] for limit in package.manifest["limits"])
    return package


@pytest.mark.long
def test_an_xray_training_with_a_set_ends_in_a_package_that_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Heavy, and only this test needs it: Keras takes several seconds to import.
    from ml.algorithms.chest_xray import backbone, out_of_fold, train
    from ml.algorithms.chest_xray.features import Extractor

    write_images(tmp_path / "data")
    images(tmp_path / "set")
    weights = tmp_path / "data" / dataset.MOBILENET
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
    for module in (train, out_of_fold, radiographs):
        monkeypatch.setattr(module, "Extractor", lambda *given: Extractor(*given, cache=tmp_path / "cache"))
    package = trained(asked("chest_xray", tmp_path, params))
    by_name = {(metric.name, metric.data): metric for metric in package.metrics}
    learned = [data for name, data in by_name if name == "roc_auc"]
    assert f"Kermany 2018: {train.UNSEEN}" in learned
    assert f"training set 4 of this hospital: {train.UNSEEN}" in {m.data for m in package.metrics}
    families = by_name["roc_auc", f"Kermany 2018: {train.UNSEEN}"].n / 40
    assert by_name["site.roc_auc", f"training set 4 of this hospital: {train.UNSEEN}"].n == 60 * families
    assert package.manifest["data"]["images"] == 100
    monkeypatch.setattr(commands.packages, "serving", lambda *_: package)
    again = SimpleNamespace(algorithm="chest_xray", version="9.0.0", data=tmp_path / "data", publish=True)
    with pytest.raises(commands.NothingToDerive, match="learned from a training set"):
        list(commands.held_out(again))


@pytest.mark.long
def test_a_training_on_nights_with_a_set_ends_in_a_package_that_stages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_cohort(tmp_path / "data")
    scored_nights(tmp_path / "set")
    params = yaml.safe_load(Path("params.yaml").read_text("utf-8"))["sleep"]
    params |= {"folds": 2, "network": {**SHORT, "passes": 1}}
    params["boosted"] |= {"rounds": 3}
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    monkeypatch.setattr(crossvalidation, "CACHE", tmp_path / "cache")
    package = trained(asked("sleep", tmp_path, params))
    folds = package.manifest["training"]["folds"]
    assert sorted(subject for fold in folds for subject in fold) == [*range(8), 9001]
    assert set(package.manifest["training"]["raw_recordings"].values()) == {0, 1}
    found = {metric.name: metric for metric in package.metrics}
    # On the cohort of the recipe alone, as of any version; the hospital's own nights beside it.
    assert found["kappa"].n == 8
    assert (found["site.kappa"].n, found["site.kappa"].unit) == (1, "patients")
    assert "ucddb018.kappa" in found
