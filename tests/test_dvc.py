"""What ``dvc repro`` knows of each training: the modules it imports, its tables, its parameters, no more."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest
import yaml

from ml import comparisons, registry, subgroups
from ml import package as packages

ROOT = Path(registry.__file__).parents[1]
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text("utf-8"))["stages"]
LOCK = yaml.safe_load((ROOT / "dvc.lock").read_text("utf-8"))["stages"]
TABULAR = ("haemorrhage", "german_credit", "accident_severity")
# They write to MLflow and to the terminal; no byte of a package comes from them.
BESIDE_THE_PACKAGE = {
    ROOT / f"ml/training/{name}.py"
    for name in ("drawings", "logged", "progress", "registry", "served", "store", "tracking", "watching")
}


@cache
def imported(path: Path) -> frozenset[Path]:
    """Return the files of ``ml`` that one file names: by import, or as dotted path for a late one."""
    tree = ast.parse(path.read_text("utf-8"))
    named: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            named.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            named.update(f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isascii():
            named.add(node.value)
    return frozenset().union(*(module_files(name) for name in named if name.startswith("ml.")))


def module_files(name: str) -> set[Path]:
    """Return the files that importing ``ml.a.b``, or ``Name`` of ``ml.a``, runs; empty ones left out."""
    parts = name.split(".")
    folders = [ROOT.joinpath(*parts[:length]) for length in range(1, len(parts) + 1)]
    files = {folder / "__init__.py" for folder in folders} | {f.with_suffix(".py") for f in folders[1:]}
    return {path for path in files if path.is_file() and has_code(path)}


@cache
def has_code(path: Path) -> bool:
    """Return whether a file holds more than a docstring."""
    body = ast.parse(path.read_text("utf-8")).body
    return any(not isinstance(node, ast.Expr) for node in body)


def closure(algorithm: str) -> set[Path]:
    """Return every file of ``ml`` that an algorithm's train door leads to and that makes its package."""
    waiting, found = [ROOT / f"ml/algorithms/{algorithm}/train.py"], set()
    while waiting:
        path = waiting.pop()
        if path not in found | BESIDE_THE_PACKAGE:
            found.add(path)
            waiting.extend(imported(path))
    return found


def beside_the_code(algorithm: str) -> set[Path]:
    """Return the files of an algorithm's folder that are neither code nor prose: tables, configurations.

    What its bench, a comparison of models or its subgroups published is read by a page; no training reads it.
    What a package must hold to be served makes no byte of it.
    """
    folder = ROOT / f"ml/algorithms/{algorithm}"
    published = {"bench/comparison.json", comparisons.MODELS, packages.NEEDS, subgroups.FILE}
    return {
        p
        for p in folder.rglob("*")
        if p.is_file()
        and p.suffix not in {".py", ".pyc", ".md"}
        and p not in {folder / name for name in published}
    }


def needed(algorithm: str) -> list[str]:
    files = closure(algorithm) | beside_the_code(algorithm)
    return sorted(str(path.relative_to(ROOT)) for path in files)


def listed(algorithm: str) -> list[str]:
    return sorted(dep for dep in STAGES[algorithm]["deps"] if not dep.startswith("../"))


@pytest.mark.parametrize("algorithm", registry.names())
def test_a_stage_depends_on_the_modules_its_training_imports_and_on_no_other(algorithm):
    lines = "\n".join(f"      - {name}" for name in needed(algorithm))
    assert listed(algorithm) == needed(algorithm), f"deps of the stage {algorithm} in dvc.yaml:\n{lines}"


@pytest.mark.parametrize("algorithm", registry.names())
def test_a_stage_is_the_command_of_the_readme_with_its_own_parameters(algorithm):
    stage = STAGES[algorithm]
    assert stage["cmd"] == f"python -m ml train {algorithm} --data ../shared/data --out ml/packages"
    assert stage["params"] == [algorithm]
    assert [dep for dep in stage["deps"] if dep.startswith("../shared/data/")]
    assert not [dep for dep in stage["deps"] if "blind" in dep or "held_back" in dep]
    # The packages are in git: deleted before or moved to a cache, they would be lost.
    assert stage["outs"] == [{f"ml/packages/{algorithm}": {"cache": False, "persist": True}}]


def test_training_for_one_algorithm_changes_nothing_for_the_others():
    for algorithm in registry.names():
        others = {f"ml/algorithms/{name}/" for name in registry.names() if name != algorithm}
        foreign = [name for name in needed(algorithm) if any(name.startswith(other) for other in others)]
        assert not foreign
    tabular = {"ml/training/search.py", "ml/training/pipeline.py", "ml/tabular/preparation.py"}
    assert tabular.isdisjoint(needed("sleep") + needed("chest_xray"))
    assert tabular <= set(needed("accident_severity"))


@pytest.mark.parametrize("algorithm", TABULAR)
def test_the_serving_package_is_the_one_the_lock_and_the_parameters_tell_of(algorithm):
    section = yaml.safe_load((ROOT / "params.yaml").read_text("utf-8"))[algorithm]
    locked = LOCK[algorithm]
    assert locked["cmd"] == STAGES[algorithm]["cmd"]
    assert sorted(dep["path"] for dep in locked["deps"]) == sorted(STAGES[algorithm]["deps"])
    assert locked["params"]["params.yaml"][algorithm] == section
    # As shipped, whatever a site has put into service beside it.
    champion = (packages.ROOT / algorithm / "CHAMPION").read_text("utf-8").strip()
    assert champion == section["version"]
    assert packages.read(packages.ROOT / algorithm / section["version"]).manifest["training"]["params"]
