"""What ``train --with`` refuses before anything is made, and that nothing half made lies in the store."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from ml import package as packages
from ml.__main__ import main
from ml.algorithms.chest_xray import joining as radiographs
from ml.training import commands
from tests.test_chest_xray_training import write_images
from tests.test_site_sets import asked, images


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (["haemorrhage", "--version", "9"], "births of a hospital are trained with --mapping"),
        (["chest_xray"], "needs a --version of its own"),
        (["sleep", "--version", "9", "--param", "recipe=forest16"], "give recordings/ of a set as --data"),
        (["chest_xray", "--version", "9"], "is no training set"),
    ],
)
def test_the_command_says_what_does_not_go_together(
    call: list[str], said: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = str(tmp_path)
    assert main(["train", *call, "--data", folder, "--with", folder, "--out", str(tmp_path / "out")]) == 2
    assert said in capfd.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (["sleep", "--without", "VG-A", "--param", "recipe=cnn"], "--without: only with --with"),
        (["chest_xray", "--blind-only"], "--blind-only: only with --with"),
        (["haemorrhage", "--mapping", "m.yaml", "--without", "VG-A"], "--without: only with --with"),
        (["haemorrhage", "--mapping", "m.yaml", "--with", "set"], "do not go together"),
    ],
)
def test_what_names_somebody_of_a_set_is_not_passed_over_without_one(
    call: list[str], said: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", *call, "--data", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    assert said in capfd.readouterr().err


@pytest.mark.parametrize("more", [[], ["--force"]])
def test_a_version_that_is_shipped_is_not_trained_into_the_store_of_the_site(
    more: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(packages, "SITE", tmp_path / "out")
    shipped = packages.champion_version("chest_xray")
    call = ["train", "chest_xray", "--data", str(tmp_path), "--out", str(tmp_path / "out"), *more]
    assert main([*call, "--version", shipped, "--with", str(tmp_path)]) == 2
    assert f"{shipped} of chest_xray is shipped" in capfd.readouterr().err
    assert not (tmp_path / "out").exists()


def bare(algorithm: str, data: str) -> dict[str, Any]:
    """Return a manifest that can be written and read, of a package of nothing."""
    manifest: dict[str, Any] = {"algorithm": algorithm, "version": "9.0.0", "data": data, "training": {}}
    manifest |= {"input": {}, "thresholds": {}, "intended_use": {}}
    return manifest | {"metrics": [], "limits": []}


def test_a_training_that_stops_before_its_package_tells_of_the_set_leaves_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_images(tmp_path / "data")
    images(tmp_path / "set")
    call = asked("chest_xray", tmp_path, yaml.safe_load(Path("params.yaml").read_text("utf-8"))["chest_xray"])
    made: list[packages.Package] = []

    def train(data: Path, out: Path, *, version: str, params: Any) -> packages.Package:
        folder = out / "chest_xray" / version
        folder.mkdir(parents=True)
        made.append(packages.write(folder, bare("chest_xray", "data")))
        return made[-1]

    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(commands.store, "check", lambda: None)
    monkeypatch.setattr(commands, "_trainer", lambda *_: SimpleNamespace(train=train))
    monkeypatch.setattr(radiographs, "remeasured", stop)
    with pytest.raises(KeyboardInterrupt):
        list(commands.train(call))
    assert [package.version for package in made] == ["9.0.0"]
    assert not list(call.out.rglob("*"))


def test_a_package_that_is_trained_again_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    for folder, said in ((tmp_path / "out", "before"), (tmp_path / "out" / ".drafts", "after")):
        (folder / "sleep" / "9.0.0").mkdir(parents=True)
        package = packages.write(folder / "sleep" / "9.0.0", bare("sleep", said))
    moved = commands._moved(package, tmp_path / "out")
    assert moved.folder == tmp_path / "out" / "sleep" / "9.0.0"
    assert moved.manifest["data"] == "after"
