"""The chain under concurrent writers and two sealers, and the whole audit on PostgreSQL."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
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


def write_event(database: sqlite3.Connection) -> None:
    """Write one event and its place in the queue, as a request would."""
    with database:
        event = database.execute(
            "INSERT INTO audit_event (at, action, actor_label, role, kind, object_id, request, payload_hash) "
            "VALUES ('2026-01-05 07:40:00', 'view', 'worker', '', '', '', '', '')"
        ).lastrowid
        database.execute("INSERT INTO audit_waiting (event_id) VALUES (?)", [event])


def count(database: sqlite3.Connection, table: str) -> int:
    """Return how many rows a table has."""
    return database.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0]  # noqa: S608, a name from here


def within_seconds(seconds: float, condition: Callable[[], bool]) -> bool:
    """Wait until ``condition`` holds; return whether it did in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


def test_sqlite_makes_one_chain_of_many_writers(tmp_path: Path) -> None:
    done = run("-m", "tests.audit_crowd", data=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"events={COMMITTED} sealed={COMMITTED} waiting=0 ok=True" in done.stdout


def test_the_sealer_follows_and_stops_when_told(tmp_path: Path) -> None:
    assert run("manage.py", "migrate", "--verbosity=0", data=tmp_path).returncode == 0
    environment = os.environ | {"VIGIE_DATA_DIR": str(tmp_path), "VIGIE_ENV": "demo"}
    environment.pop("DATABASE_URL", None)
    sealer = subprocess.Popen(
        [sys.executable, "manage.py", "seal_audit", "--follow"], cwd=ROOT, env=environment
    )
    try:
        with closing(sqlite3.connect(tmp_path / "vigie.sqlite3", timeout=10)) as database:
            write_event(database)
            assert within_seconds(10, lambda: count(database, "audit_seal") == 1)
            write_event(database)
            assert within_seconds(1.5, lambda: count(database, "audit_seal") == 2)
        sealer.send_signal(signal.SIGTERM)
        assert sealer.wait(timeout=10) == 0
    finally:
        sealer.kill()


@pytest.mark.postgres
def test_postgresql_makes_one_chain_of_many_writers(postgres_url: str, tmp_path: Path) -> None:
    done = run("-m", "tests.audit_crowd", data=tmp_path, url=postgres_url)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"events={COMMITTED} sealed={COMMITTED} waiting=0 ok=True late_commits=True" in done.stdout


@pytest.mark.postgres
def test_postgresql_keeps_the_audit_as_sqlite_does(postgres_url: str, tmp_path: Path) -> None:
    done = run(
        "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/test_audit_chain.py",
        data=tmp_path, url=postgres_url,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:]
