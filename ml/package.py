"""Model packages: a folder with a manifest, read and verified before anything in it is used.

``ml/packages/<algorithm>/<version>/manifest.json`` names every file with its sha256. The package
hash is the sha256 of the manifest's canonical JSON without ``created`` and ``sha256``, so it pins
every byte a prediction depends on while two trainings with one seed still give the same hash.
``ml/packages/<algorithm>/CHAMPION`` holds the version that serves.

Packages trained here lie in a second root, :data:`SITE`, beside the shipped ones. Its CHAMPION, written by
:func:`name_champion`, goes before the shipped one; old versions stay, so that going back is naming one.

A package can be older than the code that is to serve it. ``ml/algorithms/<algorithm>/package_needs.json``
lists what today's code reads of a package: the files, and in each JSON file the dotted names of its values.
One that lacks any of it is :class:`Outdated`: whole, but refused before it serves.

Whatever answered a study is copied by :func:`keep` into ``kept/<sha256>`` of :data:`SITE`, so that a later
release that no longer ships it can still say again what it said: :func:`by_sha256` finds it by its hash.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from ml.contracts import Text

ROOT = Path(__file__).parent / "packages"
DATA = Path(os.environ.get("VIGIE_DATA_DIR") or Path(__file__).parents[1] / "var")
SITE = Path(os.environ.get("VIGIE_PACKAGES") or DATA / "packages")
MANIFEST = "manifest.json"
CHAMPION = "CHAMPION"
KEPT = "kept"
ALGORITHMS = Path(__file__).parent / "algorithms"
NEEDS = "package_needs.json"
OUTSIDE_HASH = ("created", "sha256")
# A version is the name of a folder and comes from addresses and files: nothing that leads elsewhere.
VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")


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
            f"{SITE.name}/{package.algorithm}/{CHAMPION} (without that file the shipped one serves), "
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


def versions(algorithm: str) -> tuple[str, ...]:
    """Return the versions of an algorithm's packages, shipped and trained here, sorted."""
    found = {p.parent.name for root in (ROOT, SITE) for p in (root / algorithm).glob(f"*/{MANIFEST}")}
    return tuple(sorted(version for version in found if VERSION.fullmatch(version)))


def champion_version(algorithm: str) -> str:
    """Return the version that serves: the one named here, else the shipped one.

    Raises
    ------
    BrokenPackage
        When none is named.
    """
    version = _named(SITE, algorithm) or _named(ROOT, algorithm)
    if not version:
        raise BrokenPackage(f"{algorithm} has no serving package: {CHAMPION} is missing")
    return version


def name_champion(algorithm: str, version: str) -> Package:
    """Put a version into service here; every process serves it from its next analysis on.

    Naming the version that the product ships as its champion takes the choice made here back, so that
    a later release may replace it again.

    Returns
    -------
    Package
        The verified package that serves now.

    Raises
    ------
    BrokenPackage
        When the package is missing or not what its manifest says: nothing is changed then.
    """
    package = read(_folder(algorithm, version))
    if package.algorithm != algorithm or package.version != version:
        raise BrokenPackage(
            f"package {algorithm} {version}: its {MANIFEST} says {package.algorithm} {package.version}"
        )
    _require_needs(package)
    _require_service(package)
    named = SITE / algorithm / CHAMPION
    if version == _named(ROOT, algorithm):
        named.unlink(missing_ok=True)
        return package
    named.parent.mkdir(parents=True, exist_ok=True)
    # A reader sees the old name or the new one, never half of one.
    written = named.with_name(f"{CHAMPION}.{os.getpid()}")
    written.write_text(f"{version}\n", "utf-8")
    written.replace(named)
    return package


def load(algorithm: str, version: str = "") -> Package:
    """Return a verified package, the champion when ``version`` is empty; verified once per process.

    Which version is the champion is looked up every time, so that a worker that runs follows a new one.

    Raises
    ------
    BrokenPackage
        When it is missing or not what its manifest says; :class:`Outdated` when this code cannot serve it.
    """
    return _verified(_folder(algorithm, version or champion_version(algorithm)))


def serving(algorithm: str, version: str = "") -> Package:
    """Return a package that may answer a study, the champion when ``version`` is empty; see :func:`load`.

    Raises
    ------
    BrokenPackage
        As for :func:`load`, and for a package that is there to be compared with.
    """
    package = load(algorithm, version)
    _require_service(package)
    return package


def by_sha256(algorithm: str, sha256: str) -> Package:
    """Return the verified package with a hash, whatever it is called now: shipped, trained here or kept.

    Raises
    ------
    Gone
        When none has it.
    BrokenPackage
        When every copy is changed; :class:`Outdated` when today's code cannot run it.
    """
    broken: BrokenPackage | None = None
    for folder in _folders_of(algorithm, sha256):
        try:
            return _verified(folder)
        except Outdated:
            raise
        except BrokenPackage as error:
            broken = broken or error
    raise broken or Gone(f"no package of {algorithm} with the hash {sha256[:12]} is shipped or kept here")


def _folders_of(algorithm: str, sha256: str) -> Iterator[Path]:
    for version in versions(algorithm):
        folder = _folder(algorithm, version)
        if _hash_of(folder) == sha256:
            yield folder
    kept = SITE / KEPT / sha256
    if (kept / MANIFEST).is_file():
        yield kept


def _hash_of(folder: Path) -> str:
    """Return the hash that a manifest gives, empty when it cannot be read; nothing is verified."""
    try:
        return str(json.loads((folder / MANIFEST).read_text("utf-8")).get("sha256", ""))
    except (OSError, ValueError, AttributeError):
        return ""


def keep(package: Package) -> Path:
    """Copy a package that answers into the store of this site, unless it is there whole; return the copy.

    Done once per process. Several processes may do it at once: a copy gets its name when it is whole, and a
    damaged one is replaced.

    Raises
    ------
    OSError
        When it cannot be written, as on a full disk.
    """
    kept = SITE / KEPT / package.sha256
    if kept in _kept or _is_whole(kept):
        _kept.add(kept)
        return kept
    kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".", dir=kept.parent) as draft:
        made, damaged = Path(draft, "made"), Path(draft, "damaged")
        made.mkdir()
        for name in (MANIFEST, *package.manifest["files"]):
            shutil.copyfile(package.folder / name, made / name)
        read(made)
        if kept.exists():
            kept.rename(damaged)
        try:
            made.rename(kept)
        except OSError:
            # Another process was faster; what lies there has to be as good.
            read(kept)
    _kept.add(kept)
    return kept


_kept: set[Path] = set()


def _is_whole(folder: Path) -> bool:
    try:
        return bool(read(folder))
    except BrokenPackage:
        return False


def _require_service(package: Package) -> None:
    if not package.serves:
        raise BrokenPackage(
            f"package {package.algorithm} {package.version} is there to be compared with and answers no "
            f"study; {_named(ROOT, package.algorithm)} does"
        )


@cache
def _verified(folder: Path) -> Package:
    package = read(folder)
    _require_needs(package)
    return package


def _require_needs(package: Package) -> None:
    """Raise :class:`Outdated` for a package that lacks something that its algorithm reads."""
    needs = ALGORITHMS / package.algorithm / NEEDS
    if not needs.is_file():
        return
    for file, names in json.loads(needs.read_text("utf-8")).items():
        if file != MANIFEST and file not in package.manifest["files"]:
            raise Outdated(package, file)
        held = package.manifest if file == MANIFEST else package.json(file) if names else {}
        for name in names:
            if not _holds(held, name):
                raise Outdated(package, f"{file}: {name}")


def _holds(held: Any, name: str) -> bool:
    for part in name.split("."):
        if not isinstance(held, Mapping) or part not in held:
            return False
        held = held[part]
    return True


def _folder(algorithm: str, version: str) -> Path:
    """Return the folder of a version; a shipped one goes before one trained here under its name."""
    if not VERSION.fullmatch(version):
        raise BrokenPackage(f"{algorithm} {version!r}: a version is written in letters, digits, . _ + and -")
    shipped, here = ROOT / algorithm / version, SITE / algorithm / version
    return here if here.is_dir() and not shipped.is_dir() else shipped


def _named(root: Path, algorithm: str) -> str:
    """Return the version a root's CHAMPION names, empty without the file."""
    try:
        version = (root / algorithm / CHAMPION).read_text("utf-8").strip()
    except FileNotFoundError:
        return ""
    if not version:
        raise BrokenPackage(f"{root.name}/{algorithm}/{CHAMPION} is empty; write a version into it")
    return version
