"""What somebody could do who alters tables and knows how the chain is made: only anchors show it.

Each takes the ids of six events, sealed as 1 to 6 and anchored after the third and after the sixth, and
returns what must be reported.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from clinic.audit.anchors.targets import files
from clinic.audit.models import Event, Head, Seal
from clinic.audit.seal import GENESIS, link_hash
from tests.tampering import Tampering, sql

Change = Callable[[Any, list[int]], None]


def recompute(connection: Any) -> None:
    """Make every link fit the rows as they are now, as the sealer would have."""
    previous = GENESIS
    for seal in Seal.objects.select_related("event").order_by("position"):
        link = link_hash(seal.event, position=seal.position, previous=previous, sealed_at=seal.sealed_at)
        update = "UPDATE audit_seal SET previous = %s, hash = %s WHERE id = %s"
        sql(connection, update, previous, link, seal.pk)
        previous = link


def move_head(connection: Any) -> None:
    """Make the head fit the last link."""
    end = Seal.objects.order_by("-position").first()
    Head.objects.update(position=end.position, event=end.event_id, hash=end.hash)


def forget_anchors(connection: Any) -> None:
    """Empty what the database itself knows of anchors."""
    sql(connection, "DELETE FROM audit_anchor")
    sql(connection, "DELETE FROM audit_anchortarget")


def edit(connection: Any, events: list[int]) -> None:
    """Change the third row."""
    sql(connection, "UPDATE audit_event SET role = 'admin' WHERE id = %s", events[2])


def delete(connection: Any, events: list[int]) -> None:
    """Take the third row out and close up."""
    for table, column in (("audit_seal", "event_id"), ("audit_payload", "event_id"), ("audit_event", "id")):
        sql(connection, f"DELETE FROM {table} WHERE {column} = %s", events[2])  # noqa: S608, names from here
    for position in range(4, 7):
        sql(connection, "UPDATE audit_seal SET position = %s WHERE position = %s", position - 1, position)


def insert(connection: Any, events: list[int]) -> None:
    """Put a row between the second and the third."""
    made = Event.objects.get(pk=events[0])
    made.pk = None
    made.payload_hash = ""
    made.save(force_insert=True)
    for position in range(6, 2, -1):
        sql(connection, "UPDATE audit_seal SET position = %s WHERE position = %s", position + 1, position)
    Seal.objects.create(
        position=3, event=made, previous="", hash="", sealed_at=Seal.objects.get(position=2).sealed_at
    )


def reorder(connection: Any, events: list[int]) -> None:
    """Exchange the third and the fourth row."""
    for old, new in ((3, 100), (4, 3), (100, 4)):
        sql(connection, "UPDATE audit_seal SET position = %s WHERE position = %s", new, old)


def cut_off(connection: Any, events: list[int]) -> None:
    """Take the last three rows away."""
    for event in events[3:]:
        sql(connection, "DELETE FROM audit_seal WHERE event_id = %s", event)
        sql(connection, "DELETE FROM audit_payload WHERE event_id = %s", event)
        sql(connection, "DELETE FROM audit_event WHERE id = %s", event)


def edit_first(connection: Any, events: list[int]) -> None:
    """Change the very first row."""
    sql(connection, "UPDATE audit_event SET role = 'admin' WHERE id = %s", events[0])


def _rewritten(name: str, change: Change, expected: str, *steps: Callable[[Any], None]) -> Tampering:
    def apply(connection: Any, events: list[int]) -> str:
        change(connection, events)
        for step in steps:
            step(connection)
        third = Seal.objects.filter(position=3).values_list("event_id", flat=True).first()
        return expected.format(third=third, fourth=events[3], last=events[5])

    return Tampering(name, apply)


CHANGES = (
    (edit, "event {third} (seal 3) is not the one signed in anchor 1"),
    (delete, "event {third} (seal 3) is not the one signed in anchor 1"),
    (insert, "event {third} (seal 3) is not the one signed in anchor 1"),
    (reorder, "event {third} (seal 3) is not the one signed in anchor 1"),
    (edit_first, "seal 1 was another one"),
)
CUT = "the chain ends with seal 3, but event {last} (seal 6) was signed in anchor 2"
WAYS = (
    ("recomputed", ()),
    ("recomputed with the head", (move_head,)),
    ("recomputed with the head and its anchors forgotten", (move_head, forget_anchors)),
)
RECOMPUTED = (
    *(
        _rewritten(f"{change.__name__}, {how}", change, expected, recompute, *steps)
        for change, expected in CHANGES
        for how, steps in WAYS
    ),
    _rewritten("tail cut off with the head", cut_off, CUT, move_head),
    _rewritten(
        "tail cut off with the head and its anchors forgotten", cut_off, CUT, move_head, forget_anchors
    ),
)


def _in_file(name: str, change: Callable[[list[str]], list[str]], expected: str) -> Tampering:
    def apply(connection: Any, events: list[int]) -> str:
        path = files()[0]
        path.write_text("".join(f"{line}\n" for line in change(path.read_text().splitlines())))
        return expected.format(file=path)

    return Tampering(f"anchor file {name}", apply)


def _file_gone(connection: Any, events: list[int]) -> str:
    path: Path = files()[0]
    path.unlink()
    return f"{path} is missing"


def _other_key(lines: list[str]) -> list[str]:
    """Sign what the lines say with a key made for it."""
    from clinic.audit.anchors import keys, statements

    key, known = Ed25519PrivateKey.generate(), keys.known()
    return [statements.read(line, known).signed(key) for line in lines]


ANCHOR_FILES = (
    _in_file(
        "edited",
        lambda lines: [lines[0].replace('"position":3', '"position":2'), lines[1]],
        "line 1 of {file} was edited: its signature does not fit",
    ),
    _in_file("with rubbish", lambda lines: [lines[0], lines[1][:80]], "line 2 of {file} is no anchor"),
    _in_file(
        "without its first line",
        lambda lines: lines[1:],
        "anchor 2 (line 1 of {file}) follows anchor 0: anchors were removed",
    ),
    _in_file("cut off", lambda lines: lines[:1], "{file} ends with anchor 1, but had taken anchor 2"),
    _in_file("emptied", lambda lines: [], "{file} ends with anchor 0, but had taken anchor 2"),
    _in_file("in another order", lambda lines: lines[::-1], "anchor 2 (line 1 of {file}) follows anchor 0"),
    _in_file("signed by another key", _other_key, "which is none of this installation"),
    Tampering("anchor file gone", _file_gone),
)


def _in_table(name: str, statement: str, expected: str) -> Tampering:
    def apply(connection: Any, events: list[int]) -> str:
        sql(connection, statement)
        return expected

    return Tampering(f"table of anchors {name}", apply)


ANCHOR_TABLE = (
    _in_table(
        "edited",
        "UPDATE audit_anchor SET statement = REPLACE(statement, '\"number\":1', '\"number\":2') "
        "WHERE number = 1",
        "line 1 of the table of anchors was edited",
    ),
    _in_table(
        "without its first row",
        "DELETE FROM audit_anchor WHERE number = 1",
        "anchor 2 (line 1 of the table of anchors) follows anchor 0",
    ),
    _in_table(
        "without its last row",
        "DELETE FROM audit_anchor WHERE number = 2",
        "the table of anchors ends with anchor 1, but had taken anchor 2",
    ),
)

ANCHORED_TAMPERINGS = (*RECOMPUTED, *ANCHOR_FILES, *ANCHOR_TABLE)
