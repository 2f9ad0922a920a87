"""Drop the tokens of the REST framework: kept in the clear, without scopes, without an end."""

from __future__ import annotations

from typing import Any

from django.db import migrations

TABLE = "authtoken_token"


def drop(apps: Any, schema_editor: Any) -> None:
    """Drop the table where an earlier version made it, and what is remembered of its migrations."""
    connection = schema_editor.connection
    if TABLE in connection.introspection.table_names():
        schema_editor.execute(f"DROP TABLE {schema_editor.quote_name(TABLE)}")
    schema_editor.execute("DELETE FROM django_migrations WHERE app = 'authtoken'")


class Migration(migrations.Migration):
    """Programs log in again, and get a token of :class:`clinic.accounts.models.ApiToken`."""

    dependencies = [("accounts", "0005_lockout_and_sessions")]

    operations = [migrations.RunPython(drop, migrations.RunPython.noop, elidable=False)]
