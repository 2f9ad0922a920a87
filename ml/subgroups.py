"""How a version does in parts of the patients: measured by ``python -m ml subgroups``, read by the pages.

``ml/algorithms/<algorithm>/subgroups.json`` holds what was published, by the hash of the package it is true
of. An algorithm whose data tell its patients apart has a door ``subgroups``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from ml.package import Metric, Package

FILE = "subgroups.json"
ALGORITHMS = Path(__file__).resolve().parent / "algorithms"


def published(package: Package) -> dict[str, list[Metric]]:
    """Return the figures of parts of the patients by ``age``, ``sex``, ``site`` and ``device``."""
    found = _read(package.algorithm).get(package.sha256, {})
    return {axis: [Metric(**metric) for metric in metrics] for axis, metrics in found.items()}


def publish(package: Package, figures: Mapping[str, Sequence[Metric]]) -> Path:
    """Store the figures of a package beside its algorithm, over those it had; return the file."""
    stored = _read(package.algorithm)
    stored[package.sha256] = {
        axis: [asdict(metric) for metric in metrics] for axis, metrics in figures.items()
    }
    path = ALGORITHMS / package.algorithm / FILE
    path.write_text(json.dumps(stored, indent=1, ensure_ascii=False, sort_keys=True) + "\n", "utf-8")
    return path


def _read(algorithm: str) -> dict[str, dict[str, list[dict]]]:
    path = ALGORITHMS / algorithm / FILE
    return json.loads(path.read_text("utf-8")) if path.is_file() else {}
