"""Baselines beside the packages: what the data of a training, or of a check, look like; standard library.

``ml/baselines/<algorithm>/<version>.json`` is written by ``python -m ml baseline``. It pins the package hash
and carries a checksum of its own: a window must never be held against half a file.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from ml.package import Package

ROOT = Path(__file__).parents[1] / "baselines"
CHECKSUM = "sha256"
FIGURES = ("roc_auc", "sensitivity", "specificity", "agreement")


class NoBaseline(LookupError):
    """There is no baseline for a package, or it was made for another one."""


class DamagedBaseline(NoBaseline):
    """There is a file, and it is not what was written."""


def path(algorithm: str, version: str) -> Path:
    """Return where the baseline of a version lies."""
    return ROOT / algorithm / f"{version}.json"


def read(package: Package) -> Mapping[str, Any]:
    """Return the baseline of a package.

    Raises
    ------
    NoBaseline
        Where there is none, or it names another package hash.
    DamagedBaseline
        Where the file cannot be read, differs from its checksum, or is no baseline.
    """
    named = f"the baseline of {package.algorithm} {package.version}"
    try:
        held = json.loads(path(package.algorithm, package.version).read_text("utf-8"))
    except FileNotFoundError as error:
        raise NoBaseline(f"{package.algorithm} {package.version} has no baseline") from error
    except (OSError, ValueError, RecursionError) as error:
        raise DamagedBaseline(f"{named} cannot be read") from error
    if not isinstance(held, dict) or held.get(CHECKSUM) != checksum(held):
        raise DamagedBaseline(f"{named} is not what was written")
    if not _is_whole(held):
        raise DamagedBaseline(f"{named} has another shape than a baseline")
    if held["package_sha256"] != package.sha256:
        raise NoBaseline(f"{named} is of another package")
    return held


def write(package: Package, content: Mapping[str, Any], folder: Path = ROOT) -> Path:
    """Write the baseline of a package and return where."""
    written = folder / package.algorithm / f"{package.version}.json"
    written.parent.mkdir(parents=True, exist_ok=True)
    pinned = {
        "algorithm": package.algorithm,
        "version": package.version,
        "package_sha256": package.sha256,
        **content,
    }
    pinned[CHECKSUM] = checksum(pinned)
    text = json.dumps(pinned, ensure_ascii=False, sort_keys=True, indent=1)
    written.write_text(text + "\n", "utf-8")
    return written


def checksum(held: Mapping[str, Any]) -> str:
    """Return the SHA-256 of everything but the checksum itself, written in one way."""
    rest = {key: value for key, value in held.items() if key != CHECKSUM}
    return hashlib.sha256(json.dumps(rest, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _is_whole(held: Mapping[str, Any]) -> bool:
    """Whether every part is there and of its kind; a whole checksum says nothing of who wrote it."""
    said = held.get("data")
    return (
        all(isinstance(held.get(name), str) for name in ("algorithm", "version", "package_sha256"))
        and _is_count(held.get("n"), 1)
        and isinstance(said, dict)
        and all(isinstance(said.get(language), str) for language in ("en", "fr"))
        and all(_are_samples(held.get(side)) for side in ("inputs", "outputs"))
        and _is_performance(held.get("performance", ""))
    )


def _are_samples(samples: object) -> bool:
    return isinstance(samples, dict) and all(_is_sample(one) for one in samples.values())


def _is_sample(one: object) -> bool:
    if not isinstance(one, dict) or not _is_count(one.get("given"), 1) or not _is_count(one.get("n"), 1):
        return False
    if one["given"] > one["n"]:
        return False
    if one.keys() == {"n", "given", "points"}:
        points = one["points"]
        right = isinstance(points, list) and 0 < len(points) <= one["given"] and all(map(_is_number, points))
        return right and all(before <= after for before, after in pairwise(points))
    if one.keys() != {"n", "given", "counts"} or not isinstance(one["counts"], dict):
        return False
    counts = list(one["counts"].values())
    return all(_is_count(count) for count in counts) and sum(counts) == one["given"]


def _is_performance(held: object) -> bool:
    if held is None:
        return True
    if not isinstance(held, dict) or not (held.get("error") is None or _is_number(held["error"])):
        return False
    figures = [held[name] for name in FIGURES if held.get(name) is not None]
    ends = ("value", "low", "high")
    return all(isinstance(one, dict) and all(_is_number(one.get(end)) for end in ends) for one in figures)


def _is_count(value: object, least: int = 0) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
