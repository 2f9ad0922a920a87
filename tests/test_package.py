"""A model package is used only when every byte is what its manifest says."""

import json
import shutil

import pytest

from ml import package, registry

MANIFEST = {
    "algorithm": "sleep",
    "version": "9.9.9",
    "input": {},
    "thresholds": {},
    "metrics": [],
    "data": [],
    "intended_use": {"en": "a test", "fr": "un essai"},
    "limits": [],
    "training": {"seed": 0},
}


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "sleep" / "9.9.9"
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(b"weights")
    package.write(folder, MANIFEST)
    return folder


def test_one_flipped_bit_is_refused_with_the_name_of_the_file(folder):
    (folder / "model.onnx").write_bytes(b"weightr")
    with pytest.raises(package.BrokenPackage, match=r"sleep 9\.9\.9: file model\.onnx does not match"):
        package.read(folder)


def test_a_changed_manifest_is_refused(folder):
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["thresholds"] = {"operating_point": 0.9}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(package.BrokenPackage, match="does not match its own sha256"):
        package.read(folder)


def test_a_missing_and_an_added_file_are_named(folder):
    (folder / "extra.bin").write_bytes(b"x")
    with pytest.raises(package.BrokenPackage, match=r"extra\.bin is not in the manifest"):
        package.read(folder)
    (folder / "extra.bin").unlink()
    (folder / "model.onnx").unlink()
    with pytest.raises(package.BrokenPackage, match=r"model\.onnx is missing"):
        package.read(folder)


def test_the_hash_does_not_depend_on_the_day_it_was_written(folder, tmp_path):
    first = package.read(folder).sha256
    again = tmp_path / "again" / "9.9.9"
    shutil.copytree(folder, again)
    (again / "manifest.json").unlink()
    manifest = MANIFEST | {"created": "1999-01-01"}
    assert package.write(again, manifest).sha256 == first


def test_a_manifest_that_lacks_something_cannot_be_written(folder):
    with pytest.raises(package.BrokenPackage, match="intended_use, limits"):
        package.write(folder, {k: v for k, v in MANIFEST.items() if k not in ("intended_use", "limits")})


@pytest.mark.parametrize("algorithm", registry.names())
def test_every_shipped_package_is_whole_and_has_a_champion(algorithm):
    assert package.champion_version(algorithm) in package.versions(algorithm)
    for version in package.versions(algorithm):
        shipped = package.read(package.ROOT / algorithm / version)
        assert shipped.intended_use.fr
        assert shipped.limits
        for metric in shipped.metrics:
            assert metric.n > 0
            assert metric.data
            assert metric.command.startswith("python -m ml ")
