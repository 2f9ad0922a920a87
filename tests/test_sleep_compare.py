"""The three kinds of model on the same nights: no one is judged on what it learned from."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse

from clinic.accounts.models import User
from ml import comparisons, runner
from ml import package as packages
from ml.__main__ import main
from ml.algorithms.sleep import compare, held_out, pairs
from ml.algorithms.sleep.compare import Judged
from ml.contracts import Source
from tests import mlflow_store
from tests.sleep_files import write_edf


@pytest.fixture
def apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The published tables in a folder of the test's own."""
    monkeypatch.setattr(comparisons, "ALGORITHMS", tmp_path / "published")
    (tmp_path / "published" / "sleep").mkdir(parents=True)
    with mlflow_store.apart(tmp_path / "mlflow"):
        yield tmp_path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    nights = tmp_path / "nights"
    nights.mkdir()
    rng = np.random.default_rng(0)
    for number in range(2):
        samples = np.cumsum(rng.normal(0, 200, (360, 1, 100)), axis=2).astype("<i2")
        write_edf(nights / f"p{number}.edf", samples=samples)
        (nights / f"p{number}.txt").write_text("W\n" * 6 + "N2\n" * 6, "utf-8")
    return nights


@pytest.mark.long
def test_every_kind_is_scored_on_the_same_epochs_and_the_looks_are_counted(
    apart: Path, folder: Path, capsys: pytest.CaptureFixture
) -> None:
    (folder / "alone.edf").write_bytes((folder / "p0.edf").read_bytes())
    for _ in range(2):
        assert main(["compare", "sleep", "--data", str(folder), "--publish"]) == 0
    said = capsys.readouterr()
    rows = [json.loads(line) for line in said.out.splitlines()][3:]
    assert [row["name"] for row in rows] == ["sequence", "forest16", "cnn"]
    assert {(row["nights"], row["patients"], row["epochs"]) for row in rows} == {(2, 2, 24)}
    assert all(row["figures"]["kappa"]["low"] <= row["figures"]["kappa"]["value"] for row in rows)
    # The same packages on the same recordings again are no further look.
    assert {row["looks"] for row in rows} == {1}
    assert "alone.edf: No hypnogram" in said.err
    stored = comparisons.of_models("sleep")
    assert len(stored["looks"]) == 1
    assert stored["tables"][0]["rows"][0]["sha256"] == packages.load("sleep").sha256


def test_a_night_that_a_package_learned_from_is_judged_by_its_held_out_stages() -> None:
    package = packages.load("sleep", "cnn-1.0.0")
    sha256, stages = next(iter(held_out.stages(package).items()))
    night = pairs.RawNight("a", "a", np.zeros(0), 100, np.zeros(len(stages), int), "", sha256)
    models = [compare.Model("cnn", package, "cnn.onnx", pytest.fail)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pairs, "read", lambda _pairs: ([night], []))
        judged = compare._judged(pairs.Pair("a", Path("a.edf"), Path("a.txt"), "a"), models, [])
    assert judged.held_out
    assert judged.stages["cnn"].tolist() == stages.tolist()


def test_nothing_shipped_learned_from_the_night_kept_for_testing() -> None:
    """By the counts on their manifests: N1, N2 and REM are in that night only."""
    for version in ("cnn-1.0.0", "forest-16-1.1.0"):
        package = packages.load("sleep", version)
        assert len(package.manifest["training"]["recordings"]) == 5
        assert "N2" not in package.manifest["data"]


@pytest.mark.parametrize("version", ["cnn-1.0.0", "forest-16-1.1.0"])
def test_a_package_to_compare_with_answers_no_study_and_cannot_be_put_into_service(
    version: str, tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_edf(tmp_path / "night.edf")
    assert main(["predict", "sleep", str(path), "--version", version]) == 2
    assert "answers no study" in capsys.readouterr().err
    monkeypatch.setattr(packages, "SITE", tmp_path)
    with pytest.raises(packages.BrokenPackage, match="answers no study"):
        packages.name_champion("sleep", version)
    with pytest.raises(packages.BrokenPackage, match="answers no study"):
        runner.run("sleep", Source(path=path), version=version)


def test_a_difference_is_paired_and_its_verdict_follows_the_interval() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 5, 400)
    better = np.where(rng.random(400) < 0.8, truth, 0)
    worse = np.where(rng.random(400) < 0.3, truth, 0)
    night = pairs.RawNight("a", "a", np.zeros(0), 100, truth, "", "0")
    package = packages.load("sleep", "cnn-1.0.0")
    models = [
        compare.Model(name, package, "cnn.onnx", pytest.fail) for name in ("sequence", "forest16", "cnn")
    ]
    stages = {"sequence": worse, "forest16": worse, "cnn": better}
    table = compare._table(compare._UNSEEN, [Judged(night, stages, False)], models)
    same, other = (row["kappa_difference"] for row in table["rows"][1:])
    assert same == {"value": 0.0, "low": 0.0, "high": 0.0}
    assert other["low"] > 0
    kappas = [row["figures"]["kappa"]["value"] for row in table["rows"]]
    assert other["value"] == pytest.approx(kappas[2] - kappas[0], abs=2e-4)


def test_recordings_of_the_cohort_the_network_learned_from_are_left_out(
    apart: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    write_edf(tmp_path / "SC4011E0-PSG.edf", seconds=60)
    (tmp_path / "SC4011E0-PSG.txt").write_text("W\nW\n", "utf-8")
    assert main(["compare", "sleep", "--data", str(tmp_path)]) == 2
    assert "learned from this cohort" in capsys.readouterr().err


def test_an_algorithm_with_one_kind_of_model_says_so(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["compare", "haemorrhage", "--data", str(tmp_path)]) == 2
    assert "nothing to compare" in capsys.readouterr().err


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("on the same cases", "random forest", "looks")),
        ("fr", ("mêmes cas", "forêt aléatoire", "regards")),
    ],
)
def test_the_model_page_shows_the_published_tables(
    client: Client, alice: User, language: str, words: tuple[str, ...]
) -> None:
    alice.language = language
    alice.save()
    client.force_login(alice)
    said = client.get(reverse("model", args=["sleep"])).content.decode()
    stored = comparisons.of_models("sleep")
    assert said.count("cnn-1.0.0") == len(stored["tables"])
    for word in words:
        assert word in said
    assert "same-cases" not in client.get(reverse("model", args=["haemorrhage"])).content.decode()
