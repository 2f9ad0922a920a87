"""Data files of a training: there or said to be missing, and pinned by a hash."""

from __future__ import annotations

import hashlib
from pathlib import Path

PIECE = 1 << 20


class DataMissing(Exception):
    """Training data is not where it should be; the message says what to put where."""

    def __init__(self, folder: Path, names: tuple[str, ...], hint: str = "") -> None:
        listed = "\n".join(f"  {folder / name}" for name in names)
        super().__init__(
            f"training data is missing. Put here:\n{listed}\n"
            "or name another folder with --data." + (f"\n{hint}" if hint else "")
        )
        self.folder = folder
        self.names = names


def require(folder: Path, *names: str, hint: str = "") -> tuple[Path, ...]:
    """Return the paths of files or folders that a training reads.

    Parameters
    ----------
    folder
        The data folder, as given with ``--data``.
    *names
        Paths relative to it.
    hint
        Where such data can be had, added to the message when something is missing.

    Raises
    ------
    DataMissing
        Naming every path that does not exist, not only the first.
    """
    folder = Path(folder)
    missing = tuple(name for name in names if not (folder / name).exists())
    if missing:
        raise DataMissing(folder, missing, hint)
    return tuple(folder / name for name in names)


def fingerprint(*paths: Path) -> str:
    """Return one sha256 over the contents of files and folders.

    A folder counts with the relative name and the contents of every file below it, in sorted
    order; a file counts with its own name, so that two files with swapped contents differ.
    """
    total = hashlib.sha256()
    for path in sorted(Path(p) for p in paths):
        files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
        for file in files:
            total.update(file.relative_to(path.parent).as_posix().encode() + b"\0")
            total.update(_sha256(file))
    return total.hexdigest()


def code() -> str:
    """Return one sha256 over the tabular engine, for results that hold only as long as it does."""
    root = Path(__file__).parents[1]
    return fingerprint(*(root / "tabular").glob("*.py"), *(root / "training").glob("*.py"))


def _sha256(file: Path) -> bytes:
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while piece := stream.read(PIECE):
            digest.update(piece)
    return digest.digest()
