"""Triggers that make the audit append-only, on SQLite and PostgreSQL.

Events, seals and payloads refuse UPDATE and DELETE, and on PostgreSQL TRUNCATE. They stop the product,
its bugs and whoever holds its database password without the right to alter tables; who has that right
can drop them, which is what the chain of seals is for. ``Waiting`` is plumbing and not guarded: an event
taken out of it stays unsealed, which ``verify_audit`` reports.

The erasure of a payload will get one door of its own, with a marker row that the trigger looks for; until
then no payload can be deleted by anybody.
"""

from __future__ import annotations

from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

GUARDED = ("audit_event", "audit_payload", "audit_seal")
_REFUSED = "the audit is append-only"


def _name(table: str, verb: str) -> str:
    return f"{table}_no_{verb.lower()}"


def _expected() -> set[str]:
    return {_name(table, verb) for table in GUARDED for verb in ("UPDATE", "DELETE")}


def _sqlite_statements() -> list[str]:
    statements = []
    for table in GUARDED:
        for verb in ("UPDATE", "DELETE"):
            name = _name(table, verb)
            statements += [
                f"DROP TRIGGER IF EXISTS {name}",
                f"CREATE TRIGGER {name} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{_REFUSED}'); END",
            ]
    return statements


def _postgresql_statements() -> list[str]:
    statements = [
        "CREATE OR REPLACE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{_REFUSED}' USING ERRCODE = 'restrict_violation'; END $$"
    ]
    for table in GUARDED:
        for verb in ("UPDATE", "DELETE", "TRUNCATE"):
            level = "STATEMENT" if verb == "TRUNCATE" else "ROW"
            statements.append(
                f"CREATE OR REPLACE TRIGGER {_name(table, verb)} BEFORE {verb} ON {table} "
                f"FOR EACH {level} EXECUTE FUNCTION audit_refuse()"
            )
    return statements


def install(connection: BaseDatabaseWrapper) -> None:
    """Create or replace every guard."""
    statements = _sqlite_statements() if connection.vendor == "sqlite" else _postgresql_statements()
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def remove(connection: BaseDatabaseWrapper) -> None:
    """Take the guards down: for whoever owns the tables, such as a test that empties its database."""
    on_table = "" if connection.vendor == "sqlite" else " ON {table}"
    with connection.cursor() as cursor:
        for table in GUARDED:
            for verb in ("UPDATE", "DELETE", "TRUNCATE"):
                cursor.execute(f"DROP TRIGGER IF EXISTS {_name(table, verb)}" + on_table.format(table=table))


def missing(connection: BaseDatabaseWrapper) -> set[str]:
    """Return the names of guards that are not in place."""
    if connection.vendor == "sqlite":
        query = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    else:
        query = "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'D'"
    with connection.cursor() as cursor:
        cursor.execute(query)
        return _expected() - {name for (name,) in cursor.fetchall()}


def install_after_migration(*, using: str, **_: Any) -> None:
    """Receiver of ``post_migrate``."""
    connection = connections[using]
    with connection.cursor() as cursor:
        present = set(connection.introspection.table_names(cursor))
    if present.issuperset(GUARDED):
        install(connection)
