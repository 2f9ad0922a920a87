"""Parse a credit application."""

from __future__ import annotations

from ml.algorithms.german_credit.contract import check
from ml.contracts import Loaded, Source
from ml.package import Package
from ml.tabular.loading import load_row


def load(source: Source, package: Package) -> Loaded:
    """Return the typed fields; raises :class:`ml.contracts.Refused` with every reason."""
    return load_row(check, source)
