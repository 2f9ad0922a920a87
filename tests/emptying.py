"""An empty database, migrated once: what a test with real transactions leaves behind is taken back to it.

Deleting row by row is what Django does, which the guards refuse, and every permission is then made again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import TransactionTestCase

from clinic.audit.guards import GUARDS as AUDIT
from predictions.deployments.guards import KEPT as DEPLOYMENTS
from predictions.guards import GUARDS as SIGNED_WORK
from predictions.guards import KEPT
from predictions.stewardship.guards import GUARDS as SERVING
from tests import own_database


@pytest.fixture(scope="session")
def django_db_setup(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Keep a copy of the database of the tests as it is before the first of them."""
    if connection.vendor == "sqlite":
        with django_db_blocker.unblock():
            _copy_of(tmp_path_factory.getbasetemp() / "empty.sqlite3")


@pytest.fixture(scope="session")
def empty_sqlite(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Return a migrated SQLite database with nothing in it, for a test to copy: to migrate takes seconds."""
    path = tmp_path_factory.getbasetemp() / "empty.sqlite3"
    if not path.exists():
        with django_db_blocker.unblock(), own_database.used(own_database.sqlite(path)):
            call_command("migrate", verbosity=0)
    return path


@pytest.fixture(scope="session", autouse=True)
def database_is_emptied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Take the database back after a test with real transactions."""
    flush, empty = TransactionTestCase._fixture_teardown, tmp_path_factory.getbasetemp() / "empty.sqlite3"

    def taken_back(case: Any) -> None:
        if connection.vendor == "sqlite":
            connection.ensure_connection()
            with closing(sqlite3.connect(empty)) as kept:
                kept.backup(connection.connection)
            return
        # ``post_migrate`` puts the guards back.
        for guards in (AUDIT, SIGNED_WORK, KEPT, DEPLOYMENTS, SERVING):
            guards.remove(connection)
        flush(case)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", taken_back)
        yield


def _copy_of(path: Path) -> None:
    connection.ensure_connection()
    with closing(sqlite3.connect(path)) as copy:
        connection.connection.backup(copy)
