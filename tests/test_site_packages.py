"""Packages trained here: found beside the shipped ones, put into service and taken back."""

import json
import shutil

import pytest

from ml import package, registry
from predictions import intake
from predictions.api import health
from predictions.states import State
from tests.studies import analysed, waiting

MANIFEST = {
    "algorithm": "sleep",
    "version": "site-2026.11.21-1",
    "input": {},
    "thresholds": {},
    "metrics": [],
    "data": [],
    "intended_use": {"en": "a test", "fr": "un essai"},
    "limits": [],
    "training": {"seed": 0},
}
FIRST, SECOND = "site-2026.11.21-1", "site-2026.11.21-2"


@pytest.fixture
def site(tmp_path, monkeypatch):
    monkeypatch.setattr(package, "SITE", tmp_path)
    for version in (FIRST, SECOND):
        folder = tmp_path / "sleep" / version
        folder.mkdir(parents=True)
        (folder / "model.onnx").write_bytes(version.encode())
        package.write(folder, MANIFEST | {"version": version})
    return tmp_path


def test_a_package_trained_here_is_listed_and_loaded_beside_the_shipped_ones(site):
    shipped = package.champion_version("sleep")
    assert {shipped, FIRST, SECOND} <= set(package.versions("sleep"))
    assert package.load("sleep", FIRST).version == FIRST
    assert package.load("sleep").version == shipped


def test_a_new_champion_serves_at_once_and_the_former_one_can_be_named_again(site):
    shipped = package.load("sleep").version
    assert package.name_champion("sleep", FIRST).version == FIRST
    assert package.load("sleep").version == FIRST
    package.name_champion("sleep", SECOND)
    assert package.load("sleep").version == SECOND
    package.name_champion("sleep", FIRST)
    assert package.load("sleep").version == FIRST
    package.name_champion("sleep", shipped)
    assert package.load("sleep").version == shipped
    # Back on the shipped champion, a later release of the product may bring a newer one.
    assert not (site / "sleep" / "CHAMPION").exists()


def test_a_broken_champion_is_refused_by_name_and_nothing_else_is_served_in_its_place(site):
    package.name_champion("sleep", FIRST)
    (site / "sleep" / FIRST / "model.onnx").write_bytes(b"changed")
    with pytest.raises(package.BrokenPackage, match=r"model\.onnx does not match"):
        package.load("sleep")


def test_a_champion_that_is_gone_is_refused_by_name(site):
    (site / "sleep" / "CHAMPION").write_text("site-2025.01.01-1\n", "utf-8")
    with pytest.raises(package.BrokenPackage, match=r"sleep site-2025\.01\.01-1: no manifest\.json"):
        package.load("sleep")
    (site / "sleep" / "CHAMPION").write_text("\n", "utf-8")
    with pytest.raises(package.BrokenPackage, match="CHAMPION is empty"):
        package.load("sleep")


def test_a_broken_package_never_becomes_champion(site):
    (site / "sleep" / SECOND / "model.onnx").unlink()
    package.name_champion("sleep", FIRST)
    with pytest.raises(package.BrokenPackage, match=r"model\.onnx is missing"):
        package.name_champion("sleep", SECOND)
    assert package.load("sleep").version == FIRST


def test_a_package_moved_under_another_name_never_becomes_champion(site):
    (site / "sleep" / FIRST).rename(site / "sleep" / "site-2026.12.24-1")
    with pytest.raises(package.BrokenPackage, match=r"its manifest\.json says sleep site-2026\.11\.21-1"):
        package.name_champion("sleep", "site-2026.12.24-1")


@pytest.mark.parametrize("version", ["../sleep/1.0.0", "..", ".hidden", "a/b", "x" * 200, "1.0\n"])
def test_a_version_leads_nowhere_but_to_its_folder(site, version):
    with pytest.raises(package.BrokenPackage, match="a version is written in"):
        package.load("sleep", version)


def test_a_shipped_package_is_never_shadowed_by_one_trained_under_its_name(site):
    shipped = package.champion_version("sleep")
    folder = site / "sleep" / shipped
    folder.mkdir()
    (folder / "manifest.json").write_text(json.dumps({"sha256": "not this one"}), "utf-8")
    assert package.load("sleep", shipped).folder.parent.parent == package.ROOT


@pytest.fixture
def earlier(site):
    """Put into service by hand a whole chest X-ray package of before its gate measured writing."""
    folder = site / "chest_xray" / "1.1.0"
    shutil.copytree(package.ROOT / "chest_xray" / "1.2.0", folder)
    limits = json.loads((folder / "gate.json").read_text("utf-8"))
    del limits["max_writing"]
    (folder / "gate.json").write_text(json.dumps(limits), "utf-8")
    manifest = json.loads((folder / package.MANIFEST).read_text("utf-8"))
    (folder / package.MANIFEST).unlink()
    package.write(folder, manifest | {"version": "1.1.0"})
    (site / "chest_xray" / "CHAMPION").write_text("1.1.0\n", "utf-8")
    return site


@pytest.mark.django_db
def test_a_package_of_an_earlier_release_is_whole_but_refused_by_name_before_it_serves(earlier):
    with pytest.raises(package.Outdated, match=r"chest_xray 1\.1\.0 .*gate\.json: max_writing is missing"):
        package.load("chest_xray")
    with pytest.raises(package.Outdated):
        package.name_champion("chest_xray", "1.1.0")
    found = health.examine()
    assert (found["status"], found["packages"]["chest_xray"]) == ("degraded", False)


@pytest.mark.django_db
def test_a_study_says_so_and_can_be_retried_once_another_version_is_named(earlier, charlie, henri):
    study = analysed(waiting(charlie, henri, algorithm="chest_xray"))
    assert [problem.code for problem in study.problem_list] == ["package_outdated"]
    assert "1.1.0" in study.problem_list[0].message.fr
    assert study.state == State.FAILED
    package.name_champion("chest_xray", "1.2.0")
    intake.retry(user=charlie, study=study)
    assert package.load("chest_xray").version == "1.2.0"


def test_every_shipped_package_holds_what_its_code_needs():
    for algorithm in registry.names():
        assert package.load(algorithm).version == package.champion_version(algorithm)
