"""The shares that a unit sets for the model it works with: what a model cannot know of a place.

A package does not name them all, and a contract is part of what a package is trained from; so the list is
here, beside the page they are set on. A study keeps those that held when it was sent.
"""

from __future__ import annotations

from collections.abc import Mapping

from clinic.accounts.models import Unit
from ml import package, registry
from ml.package import BrokenPackage

SHARES: Mapping[str, tuple[str, ...]] = {
    "haemorrhage": ("incidence", "flag_share"),
    "chest_xray": ("prevalence",),
}
"""Fields of :class:`clinic.accounts.models.Unit` by algorithm, named as its options."""
ALL = tuple(name for names in SHARES.values() for name in names)


def taken(code: str) -> tuple[str, ...]:
    """Return the shares that the algorithms of the unit ``code`` reckon with; empty for none."""
    contracts = registry.contracts(clinical=True)
    return tuple(name for c in contracts if c.unit == code for name in SHARES.get(c.name, ()))


def options(unit: Unit, algorithm: str) -> dict[str, float]:
    """Return what ``unit`` has set, as options of ``algorithm``; what it left open is the model's own."""
    found = {name: getattr(unit, name) for name in SHARES.get(algorithm, ())}
    return {name: share for name, share in found.items() if share is not None}


def own(code: str) -> Mapping[str, float]:
    """Return the shares that the models of a unit take where the unit set none, by field; empty without."""
    found: dict[str, float] = {}
    for contract in registry.contracts(clinical=True):
        names = SHARES.get(contract.name, ())
        if contract.unit == code and names:
            try:
                serving = package.load(contract.name)
            except BrokenPackage:  # the page of the models says what is wrong with it
                continue
            stated = {name: setting["default"] for name, setting in serving.input.get("settings", {}).items()}
            stated |= serving.manifest.get("calibration", {})
            found |= {name: stated[name] for name in names if name in stated}
    return found
