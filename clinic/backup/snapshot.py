"""The database as of one moment, while others write to it.

SQLite copies its pages through its own online backup. PostgreSQL writes every table with ``COPY`` in one
repeatable-read transaction: no ``pg_dump`` of the server's version has to be at hand, in the image or on
the machine, and the same few lines serve everywhere. The tables are made by ``migrate`` on the way back.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Protocol

from django.db import connection
from psycopg import sql

SQLITE = "database.sqlite3"
TABLES = "database"
SUFFIX = ".copy"


class Snapshot(Protocol):
    """A database that does not change any more."""

    def rows(self, table: str, *columns: str) -> Iterable[tuple[Any, ...]]:
        """Return columns of every row of a table."""

    def tables(self) -> dict[str, int]:
        """Return the number of rows of each table."""


@contextmanager
def taken(folder: Path) -> Iterator[Snapshot]:
    """Write the database into ``folder`` and lend it, as written, for as long as the block runs."""
    with (_sqlite if connection.vendor == "sqlite" else _postgres)(folder) as snapshot:
        yield snapshot


class _Sqlite:
    def __init__(self, copy: sqlite3.Connection) -> None:
        self._copy = copy

    def rows(self, table: str, *columns: str) -> Iterable[tuple[Any, ...]]:
        named = ", ".join(f'"{column}"' for column in columns)
        return self._copy.execute(f'SELECT {named} FROM "{table}"')  # noqa: S608 - names of our own models

    def tables(self) -> dict[str, int]:
        names = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        counted = [name for (name,) in self._copy.execute(names)]
        count = 'SELECT COUNT(*) FROM "{}"'
        return {name: self._copy.execute(count.format(name)).fetchone()[0] for name in sorted(counted)}


@contextmanager
def _sqlite(folder: Path) -> Iterator[Snapshot]:
    target = folder / SQLITE
    target.touch(mode=0o600)
    with (
        closing(sqlite3.connect(connection.settings_dict["NAME"], timeout=60)) as source,
        closing(sqlite3.connect(target)) as copy,
    ):
        source.backup(copy)
        # A file of its own: no log beside it that somebody could forget to copy.
        copy.execute("PRAGMA journal_mode=DELETE")
        yield _Sqlite(copy)


class _Postgres:
    def __init__(self, session: Any) -> None:
        self._session = session

    def rows(self, table: str, *columns: str) -> Iterable[tuple[Any, ...]]:
        with self._session.cursor() as cursor:
            cursor.execute(sql.SQL("SELECT {} FROM {}").format(listed(columns), sql.Identifier(table)))
            return cursor.fetchall()

    def tables(self) -> dict[str, int]:
        count = sql.SQL("SELECT COUNT(*) FROM {}")
        return {
            name: self._session.execute(count.format(sql.Identifier(name))).fetchone()[0]
            for name in sorted(columns_by_table(self._session))
        }


@contextmanager
def _postgres(folder: Path) -> Iterator[Snapshot]:
    (folder / TABLES).mkdir(mode=0o700)
    apart = connection.copy()
    apart.connect()
    session = apart.connection
    try:
        session.autocommit = False
        session.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        for table, columns in columns_by_table(session).items():
            _copy_out(session, table, columns, folder / TABLES / f"{table}{SUFFIX}")
        yield _Postgres(session)
    finally:
        apart.close()


def _copy_out(session: Any, table: str, columns: Iterable[str], target: Path) -> None:
    statement = sql.SQL("COPY {} ({}) TO STDOUT").format(sql.Identifier(table), listed(columns))
    target.touch(mode=0o600)
    with session.cursor() as cursor, cursor.copy(statement) as rows, target.open("wb") as stream:
        # The columns stand first: a table may list them in another order where it was made anew.
        stream.write(("\t".join(columns) + "\n").encode())
        for piece in rows:
            stream.write(piece)


def columns_by_table(session: Any) -> dict[str, list[str]]:
    """Return the columns of every table of the schema in use, by table."""
    found = session.execute(
        "SELECT c.table_name, c.column_name FROM information_schema.columns c"
        " JOIN information_schema.tables t USING (table_schema, table_name)"
        " WHERE c.table_schema = current_schema() AND t.table_type = 'BASE TABLE'"
        " AND c.is_generated = 'NEVER' ORDER BY c.table_name, c.ordinal_position"
    ).fetchall()
    tables: dict[str, list[str]] = {}
    for table, column in found:
        tables.setdefault(table, []).append(column)
    return tables


def listed(names: Iterable[str]) -> sql.Composed:
    """Return names as SQL lists them."""
    return sql.SQL(", ").join(map(sql.Identifier, names))
