"""A snapshot back into an empty database of its kind, as it was written; nothing is ever written over."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.apps import apps
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from psycopg import sql

from clinic.backup import manifest, snapshot
from clinic.backup.manifest import Manifest, NoBackup

CHUNK_BYTES = 1 << 20


def require_empty() -> None:
    """Raise :class:`NoBackup` unless the database of the settings is there to be filled."""
    if connection.vendor == "sqlite" and not Path(connection.settings_dict["NAME"]).exists():
        return  # asking would make one
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
    connection.close()
    if tables:
        raise NoBackup(
            "the database of DATABASE_URL is not empty; a restore never writes over anything: "
            "name an empty one"
        )


def require_known(migrations: Mapping[str, list[str]]) -> None:
    """Raise :class:`NoBackup` when the tables were made by a later version than this one."""
    unknown = sorted(_wanted(migrations) - MigrationLoader(None).disk_migrations.keys())
    if unknown:
        app, name = unknown[0]
        raise NoBackup(
            f"the backup was made by a later version of Vigie (it knows {app} {name}): restore it with that"
        )


def _wanted(migrations: Mapping[str, list[str]]) -> set[tuple[str, str]]:
    """Return the migrations of the apps that there still are: one that was given up left its names behind."""
    here = {config.label for config in apps.get_app_configs()}
    return {(app, name) for app, names in migrations.items() if app in here for name in names}


def load(folder: Path, held: Manifest) -> None:
    """Fill the database."""
    if connection.vendor == "sqlite":
        _sqlite(folder)
    else:
        _postgres(folder, held)


def _sqlite(folder: Path) -> None:
    target = Path(connection.settings_dict["NAME"])
    connection.close()
    # Looking whether it was empty has made an empty file of it.
    target.unlink(missing_ok=True)
    draft = target.with_name(f"{target.name}.partial")
    manifest.copy(folder / snapshot.SQLITE, draft)
    os.rename(draft, target)


def _postgres(folder: Path, held: Manifest) -> None:
    executor = MigrationExecutor(connection)
    graph = executor.loader.graph
    wanted = _wanted(held.migrations)
    # The last of what the backup knows in each app; each brings what it stands on.
    ends = [key for key in wanted if not wanted & set(graph.node_map[key].children)]
    executor.migrate(sorted(ends))
    with transaction.atomic(), connection.cursor() as cursor:
        session = cursor.connection
        columns = snapshot.columns_by_table(session)
        if homeless := [name for name, rows in held.tables.items() if rows and name not in columns]:
            raise NoBackup(f"there is no table {homeless[0]} in this version of Vigie")
        for table in columns:
            _alter(session, table, "DISABLE")
        every = snapshot.listed(columns)
        session.execute(sql.SQL("TRUNCATE {}").format(every))
        for table in columns.keys() & held.tables.keys():
            _copy_in(session, table, folder / snapshot.TABLES / f"{table}{snapshot.SUFFIX}")
        session.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in columns:
            _alter(session, table, "ENABLE")
        _continue_sequences(session)


def _alter(session: Any, table: str, verb: str) -> None:
    """Take down or put up the triggers by which tables refuse changes; foreign keys stay checked."""
    session.execute(sql.SQL(f"ALTER TABLE {{}} {verb} TRIGGER USER").format(sql.Identifier(table)))


def _copy_in(session: Any, table: str, source: Path) -> None:
    with source.open("rb") as stream, session.cursor() as cursor:
        columns = stream.readline().decode().rstrip("\n").split("\t")
        statement = sql.SQL("COPY {} ({}) FROM STDIN")
        named = statement.format(sql.Identifier(table), snapshot.listed(columns))
        with cursor.copy(named) as rows:
            while piece := stream.read(CHUNK_BYTES):
                rows.write(piece)


def _continue_sequences(session: Any) -> None:
    found = session.execute(
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = current_schema()"
        " AND (is_identity = 'YES' OR column_default LIKE 'nextval(%')"
    ).fetchall()
    for table, column in found:
        session.execute(
            sql.SQL(
                "SELECT setval(pg_get_serial_sequence({}, {}), COALESCE(MAX({}), 0) + 1, false) FROM {}"
            ).format(
                sql.Literal(f'"{table}"'), sql.Literal(column), sql.Identifier(column), sql.Identifier(table)
            )
        )
