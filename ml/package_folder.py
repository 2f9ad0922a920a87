"""What one package folder is: a manifest that names every file with its sha256, read and verified."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from ml.contracts import Text

MANIFEST = "manifest.json"
CHAMPION = "CHAMPION"
KEPT = "kept"
OUTSIDE_HASH = ("created", "sha256")


class BrokenPackage(RuntimeError):
    """A package that is missing, incomplete or not what its manifest says; names the file."""


class Outdated(BrokenPackage):
    """A whole package that lacks what this version of the code reads; says what, and what to do.

    Parameters
    ----------
    lacking
        What it lacks, such as ``"gate.json: max_writing"``.
    """

    def __init__(self, package: Package, lacking: str) -> None:
        super().__init__(
            f"package {package.algorithm} {package.version} was made for another version of Vigie "
            f"({lacking} is missing) and cannot serve. Write a version that can into "
            f"packages/{package.algorithm}/{CHAMPION} (without that file the shipped one serves), "
            "or train it again."
        )
        self.version = package.version
        self.lacking = lacking


class Gone(BrokenPackage):
    """No package with that hash lies anywhere here."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure with everything needed to believe it.

    Parameters
    ----------
    name
        ``"roc_auc"``, ``"kappa"``, ``"calibration_slope"``, ...
    low, high
        Bounds of the 95 % interval; ``None`` where none can be given.
    data
        The data it was computed on, in words.
    n
        Number of independent cases, and what they are, in ``unit``.
    command
        The command that computes it again.
    """

    name: str
    value: float
    data: str
    n: int
    command: str
    low: float | None = None
    high: float | None = None
    unit: str = "cases"
    note: str = ""


@dataclass(frozen=True)
class Package:
    """A verified model package."""

    folder: Path
    manifest: Mapping[str, Any]

    @property
    def algorithm(self) -> str:
        """Name of the algorithm."""
        return self.manifest["algorithm"]

    @property
    def version(self) -> str:
        """Version, the folder's name."""
        return self.manifest["version"]

    @property
    def sha256(self) -> str:
        """The package hash that a prediction pins."""
        return self.manifest["sha256"]

    @property
    def serves(self) -> bool:
        """Whether it may answer a study; one trained to be compared with says ``"serves": false``."""
        return self.manifest.get("serves", True)

    @property
    def thresholds(self) -> Mapping[str, float]:
        """Operating points by name."""
        return self.manifest["thresholds"]

    @property
    def input(self) -> Mapping[str, Any]:
        """The input contract of this version (feature order, image size, sampling rate ...)."""
        return self.manifest["input"]

    @property
    def intended_use(self) -> Text:
        """What it is for."""
        return Text.from_json(self.manifest["intended_use"])

    @property
    def limits(self) -> tuple[Text, ...]:
        """Where it fails, one sentence each."""
        return tuple(Text.from_json(limit) for limit in self.manifest["limits"])

    @cached_property
    def metrics(self) -> tuple[Metric, ...]:
        """Figures with their data, n and interval."""
        return tuple(Metric(**metric) for metric in self.manifest["metrics"])

    def path(self, name: str) -> Path:
        """Return the path of a file of the package; ``BrokenPackage`` when the manifest lacks it."""
        if name not in self.manifest["files"]:
            raise BrokenPackage(f"{self.algorithm} {self.version} has no file {name!r}")
        return self.folder / name

    def json(self, name: str) -> Any:
        """Read a JSON file of the package."""
        return json.loads(self.path(name).read_text("utf-8"))


def file_sha256(path: Path) -> str:
    """Return the sha256 of a file, read in pieces."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def manifest_sha256(manifest: Mapping[str, Any]) -> str:
    """Return the package hash of a manifest (canonical JSON without ``created`` and ``sha256``)."""
    kept = {key: value for key, value in manifest.items() if key not in OUTSIDE_HASH}
    canonical = json.dumps(kept, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def write(folder: Path, manifest: Mapping[str, Any]) -> Package:
    """Write the manifest over the files already in ``folder`` and return the verified package.

    Parameters
    ----------
    folder
        ``.../<algorithm>/<version>`` holding every other file of the package.
    manifest
        Everything but ``files``, ``sha256`` and ``created``, which are filled in here:
        ``algorithm``, ``version``, ``input``, ``thresholds``, ``metrics``, ``data``,
        ``intended_use``, ``limits``, ``training``.

    Raises
    ------
    BrokenPackage
        When a required key is missing.
    """
    missing = {
        "algorithm", "version", "input", "thresholds", "metrics", "data",
        "intended_use", "limits", "training",
    } - manifest.keys()  # fmt: skip
    if missing:
        raise BrokenPackage(f"manifest of {folder.name} lacks {', '.join(sorted(missing))}")
    files = {p.name: file_sha256(p) for p in sorted(folder.iterdir()) if p.name != MANIFEST}
    full = {**manifest, "files": files}
    full["sha256"] = manifest_sha256(full)
    full["created"] = datetime.now(UTC).isoformat(timespec="seconds")
    text = json.dumps(full, indent=2, ensure_ascii=False, sort_keys=True)
    (folder / MANIFEST).write_text(text + "\n", "utf-8")
    return read(folder)


def read(folder: Path) -> Package:
    """Read a package and verify every byte of it.

    Raises
    ------
    BrokenPackage
        When the manifest or a file is missing, added or changed; the message names it.
    """
    name = f"{folder.parent.name} {folder.name}"
    try:
        manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
    except FileNotFoundError as error:
        raise BrokenPackage(f"package {name}: no {MANIFEST}") from error
    except ValueError as error:
        raise BrokenPackage(f"package {name}: {MANIFEST} is not JSON") from error
    if folder.parent.name == KEPT:
        name = f"{manifest.get('algorithm')} {manifest.get('version')} (kept as {folder.name[:12]})"
    if manifest.get("sha256") != manifest_sha256(manifest):
        raise BrokenPackage(f"package {name}: {MANIFEST} does not match its own sha256")
    present = {p.name for p in folder.iterdir()} - {MANIFEST}
    for extra in sorted(present - manifest["files"].keys()):
        raise BrokenPackage(f"package {name}: file {extra} is not in the manifest")
    for file, expected in manifest["files"].items():
        if file not in present:
            raise BrokenPackage(f"package {name}: file {file} is missing")
        if file_sha256(folder / file) != expected:
            raise BrokenPackage(f"package {name}: file {file} does not match its sha256")
    return Package(folder=folder, manifest=manifest)
