"""Analyse the credit table: ``python -m ml describe german_credit --data ../shared/data``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ml import package as packages
from ml.algorithms.german_credit.contract import CONTRACT
from ml.algorithms.german_credit.train import FILE, HINT, read, recipes
from ml.training import tabular
from ml.training.data import require
from ml.training.description import describe as of_table


def describe(data: Path) -> dict[str, Any]:
    """Return what is in the table and in the features derived for the serving package.

    Raises
    ------
    ml.training.data.DataMissing
        When the table is not below ``data``.
    """
    (path,) = require(data, FILE, hint=HINT)
    table, y = read(path)
    numbers, categories = tabular.columns_of(CONTRACT)
    first, *_ = recipes(packages.load(CONTRACT.name).manifest["training"]["params"])
    return of_table(table, y, numbers, categories, derived=first.derived, events="bad credit")
