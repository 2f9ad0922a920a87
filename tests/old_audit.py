"""Fills the audit as the product did before emergencies, tokens and anchors, upgrades it, and verifies it.

A program of its own, on the database of ``DATABASE_URL``; prints how many seals there were and what became of
them.
"""

from __future__ import annotations

import hashlib
import json
import os
from datetime import UTC, datetime, timedelta

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clinic.settings")
django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402

from clinic.audit.anchors import sending  # noqa: E402
from clinic.audit.models import Action  # noqa: E402
from clinic.audit.recording import record  # noqa: E402
from clinic.audit.seal import seal_all  # noqa: E402
from clinic.audit.verify import verify  # noqa: E402

BEFORE = ("audit", "0004")
COLUMNS = (
    "id", "at", "action", "actor_id", "actor_label", "role", "patient", "study", "kind", "object_id",
    "address", "request", "payload_hash",
)  # fmt: skip


def link(row: dict[str, object], position: int, previous: str, sealed_at: datetime) -> str:
    """Return a link as it was made then; a copy, so that a change of today's formula shows."""
    hashed = {name: row[name] for name in COLUMNS if name not in ("id", "at", "actor_id", "patient", "study")}
    hashed |= {
        "id": row["id"],
        "at": row["at"].isoformat(timespec="microseconds"),
        "actor": row["actor_id"],
        "patient": "",
        "study": "",
        "position": position,
        "previous": previous,
        "sealed_at": sealed_at.isoformat(timespec="microseconds"),
    }
    return hashlib.sha256(json.dumps(hashed, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def insert(table: str, row: dict[str, object]) -> None:
    """Insert one row past every model, which knows columns that are not there yet."""
    names, places = ", ".join(row), ", ".join(["%s"] * len(row))
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {table} ({names}) VALUES ({places})", list(row.values()))  # noqa: S608


def fill(number: int = 4) -> None:
    """Write events and their seals."""
    previous, start = "0" * 64, datetime(2026, 1, 5, 7, 40, tzinfo=UTC)
    for position in range(1, number + 1):
        at = start + timedelta(minutes=position, microseconds=position)
        content = f'{{"n":{position}}}'
        row = dict.fromkeys(COLUMNS, "") | {
            "id": position,
            "at": at,
            "action": "view",
            "actor_id": None,
            "actor_label": "worker",
            "patient": None,
            "study": None,
            "address": None,
            "payload_hash": hashlib.sha256(f"salt:{content}".encode()).hexdigest(),
        }
        insert("audit_event", row)
        insert("audit_payload", {"event_id": position, "salt": "salt", "content": content})
        sealed = at + timedelta(seconds=1)
        made = link(row, position, previous, sealed)
        insert(
            "audit_seal",
            {
                "position": position,
                "event_id": position,
                "previous": previous,
                "hash": made,
                "sealed_at": sealed,
            },
        )
        previous = made
    insert("audit_head", {"id": 1, "position": number, "event": number, "hash": previous})
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT setval(pg_get_serial_sequence('audit_event', 'id'), %s)", [number])


def main() -> None:
    """Fill, upgrade, go on, verify."""
    call_command("migrate", *BEFORE, verbosity=0)
    fill()
    call_command("migrate", verbosity=0)
    before = verify()
    record(Action.VIEW)
    seal_all()
    made = sending.anchor()
    after = verify()
    # Before the first anchor the walk warns that none covers the chain, which it then does.
    well = not before.faults and len(before.warnings) == 1 and after.ok
    print(f"before={before.seals} after={after.seals} ok={well} anchors={made}")  # noqa: T201


if __name__ == "__main__":
    main()
