"""Files beside the folder of a package: what is true of it and was written after it.

``<packages>/<algorithm>/<version>.<what>.json`` lies beside the folder of a version, as CHAMPION does, so
that a shipped package keeps its hash; it names the sha256 of the package, so that it speaks for no other.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ml import package as packages
from ml.package import Package


def file(package: Package, what: str) -> Path:
    """Return where a file beside a package lies."""
    return package.folder.with_name(f"{package.version}.{what}.json")


def text(content: Mapping[str, Any]) -> str:
    """Return how such a file is written: the same bytes for the same content."""
    return json.dumps(content, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def write(package: Package, what: str, content: Mapping[str, Any]) -> Path:
    """Write a file beside a package, with the hash of the package in it, and return where it lies."""
    path = file(package, what)
    path.write_text(text({"sha256": package.sha256, **content}), "utf-8")
    return path


def folders(package: Package) -> Iterator[Path]:
    """Yield the folders in which a file beside a package can lie, its own first.

    A kept copy lies apart from the package that it was made of.
    """
    own = package.folder.parent
    yield own
    yield from (root for root in (packages.ROOT / package.algorithm, packages.SITE / package.algorithm)
                if root != own)  # fmt: skip


def read(package: Package, what: str) -> dict[str, Any] | None:
    """Return what was written of this very package, ``None`` when nothing was."""
    for folder in folders(package):
        path = folder / f"{package.version}.{what}.json"
        if path.is_file():
            written = json.loads(path.read_text("utf-8"))
            if written.get("sha256") == package.sha256:
                return written
    return None
