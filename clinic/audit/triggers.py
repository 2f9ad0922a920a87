"""Triggers by which the database itself refuses to change or delete rows, on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

TRUNCATE = "TRUNCATE"


@dataclass(frozen=True)
class WriteOnce:
    """Tables whose rows are written once.

    Parameters
    ----------
    label
        Names the function that PostgreSQL calls; one per group of tables.
    refusal
        What the database says to whoever tries.
    verbs
        Among ``UPDATE``, ``DELETE`` and, on PostgreSQL alone, ``TRUNCATE``.
    unless
        By table and verb, a condition over ``OLD`` under which a row may go after all.
    """

    label: str
    tables: tuple[str, ...]
    refusal: str
    verbs: tuple[str, ...] = ("UPDATE", "DELETE")
    unless: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def install(self, connection: BaseDatabaseWrapper) -> None:
        """Create or replace every trigger."""
        self._execute(connection, self._statements(connection.vendor))

    def remove(self, connection: BaseDatabaseWrapper) -> None:
        """Take the triggers down: for whoever owns the tables, such as a test that empties its database."""
        lite = connection.vendor == "sqlite"
        self._execute(
            connection,
            [
                f"DROP TRIGGER IF EXISTS {name}{'' if lite else f' ON {table}'}"
                for table, _, name in self._triggers(connection.vendor)
            ],
        )

    def missing(self, connection: BaseDatabaseWrapper) -> set[str]:
        """Return the names of triggers that are not in place."""
        if connection.vendor == "sqlite":
            query = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        else:
            query = "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'D'"
        with connection.cursor() as cursor:
            cursor.execute(query)
            present = {name for (name,) in cursor.fetchall()}
        return {name for _, _, name in self._triggers(connection.vendor)} - present

    def install_after_migration(self, *, using: str, **_: Any) -> None:
        """Receiver of ``post_migrate``: SQLite loses the triggers of a table that it remakes."""
        connection = connections[using]
        with connection.cursor() as cursor:
            present = set(connection.introspection.table_names(cursor))
        if present.issuperset(self.tables):
            self.install(connection)

    def _triggers(self, vendor: str) -> list[tuple[str, str, str]]:
        verbs = [verb for verb in self.verbs if verb != TRUNCATE or vendor != "sqlite"]
        return [(table, verb, f"{table}_no_{verb.lower()}") for table in self.tables for verb in verbs]

    def _statements(self, vendor: str) -> list[str]:
        triggers = self._triggers(vendor)
        if vendor == "sqlite":
            return [statement for trigger in triggers for statement in self._lite(*trigger)]
        return [self._function(f"{self.label}_refuse")] + [
            statement for trigger in triggers for statement in self._postgres(*trigger)
        ]

    def _lite(self, table: str, verb: str, name: str) -> list[str]:
        condition = self.unless.get((table, verb))
        when = f"WHEN NOT {condition} " if condition else ""
        return [
            f"DROP TRIGGER IF EXISTS {name}",
            f"CREATE TRIGGER {name} BEFORE {verb} ON {table} {when}"
            f"BEGIN SELECT RAISE(ABORT, '{self.refusal}'); END",
        ]

    def _postgres(self, table: str, verb: str, name: str) -> list[str]:
        """PostgreSQL knows no subquery in WHEN: a verb with a condition gets a function of its own."""
        condition = self.unless.get((table, verb))
        function = f"{name}_unless" if condition else f"{self.label}_refuse"
        each = "STATEMENT" if verb == TRUNCATE else "ROW"
        trigger = (
            f"CREATE OR REPLACE TRIGGER {name} BEFORE {verb} ON {table} "
            f"FOR EACH {each} EXECUTE FUNCTION {function}()"
        )
        return [self._function(function, condition), trigger] if condition else [trigger]

    def _function(self, name: str, condition: str = "") -> str:
        leave = f"IF {condition} THEN RETURN OLD; END IF; " if condition else ""
        return (
            f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN {leave}RAISE EXCEPTION '{self.refusal}' USING ERRCODE = 'restrict_violation'; END $$"
        )

    @staticmethod
    def _execute(connection: BaseDatabaseWrapper, statements: list[str]) -> None:
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
