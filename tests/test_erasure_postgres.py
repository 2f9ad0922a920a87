"""The door through the triggers on PostgreSQL, which has no subquery in the condition of one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.test_audit_concurrency import run


@pytest.mark.long
@pytest.mark.postgres
def test_postgresql_erases_as_sqlite_does(postgres_url: str, tmp_path: Path) -> None:
    done = run(
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "tests/test_erasure.py",
        "-k",
        "goes or door or refuses or hold or approves",
        data=tmp_path,
        url=postgres_url,
    )
    assert done.returncode == 0, done.stdout[-4000:]
