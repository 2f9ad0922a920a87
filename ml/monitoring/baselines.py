"""Baselines beside the packages: what the data of a training, or of a check, look like; standard library.

``ml/baselines/<algorithm>/<version>.json`` is written by ``python -m ml baseline`` and pins the package hash.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ml.package import Package

ROOT = Path(__file__).parents[1] / "baselines"


class NoBaseline(LookupError):
    """There is no baseline for a package, or it was made for another one."""


def path(algorithm: str, version: str) -> Path:
    """Return where the baseline of a version lies."""
    return ROOT / algorithm / f"{version}.json"


def has(package: Package) -> bool:
    """Whether there is a baseline for exactly this package."""
    try:
        read(package)
    except NoBaseline:
        return False
    return True


def read(package: Package) -> Mapping[str, Any]:
    """Return the baseline of a package.

    Raises
    ------
    NoBaseline
        Where there is none, or it names another package hash.
    """
    try:
        held = json.loads(path(package.algorithm, package.version).read_text("utf-8"))
    except FileNotFoundError as error:
        raise NoBaseline(f"{package.algorithm} {package.version} has no baseline") from error
    if held["package_sha256"] != package.sha256:
        raise NoBaseline(f"the baseline of {package.algorithm} {package.version} is of another package")
    return held


def write(package: Package, content: Mapping[str, Any], folder: Path = ROOT) -> Path:
    """Write the baseline of a package and return where."""
    written = folder / package.algorithm / f"{package.version}.json"
    written.parent.mkdir(parents=True, exist_ok=True)
    pinned = {
        "algorithm": package.algorithm,
        "version": package.version,
        "package_sha256": package.sha256,
    }
    text = json.dumps({**pinned, **content}, ensure_ascii=False, sort_keys=True, indent=1)
    written.write_text(text + "\n", "utf-8")
    return written
