"""What somebody could do to the audit who may alter its tables, as raw SQL."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


def sql(connection: Any, statement: str, *values: Any) -> None:
    """Run one statement past every model and manager."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


@dataclass(frozen=True, slots=True)
class Tampering:
    """One way to change the past; ``apply`` takes the six event ids and returns what must be reported."""

    name: str
    apply: Callable[[Any, list[int]], str]


COLUMNS = {
    "at": "2020-01-01 00:00:00+00:00",
    "action": "login",
    "actor_label": "somebody else",
    "role": "admin",
    "patient": "0" * 32,
    "study": "0" * 32,
    "kind": "another",
    "object_id": "another",
    "address": "192.0.2.1",
    "request": "another",
    "payload_hash": "0" * 64,
    "emergency": "1" * 32,
    "token": "12",
}


def _edit(column: str) -> Tampering:
    def apply(connection: Any, events: list[int]) -> str:
        update = f"UPDATE audit_event SET {column} = %s WHERE id = %s"  # noqa: S608, names from above
        sql(connection, update, COLUMNS[column], events[1])
        return f"event {events[1]} (seal 2) is not what was sealed"

    return Tampering(f"edited {column}", apply)


def _delete_event(connection: Any, events: list[int]) -> str:
    _delete(connection, events[1])
    return "seal 2 is missing: it was deleted"


def _delete(connection: Any, event: int) -> None:
    sql(connection, "DELETE FROM audit_seal WHERE event_id = %s", event)
    sql(connection, "DELETE FROM audit_payload WHERE event_id = %s", event)
    sql(connection, "DELETE FROM audit_event WHERE id = %s", event)


def _delete_and_close_up(connection: Any, events: list[int]) -> str:
    _delete(connection, events[1])
    for position in range(3, 7):
        sql(connection, "UPDATE audit_seal SET position = %s WHERE position = %s", position - 1, position)
    return f"event {events[2]} (seal 2) does not follow the one before it"


def _delete_seal(connection: Any, events: list[int]) -> str:
    sql(connection, "DELETE FROM audit_seal WHERE position = 4")
    return "seal 4 is missing"


def _copy_event(connection: Any, of: int) -> int:
    sql(
        connection,
        "INSERT INTO audit_event (at, action, actor_id, actor_label, role, patient, study, kind, object_id, "
        "address, request, payload_hash) "
        "SELECT at, action, actor_id, actor_label, role, patient, study, kind, "
        "object_id, address, request, '' FROM audit_event WHERE id = %s",
        of,
    )
    with connection.cursor() as cursor:
        cursor.execute("SELECT MAX(id) FROM audit_event")
        return cursor.fetchone()[0]


def _insert_with_seal(connection: Any, events: list[int]) -> str:
    inserted = _copy_event(connection, events[0])
    for position in range(6, 2, -1):
        sql(connection, "UPDATE audit_seal SET position = %s WHERE position = %s", position + 1, position)
    sql(
        connection,
        "INSERT INTO audit_seal (position, event_id, previous, hash, sealed_at) "
        "SELECT 3, %s, hash, previous, sealed_at FROM audit_seal WHERE position = 2",
        inserted,
    )
    return f"event {inserted} (seal 3) is not what was sealed"


def _insert_unsealed(connection: Any, events: list[int]) -> str:
    inserted = _copy_event(connection, events[0])
    sql(connection, "UPDATE audit_event SET at = '2020-01-01 00:00:00+00:00' WHERE id = %s", inserted)
    return f"the first is event {inserted}"


def _reorder_seals(connection: Any, events: list[int]) -> str:
    for old, new in ((2, 100), (3, 2), (100, 3)):
        sql(connection, "UPDATE audit_seal SET position = %s WHERE position = %s", new, old)
    return f"event {events[2]} (seal 2) does not follow the one before it"


def _exchange_events(connection: Any, events: list[int]) -> str:
    sql(
        connection,
        "UPDATE audit_event SET patient = (SELECT other.patient FROM audit_event other WHERE other.id = %s) "
        "WHERE id = %s",
        events[2],
        events[0],
    )
    return f"event {events[0]} (seal 1) is not what was sealed"


def _edit_payload(connection: Any, events: list[int]) -> str:
    sql(connection, "UPDATE audit_payload SET content = '{\"n\":9}' WHERE event_id = %s", events[3])
    return f"of event {events[3]} was edited"


def _edit_salt(connection: Any, events: list[int]) -> str:
    sql(connection, "UPDATE audit_payload SET salt = 'another' WHERE event_id = %s", events[3])
    return f"of event {events[3]} was edited"


def _delete_payload(connection: Any, events: list[int]) -> str:
    sql(connection, "DELETE FROM audit_payload WHERE event_id = %s", events[3])
    return f"the payload of event {events[3]} was deleted"


def _insert_payload(connection: Any, events: list[int]) -> str:
    sql(
        connection,
        "INSERT INTO audit_payload (event_id, salt, content) VALUES (%s, 'salt', '{}')",
        events[2],
    )
    return f"was inserted: event {events[2]} was sealed without one"


def _edit_seal_time(connection: Any, events: list[int]) -> str:
    sql(connection, "UPDATE audit_seal SET sealed_at = '2020-01-01 00:00:00+00:00' WHERE position = 5")
    return f"event {events[4]} (seal 5) is not what was sealed"


def _cut_seals_off_the_end(connection: Any, events: list[int]) -> str:
    sql(connection, "DELETE FROM audit_seal WHERE position > 4")
    sql(connection, "UPDATE audit_event SET at = '2020-01-01 00:00:00+00:00' WHERE id = %s", events[4])
    return f"the first is event {events[4]}"


def _delete_last(connection: Any, events: list[int]) -> str:
    _delete(connection, events[5])
    return f"event {events[5]} (seal 6) is missing: it was deleted"


def _cut_off_the_end(connection: Any, events: list[int]) -> str:
    for event in events[3:]:
        _delete(connection, event)
    return f"event {events[5]} (seal 6), the end of a piece that begins with seal 4, is missing"


def _replace_last(connection: Any, events: list[int]) -> str:
    sql(connection, "UPDATE audit_head SET hash = %s", "0" * 64)
    return "seal 6 is not the one the chain ended with"


def _delete_head(connection: Any, events: list[int]) -> str:
    sql(connection, "DELETE FROM audit_head")
    return "the head of the chain was deleted"


TAMPERINGS = (
    *(_edit(column) for column in COLUMNS),
    Tampering("deleted event", _delete_event),
    Tampering("deleted event, positions closed up", _delete_and_close_up),
    Tampering("deleted seal", _delete_seal),
    Tampering("inserted event with a seal", _insert_with_seal),
    Tampering("inserted event without a seal", _insert_unsealed),
    Tampering("reordered seals", _reorder_seals),
    Tampering("exchanged contents of events", _exchange_events),
    Tampering("edited payload", _edit_payload),
    Tampering("edited salt", _edit_salt),
    Tampering("deleted payload", _delete_payload),
    Tampering("inserted payload", _insert_payload),
    Tampering("edited time of sealing", _edit_seal_time),
    Tampering("cut seals off the end", _cut_seals_off_the_end),
    Tampering("deleted the last event with its seal", _delete_last),
    Tampering("cut events and seals off the end", _cut_off_the_end),
    Tampering("another last link than the head's", _replace_last),
    Tampering("deleted head", _delete_head),
)
