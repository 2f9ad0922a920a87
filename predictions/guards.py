"""Triggers that keep what was read and signed as it was, on SQLite and PostgreSQL.

A prediction, its explanation, a review and a signature are written once. A correction is a new row: the
next review, the next signature. Put back after every migration, because SQLite loses the triggers of a
table that it remakes.
"""

from __future__ import annotations

from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

GUARDED = (
    "predictions_prediction",
    "predictions_explanation",
    "predictions_review",
    "predictions_signature",
    "predictions_amendment",
)
VERBS = ("UPDATE", "DELETE")
_REFUSED = "written once: a correction is a new version"


def _name(table: str, verb: str) -> str:
    return f"{table}_no_{verb.lower()}"


def _statements(vendor: str) -> list[str]:
    pairs = [(table, verb, _name(table, verb)) for table in GUARDED for verb in VERBS]
    if vendor == "sqlite":
        return [
            f"CREATE TRIGGER IF NOT EXISTS {name} BEFORE {verb} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{_REFUSED}'); END"
            for table, verb, name in pairs
        ]
    function = (
        "CREATE OR REPLACE FUNCTION predictions_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{_REFUSED}' USING ERRCODE = 'restrict_violation'; END $$"
    )
    return [function] + [
        f"CREATE OR REPLACE TRIGGER {name} BEFORE {verb} ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION predictions_refuse()"
        for table, verb, name in pairs
    ]


def install(connection: BaseDatabaseWrapper) -> None:
    """Create every guard that is not there yet."""
    with connection.cursor() as cursor:
        for statement in _statements(connection.vendor):
            cursor.execute(statement)


def remove(connection: BaseDatabaseWrapper) -> None:
    """Take the guards down: for whoever owns the tables, such as a test that empties its database."""
    with connection.cursor() as cursor:
        for table in GUARDED:
            place = "" if connection.vendor == "sqlite" else f" ON {table}"
            for verb in VERBS:
                cursor.execute(f"DROP TRIGGER IF EXISTS {_name(table, verb)}{place}")


def install_after_migration(*, using: str, **_: Any) -> None:
    """Receiver of ``post_migrate``."""
    connection = connections[using]
    with connection.cursor() as cursor:
        present = set(connection.introspection.table_names(cursor))
    if present.issuperset(GUARDED):
        install(connection)
