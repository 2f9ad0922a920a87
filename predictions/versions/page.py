"""What the page of a model and that of a version say alike."""

from __future__ import annotations

from typing import Any

from ml import held_out
from ml.operating_points import CURVES
from ml.package import Package
from predictions.versions import comparing, selectors, subgroups


def compared(package: Package) -> dict[str, Any]:
    """Return what pages say of how a version compares, and for whom it was measured."""
    other = selectors.previous(package.algorithm, package.version)
    groups = comparing.groups(package, other)
    return {
        "other": other,
        "groups": groups,
        "compared_figures": comparing.compared(groups),
        "axes": subgroups.axes(package),
    }


def curves(package: Package) -> dict[str, Any]:
    """Return the curves of a version, and the held-out scores that its operating point follows from.

    The curves are those in the package; of one without any, those of its held-out scores. Scores that are
    damaged, or of another package, are not used: ``held_broken`` says so.
    """
    found: dict[str, Any] = {"curves": None, "held": None, "held_broken": None}
    try:
        found["held"] = held_out.of(package)
    except held_out.Unusable as error:
        found["held_broken"] = error.said
    if CURVES in package.manifest["files"]:
        found["curves"] = package.json(CURVES)
    elif found["held"] is not None:
        found["curves"] = found["held"].curves or None
    return found
