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

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from ml.package_folder import (
    CHAMPION,
    KEPT,
    MANIFEST,
    OUTSIDE_HASH,
    BrokenPackage,
    Gone,
    Metric,
    Outdated,
    Package,
    file_sha256,
    manifest_sha256,
    read,
    write,
)

__all__ = [
    "ALGORITHMS", "CHAMPION", "DATA", "KEPT", "MANIFEST", "NEEDS", "OUTSIDE_HASH", "ROOT", "SITE", "VERSION",
    "BrokenPackage", "Gone", "Metric", "Outdated", "Package", "by_sha256", "champion_version", "file_sha256",
    "keep", "load", "manifest_sha256", "name_champion", "read", "serving", "versions", "write",
]  # fmt: skip

ROOT = Path(__file__).parent / "packages"
DATA = Path(os.environ.get("VIGIE_DATA_DIR") or Path(__file__).parents[1] / "var")
SITE = Path(os.environ.get("VIGIE_PACKAGES") or DATA / "packages")
ALGORITHMS = Path(__file__).parent / "algorithms"
NEEDS = "package_needs.json"
# A version is the name of a folder and comes from addresses and files: nothing that leads elsewhere.
VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")


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
    folder = _folder(algorithm, version or champion_version(algorithm))
    return _verified(folder, _written(folder))


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
            return _verified(folder, _written(folder))
        except Outdated:
            raise
        except BrokenPackage as error:
            broken = broken or error
    raise broken or Gone(f"no package of {algorithm} with the hash {sha256[:12]} is shipped or kept here")


def is_here(algorithm: str, sha256: str) -> bool:
    """Return whether a package with a hash lies here under any name; nothing is verified."""
    return any(_folders_of(algorithm, sha256))


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

    Read through once per process. Several processes may do it at once: a copy gets its name when it is
    whole, and a damaged one is replaced.

    Raises
    ------
    OSError
        When it cannot be written, as on a full disk.
    """
    kept = SITE / KEPT / package.sha256
    if (kept in _kept and kept.is_dir()) or _is_whole(kept):
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


def _written(folder: Path) -> tuple[int, int]:
    """Tell a package from another one written later into the same folder, without reading it again."""
    try:
        found = (folder / MANIFEST).stat()
    except FileNotFoundError:
        return (0, 0)
    return (found.st_mtime_ns, found.st_size)


@cache
def _verified(folder: Path, written: tuple[int, int]) -> Package:
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
