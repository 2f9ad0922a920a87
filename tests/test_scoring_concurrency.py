"""Windows that send at once, batches sent twice, a signature in between: nothing lost, nothing doubled."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import own_database
from tests.machine import ROOT
from tests.scoring_crowd import BATCHES, EACH, WINDOWS

KEPT = WINDOWS * BATCHES * EACH
END = (
    f"events=[{KEPT}, {KEPT}] whole=True late=True reported_last=True closed_last=True hash=True"
)  # fmt: skip


def crowd(data: Path, url: str = "") -> str:
    """Let the crowd loose on a database of its own; return what it printed."""
    environment = os.environ | {"VIGIE_DATA_DIR": str(data), "VIGIE_ENV": "demo"}
    environment.pop("DATABASE_URL", None)
    if url:
        environment["DATABASE_URL"] = url
    done = subprocess.run(
        [sys.executable, "-m", "tests.scoring_crowd"],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


def test_sqlite_loses_no_event_of_anybody(tmp_path: Path, empty_sqlite: Path) -> None:
    own_database.of_folder(empty_sqlite, tmp_path)
    assert END in crowd(tmp_path)


@pytest.mark.postgres
def test_postgresql_loses_no_event_of_anybody(postgres_url: str, tmp_path: Path) -> None:
    assert END in crowd(tmp_path, postgres_url)
