"""The chain under concurrent writers and two sealers, and the whole audit on PostgreSQL."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.machine import ROOT

# Of 25 turns of each of four writers, turns 3, 10, 17 and 24 are rolled back.
COMMITTED = 4 * (25 - 4)


def run(*command: str, data: Path, url: str = "") -> subprocess.CompletedProcess[str]:
    """Run Python in the project, with a data folder of its own."""
    environment = os.environ | {"VIGIE_DATA_DIR": str(data), "VIGIE_ENV": "demo"}
    environment.pop("DATABASE_URL", None)
    if url:
        environment["DATABASE_URL"] = url
    return subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120
    )


def test_sqlite_makes_one_chain_of_many_writers(tmp_path: Path) -> None:
    done = run("-m", "tests.audit_crowd", data=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"events={COMMITTED} sealed={COMMITTED} waiting=0 ok=True" in done.stdout


@pytest.mark.postgres
def test_postgresql_makes_one_chain_of_many_writers(postgres_url: str, tmp_path: Path) -> None:
    done = run("-m", "tests.audit_crowd", data=tmp_path, url=postgres_url)
    assert done.returncode == 0, done.stderr
    assert f"events={COMMITTED} sealed={COMMITTED} waiting=0 ok=True late_commits=True" in done.stdout


@pytest.mark.postgres
def test_postgresql_keeps_the_audit_as_sqlite_does(postgres_url: str, tmp_path: Path) -> None:
    done = run(
        "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/test_audit_chain.py",
        data=tmp_path, url=postgres_url,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:]
