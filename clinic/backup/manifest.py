"""What a backup holds: ``manifest.json`` in words, ``SHA256SUMS`` for every byte.

``sha256sum -c SHA256SUMS`` in the folder checks a backup on any machine, without the product.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import BinaryIO

FORMAT = 1
MANIFEST = "manifest.json"
SUMS = "SHA256SUMS"
CHUNK_BYTES = 1 << 20


class NoBackup(Exception):
    """A folder that is not a whole backup, or one that cannot be used here; says why and what to do."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds.

    Parameters
    ----------
    made_at
        When the snapshot of the database was taken, ISO 8601 in UTC.
    engine
        ``"sqlite"`` or ``"postgresql"``: a backup goes back into the same kind of database.
    migrations
        The last migration of each app, by label: what state the tables are in.
    tables
        Rows per table.
    head
        Position and hash of the end of the audit chain in the snapshot; empty before any event.
    files
        Names of the private files that rows of the snapshot refer to.
    packages
        ``algorithm/version`` of the packages trained here, ``kept/sha256`` of those that answered.
    anchors
        What the settings called each file of anchors, in the order of their copies.
    keys
        Whether the keys are in it.
    damaged
        Those of ``files`` that did not open when they were copied, as they lie on the disk.
    """

    made_at: str
    engine: str
    migrations: dict[str, list[str]]
    tables: dict[str, int]
    head: dict[str, str | int] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)
    packages: list[str] = field(default_factory=list)
    anchors: list[str] = field(default_factory=list)
    keys: bool = False
    damaged: list[str] = field(default_factory=list)
    format: int = FORMAT


def write(folder: Path, manifest: Manifest) -> None:
    """Write the manifest, then the checksum of every file, the manifest's among them."""
    write_text(folder / MANIFEST, json.dumps(asdict(manifest), indent=1, sort_keys=True) + "\n")
    lines = [f"{sha256(folder / name)}  {name}\n" for name in names(folder)]
    write_text(folder / SUMS, "".join(lines))


def read(folder: Path) -> Manifest:
    """Return the manifest of a backup every byte of which was checked.

    Raises
    ------
    NoBackup
        When a file is missing, changed or added, or another version of Vigie wrote it.
    """
    try:
        sums = dict(_sum(line) for line in (folder / SUMS).read_text("utf-8").splitlines())
        found = set(names(folder))
    except (OSError, ValueError) as error:
        raise NoBackup(f"{folder} is not a whole backup: {SUMS} is missing or cannot be read") from error
    if strange := sorted(found ^ set(sums)):
        raise NoBackup(f"{folder}: {strange[0]} is {'not listed' if strange[0] in found else 'missing'}")
    for name, expected in sums.items():
        if sha256(folder / name) != expected:
            raise NoBackup(f"{folder}: {name} is not what was backed up")
    try:
        content = json.loads((folder / MANIFEST).read_text("utf-8"))
        if content.get("format") != FORMAT:
            raise NoBackup(f"{folder} has another format: restore it with the version that made it")
        return Manifest(**content)
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise NoBackup(f"{folder}: {MANIFEST} cannot be read") from error


def names(folder: Path) -> Iterator[str]:
    """Yield the files of a backup in order, without the list of checksums itself."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name != SUMS:
            yield name


def sha256(path: Path) -> str:
    """Return the hash of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def copy(source: Path, target: Path) -> None:
    """Copy a file durably, readable by this user alone; never over another one."""
    with source.open("rb") as given:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        _pour(given, descriptor)


def _pour(given: BinaryIO, descriptor: int) -> None:
    with os.fdopen(descriptor, "wb") as kept:
        while chunk := given.read(CHUNK_BYTES):
            kept.write(chunk)
        kept.flush()
        os.fsync(kept.fileno())


def _sum(line: str) -> tuple[str, str]:
    digest, name = line.split("  ", 1)
    return name, digest


def write_text(path: Path, text: str) -> None:
    """Write a file durably, readable by this user alone; never over another one."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
