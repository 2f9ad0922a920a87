"""Where comparisons of recipes lie: in a package, or beside the algorithm when a bench made them.

Standard library only: the web process reads them. A package's comparison is about the recipes it was chosen
from and shares its version and hash. A bench trains nothing that serves and is run again when somebody
asks, so its comparison lies beside its code, ``ml/algorithms/<algorithm>/bench/comparison.json``, written
by ``--publish`` and committed. So does ``ml/algorithms/<algorithm>/models.json``: several packages of one
algorithm on the same cases.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ml.package import Package

FILE = "comparison.json"
MODELS = "models.json"
ALGORITHMS = Path(__file__).resolve().parent / "algorithms"

Stored = Mapping[str, Any]


def of_package(package: Package | None) -> list[Stored]:
    """Return the comparisons that a package holds, as ``ml.training.comparison`` stores them."""
    if package is None or FILE not in package.manifest["files"]:
        return []
    return package.json(FILE)["comparisons"]


def of_bench(algorithm: str) -> Stored | None:
    """Return what an algorithm's bench published, or ``None``.

    Returns
    -------
    dict
        ``comparisons`` as in a package; ``bench`` with ``sentences`` (texts in both languages: why the
        winner won) and ``runs``: ``name``, ``label``, ``stage``, ``winner``, ``curves`` (per fold and epoch
        three losses: learned from, held back, held back under shift) and ``confusion`` (``shifted`` and
        ``plain``: ``tp``, ``fn``, ``fp``, ``tn``).
    """
    path = ALGORITHMS / algorithm / "bench" / FILE
    return json.loads(path.read_text("utf-8")) if path.is_file() else None


def of_models(algorithm: str) -> Stored | None:
    """Return how several models of one algorithm did on the same cases, or ``None``.

    Returns
    -------
    dict
        ``command``; ``tables``, each with ``title``, ``patients``, ``nights``, ``epochs``, ``intervals`` and
        ``rows``: ``name``, ``label``, ``version``, ``figures`` (value, low, high by name),
        ``kappa_difference`` to the ``reference`` row, ``looks``; ``looks``: every comparison published.
    """
    path = ALGORITHMS / algorithm / MODELS
    return json.loads(path.read_text("utf-8")) if path.is_file() else None


def write_models(algorithm: str, document: Stored) -> None:
    """Publish a comparison of models where :func:`of_models` reads it."""
    text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)
    (ALGORITHMS / algorithm / MODELS).write_text(text + "\n", "utf-8")


def exist(algorithm: str, package: Package | None) -> bool:
    """Return whether there is anything to compare."""
    held = package is not None and FILE in package.manifest["files"]
    return held or (ALGORITHMS / algorithm / "bench" / FILE).is_file()
