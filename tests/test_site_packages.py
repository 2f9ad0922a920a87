"""Packages trained here: found beside the shipped ones, put into service and taken back."""

import json

import pytest

from ml import package

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
