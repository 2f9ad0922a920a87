"""Looking after packages that nobody needs at the moment: what is damaged is found before it is needed."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from ml import package as packages
from ml.package import BrokenPackage, Package

log = logging.getLogger(__name__)


class Place(StrEnum):
    """Where a package lies."""

    SHIPPED = "shipped"
    HERE = "trained here"
    KEPT = "kept"


class Copy(StrEnum):
    """How the kept copy of a package was found, and what became of it."""

    WHOLE = "whole"
    ADDED = "added"
    REPLACED = "replaced"
    NOT_WRITTEN = "not written"


@dataclass(frozen=True, slots=True)
class Checked:
    """One package that was read through.

    Parameters
    ----------
    problem
        What is wrong with it, naming the file; empty when every byte is as its manifest says.
    """

    place: Place
    folder: Path
    problem: str


def verify() -> Iterator[Checked]:
    """Read every package through: shipped, trained here and kept; nothing is written."""
    for place, folder in _everywhere():
        yield Checked(place, folder, _problem(place, folder))


def is_kept(sha256: str) -> bool:
    """Return whether a copy lies among the kept ones; nothing is verified."""
    return (packages.SITE / packages.KEPT / sha256 / packages.MANIFEST).is_file()


def mend(package: Package) -> Copy:
    """See that a whole package has its whole copy among the kept ones, and make it anew where it has not.

    A copy that cannot be written is said and stops nobody: the package itself is whole.
    """
    kept = packages.SITE / packages.KEPT / package.sha256
    if not (there := kept.is_dir()) or _problem(Place.KEPT, kept):
        try:
            packages.read(packages.keep(package))
        except (OSError, BrokenPackage) as error:
            log.error("package not kept", extra={"package": package.sha256, "error": type(error).__name__})
            return Copy.NOT_WRITTEN
        return Copy.REPLACED if there else Copy.ADDED
    return Copy.WHOLE


def _everywhere() -> Iterator[tuple[Place, Path]]:
    for folder in _folders(packages.ROOT):
        yield Place.SHIPPED, folder
    for folder in _folders(packages.SITE):
        if folder.parent.name == packages.KEPT:
            yield Place.KEPT, folder
        # One that has no manifest yet is still being trained.
        elif (folder / packages.MANIFEST).is_file():
            yield Place.HERE, folder


def _folders(root: Path) -> Iterator[Path]:
    """Yield ``<root>/<name>/<name>``; those with a dot before their name are drafts."""
    for folder in sorted(root.glob("*/*")):
        if folder.is_dir() and not folder.name.startswith((".", "__")):
            yield folder


def _problem(place: Place, folder: Path) -> str:
    try:
        package = packages.read(folder)
    except (BrokenPackage, OSError) as error:
        return str(error)
    named = (package.sha256,) if place is Place.KEPT else (package.algorithm, package.version)
    if folder.parts[-len(named) :] != named:
        return f"package {package.algorithm} {package.version}: it lies under another name than its own"
    return ""
