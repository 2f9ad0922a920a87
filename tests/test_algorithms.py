"""Every algorithm of the registry has every door, a package that is whole, a card and a test."""

from __future__ import annotations

import ast
from inspect import signature
from pathlib import Path

import pytest

from ml import package as packages
from ml import registry
from ml.contracts import Contract, InputKind, Report

ROOT = Path(__file__).parent.parent
TAKES = {
    "load": ("load", ["source", "package"]),
    "predict": ("predict", ["package", "loaded"]),
    "explain": ("explain", ["package", "loaded", "result"]),
    "report": ("report", ["package", "result"]),
}

every_algorithm = pytest.mark.parametrize("name", registry.names())


@every_algorithm
@pytest.mark.parametrize("door", TAKES)
def test_every_door_takes_what_the_runner_hands_it(name: str, door: str) -> None:
    function, parameters = TAKES[door]
    taken = signature(getattr(registry.door(name, door), function)).parameters
    assert list(taken)[: len(parameters)] == parameters


@every_algorithm
def test_every_contract_is_complete_in_both_languages(name: str) -> None:
    contract = registry.contract(name)
    assert isinstance(contract, Contract)
    assert contract.name == name
    for text in (contract.title, contract.purpose):
        assert text.en
        assert text.fr
    assert contract.limits.seconds > 0
    assert contract.limits.memory_bytes >= 256 * 2**20
    door = registry.door(name, "contract")
    if contract.input_kind is InputKind.FORM:
        assert contract.fields
        assert callable(door.check)
    else:
        assert contract.limits.upload_bytes > 0
        assert contract.suffixes
        assert callable(door.screen)


@every_algorithm
def test_every_clinical_contract_names_its_people(name: str) -> None:
    contract = registry.contract(name)
    if contract.clinical:
        assert contract.unit in ("maternity", "radiology", "sleep")
        assert contract.submit_roles
        assert contract.sign_roles
    assert contract.queue in ("tabular", "imaging", "signals")


@every_algorithm
def test_every_field_has_a_label_in_both_languages_and_a_section(name: str) -> None:
    contract = registry.contract(name)
    sections = {section.name for section in contract.sections}
    for field in contract.fields:
        assert field.label.en
        assert field.label.fr
        assert field.section in sections


@every_algorithm
def test_every_algorithm_has_a_whole_package_with_honest_figures(name: str) -> None:
    package = packages.load(name)
    assert package.algorithm == name
    assert package.intended_use.fr
    assert package.limits
    assert package.metrics
    for metric in package.metrics:
        assert metric.data
        assert metric.n > 0
        assert metric.command


def _module_names(path: Path) -> set[str]:
    """Return what a module defines or imports, without importing the training stack."""
    found: set[str] = set()
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.ImportFrom):
            found |= {alias.asname or alias.name for alias in node.names}
    return found


@every_algorithm
def test_every_algorithm_has_a_card_and_a_trainer(name: str) -> None:
    folder = ROOT.joinpath(*registry.ALGORITHMS[name].split("."))
    assert (folder / "CARD.md").read_text("utf-8").startswith("#")
    assert {"train", "evaluate"} <= _module_names(folder / "train.py")


@every_algorithm
def test_every_algorithm_has_a_test_file(name: str) -> None:
    assert any(name in path.read_text("utf-8") for path in (ROOT / "tests").glob("test_*.py"))
    assert Report.__dataclass_fields__.keys() >= {"headline", "sections", "limits"}


def test_an_unknown_name_says_which_there_are() -> None:
    with pytest.raises(registry.UnknownAlgorithm, match="haemorrhage"):
        registry.contract("palmistry")
