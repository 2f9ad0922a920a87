"""Which algorithms exist. A name leads to a folder; its doors are imported on first use."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from ml.contracts import Contract, Text

ALGORITHMS: dict[str, str] = {
    "haemorrhage": "ml.algorithms.haemorrhage",
    "chest_xray": "ml.algorithms.chest_xray",
    "sleep": "ml.algorithms.sleep",
    "german_credit": "ml.algorithms.german_credit",
    "accident_severity": "ml.algorithms.accident_severity",
}

DOORS = ("contract", "load", "predict", "explain", "report", "summary", "train")


class UnknownAlgorithm(LookupError):
    """Raised with the known names when an algorithm is asked for that does not exist."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no algorithm called {name!r}; there are: {', '.join(ALGORITHMS)}")
        self.name = name


def names() -> tuple[str, ...]:
    """Return the names of all algorithms, in the order shown."""
    return tuple(ALGORITHMS)


def door(name: str, which: str) -> ModuleType:
    """Import one door of one algorithm.

    Parameters
    ----------
    name
        An algorithm of :data:`ALGORITHMS`.
    which
        One of :data:`DOORS`. Only ``contract`` is light enough for the web process.

    Raises
    ------
    UnknownAlgorithm
        When there is no such algorithm.
    """
    if name not in ALGORITHMS:
        raise UnknownAlgorithm(name)
    return import_module(f"{ALGORITHMS[name]}.{which}")


def trainer(name: str, recipe: Any = None) -> ModuleType:
    """Import what trains an algorithm by one of its recipes, and nothing that only the others need.

    Parameters
    ----------
    recipe
        A key of ``recipes.DOORS`` in the algorithm's folder; without that file ``train`` does it all.

    Raises
    ------
    UnknownAlgorithm
        When there is no such algorithm.
    """
    recipes = _recipes(name)
    return door(name, recipes.DOORS.get(recipe, "train") if recipes else "train")


def version_of(name: str, recipe: Any, version: str) -> str:
    """Return the version as a recipe writes it: some put their own name before it."""
    recipes = _recipes(name)
    return recipes.version_of(recipe, version) if recipes else version


def _recipes(name: str) -> ModuleType | None:
    if name not in ALGORITHMS:
        raise UnknownAlgorithm(name)
    has_some = find_spec(f"{ALGORITHMS[name]}.recipes") is not None
    return door(name, "recipes") if has_some else None


def stages(name: str) -> Mapping[str, Text]:
    """Return what an algorithm calls the stages of :func:`ml.runner.run` that do something else with it.

    It says so in ``stages`` in its folder; without that file ``load`` reads and checks and ``predict`` runs
    the model.

    Raises
    ------
    UnknownAlgorithm
        When there is no such algorithm.
    """
    if name not in ALGORITHMS:
        raise UnknownAlgorithm(name)
    return door(name, "stages").STAGES if find_spec(f"{ALGORITHMS[name]}.stages") is not None else {}


def learns_from_tables(name: str) -> bool:
    """Whether an algorithm can learn from a hospital's own table, without importing it."""
    return find_spec(f"{ALGORITHMS[name]}.hospital") is not None


@cache
def contract(name: str) -> Contract:
    """Return the contract of an algorithm; raises :class:`UnknownAlgorithm`."""
    return door(name, "contract").CONTRACT


def contracts(*, clinical: bool | None = None) -> tuple[Contract, ...]:
    """Return all contracts, or only the clinical (or only the reference) ones."""
    found = (contract(name) for name in ALGORITHMS)
    return tuple(c for c in found if clinical is None or c.clinical == clinical)
