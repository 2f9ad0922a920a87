"""What the page of a model and that of a version say alike."""

from __future__ import annotations

from typing import Any

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
