"""The audit is append-only, chained once, and says which row is not as it was."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from clinic.audit.anchors.sending import anchor
from clinic.audit.guards import GUARDS
from clinic.audit.models import Action, Event, Payload, Seal, Verification, Waiting
from clinic.audit.recording import record
from clinic.audit.redaction import redact
from clinic.audit.seal import chain_state, seal_all, seal_batch
from clinic.audit.verify import verify
from tests.tampering import TAMPERINGS, Tampering, sql

pytestmark = pytest.mark.django_db


@pytest.fixture
def chained(db: None) -> list[Event]:
    """Return six sealed events, the odd ones with a payload."""
    events = [
        record(Action.VIEW, actor_label="worker", patient=uuid4(), detail={"n": n} if n % 2 else None)
        for n in range(6)
    ]
    assert seal_all() == 6
    return events


def test_events_wait_until_they_are_sealed_in_order(chained: list[Event]) -> None:
    assert verify().ok
    assert not Waiting.objects.exists()
    assert list(Seal.objects.values_list("event_id", flat=True)) == [event.pk for event in chained]

    late = record(Action.VIEW)
    assert chain_state().waiting == 1
    assert seal_all() == 1
    assert Seal.objects.get(event=late).position == 7


def test_an_event_goes_with_the_change_it_describes(db: None) -> None:
    with transaction.atomic():
        record(Action.UPDATE, detail={"a": 1})
        transaction.set_rollback(True)
    assert not Event.objects.exists()
    assert not Payload.objects.exists()
    assert not Waiting.objects.exists()


def test_batches_continue_one_chain(db: None) -> None:
    for _ in range(5):
        record(Action.VIEW)
    assert [seal_batch(limit=2) for _ in range(4)] == [2, 2, 1, 0]
    assert verify().seals == 5


def test_a_late_commit_with_a_lower_id_gets_a_later_position(db: None) -> None:
    slow, quick = record(Action.VIEW), record(Action.VIEW)
    Waiting.objects.filter(event=slow).delete()  # as the sealer sees it while the other has not committed
    seal_all()
    Waiting.objects.create(event=slow)
    seal_all()
    assert list(Seal.objects.values_list("event_id", flat=True)) == [quick.pk, slow.pk]
    assert verify().ok


@pytest.mark.parametrize("table", GUARDS.tables)
@pytest.mark.parametrize("statement", ["DELETE FROM {}", "UPDATE {} SET id = id + 100"])
def test_the_database_refuses_changes(chained: list[Event], table: str, statement: str) -> None:
    assert redact(patient=chained[1].patient, why="a test") == 1
    seal_all()
    anchor()
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        sql(connection, statement.format(table))
    assert verify().ok


@pytest.mark.parametrize("tampering", TAMPERINGS, ids=lambda tampering: tampering.name)
def test_tampering_is_found_and_the_row_named(chained: list[Event], tampering: Tampering) -> None:
    GUARDS.remove(connection)
    expected = tampering.apply(connection, [event.pk for event in chained])
    GUARDS.install(connection)

    outcome = verify()

    assert expected in " ".join((outcome.finding, *outcome.warnings))
    assert not outcome.ok


def test_removed_triggers_are_reported(chained: list[Event]) -> None:
    GUARDS.remove(connection)
    assert "audit_event_no_delete" in " ".join(verify().warnings)


@pytest.fixture
def aged(db: None) -> Callable[[], Event]:
    """Return a maker of events that happened two minutes ago."""

    def make() -> Event:
        event = record(Action.VIEW)
        GUARDS.remove(connection)
        Event.objects.filter(pk=event.pk).update(at=timezone.now() - timezone.timedelta(minutes=2))
        GUARDS.install(connection)
        return event

    return make


def test_the_command_says_all_is_well(chained: list[Event]) -> None:
    out = StringIO()
    call_command("verify_audit", stdout=out)
    assert out.getvalue().startswith("6 seals verified from the first\n")
    assert Verification.objects.get().finding == ""


def test_the_command_fails_and_names_the_row(chained: list[Event]) -> None:
    GUARDS.remove(connection)
    sql(connection, "UPDATE audit_event SET role = 'admin' WHERE id = %s", chained[2].pk)
    GUARDS.install(connection)
    err = StringIO()
    with pytest.raises(SystemExit) as stopped:
        call_command("verify_audit", stdout=StringIO(), stderr=err)
    assert stopped.value.code == 1
    assert f"event {chained[2].pk} (seal 3)" in err.getvalue()
    assert f"event {chained[2].pk}" in chain_state().finding


def test_events_unsealed_for_a_minute_are_reported(aged: Callable[[], Event]) -> None:
    event = aged()
    assert f"the first is event {event.pk}" in verify().warnings[0]
    assert chain_state().late
    seal_all()
    assert verify().ok
    assert not chain_state().late


def test_the_command_seals_once(db: None) -> None:
    record(Action.VIEW)
    out = StringIO()
    call_command("seal_audit", stdout=out)
    assert out.getvalue() == "1 events sealed\n1 anchors made\n"
    assert not Waiting.objects.exists()


BROKEN_QUEUE = {
    "sqlite": (
        "CREATE TRIGGER disk_full BEFORE INSERT ON audit_waiting BEGIN SELECT RAISE(ABORT, 'disk full'); END",
        "DROP TRIGGER disk_full",
    ),
    "postgresql": (
        'ALTER TABLE audit_waiting ADD CONSTRAINT "full" CHECK (false)',
        'ALTER TABLE audit_waiting DROP CONSTRAINT "full"',
    ),
}


@pytest.mark.django_db(transaction=True)
def test_an_event_is_written_whole_or_not_at_all() -> None:
    break_it, mend_it = BROKEN_QUEUE[connection.vendor]
    sql(connection, break_it)
    with pytest.raises(DatabaseError):
        record(Action.VIEW, detail={"a": 1})
    sql(connection, mend_it)
    assert not Event.objects.exists()
    assert not Payload.objects.exists()
