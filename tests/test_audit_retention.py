"""Details of events go by one door, for an erasure or when their time is over; the chain still verifies."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from uuid import uuid4

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import DatabaseError, connection, models, transaction
from django.db.models import PROTECT, ProtectedError
from django.utils import timezone

from clinic.accounts.models import User
from clinic.audit import retention
from clinic.audit.classes import CLASSES, ActionClass
from clinic.audit.guards import GUARDS
from clinic.audit.models import Action, Event, Payload, Redaction
from clinic.audit.recording import record
from clinic.audit.redaction import KIND, redact
from clinic.audit.retention import LEAST_DAYS, days
from clinic.audit.seal import seal_all
from clinic.audit.verify import verify
from patients.models import Patient
from tests.tampering import sql

pytestmark = pytest.mark.django_db


@pytest.fixture
def history(alice: User, claire: Patient, henri: Patient) -> list[Event]:
    """Write and seal what happened to two patients, one of them in a study."""
    study = uuid4()
    written = [
        record(Action.VIEW, actor=alice, patient=claire.pk, detail={"name": "Claire"}),
        record(Action.SUBMIT, actor=alice, patient=claire.pk, study=study, detail={"file": "x"}),
        record(Action.VIEW, actor=alice, patient=claire.pk),
        record(Action.UPDATE, actor=alice, patient=henri.pk, detail={"name": "Henri"}),
        record(Action.SEARCH, actor=alice, kind="patient", detail={"name": "lantern éclair"}),
    ]
    seal_all()
    return written


def test_an_erasure_takes_the_details_and_leaves_the_events(
    history: list[Event], admin: User, claire: Patient
) -> None:
    assert redact(patient=claire.pk, actor=admin, why="erasure 7") == 2
    seal_all()
    assert set(Payload.objects.values_list("event_id", flat=True)) == {
        history[3].pk, history[4].pk, Event.objects.latest("pk").pk,
    }  # fmt: skip
    assert Event.objects.filter(patient=claire.pk).count() == 4
    outcome = verify()
    assert (outcome.ok, outcome.redacted) == (True, 2)
    said = Event.objects.latest("pk")
    assert (said.action, said.kind, said.actor) == (Action.ERASE, KIND, admin)
    assert said.payload.data["payloads"] == 2
    assert said.payload.data["why"] == "erasure 7"


def test_one_study_can_be_redacted_alone(history: list[Event]) -> None:
    assert redact(study=history[1].study, why="erasure 8") == 1
    assert Payload.objects.filter(event=history[0]).exists()


def test_names_typed_into_searches_go_too(history: list[Event], claire: Patient) -> None:
    assert redact(patient=claire.pk, why="erasure 9", mentions=["ÉCLAIR", " "]) == 3
    assert not Payload.objects.filter(event=history[4]).exists()


def test_it_is_done_once_and_says_whose(history: list[Event], claire: Patient) -> None:
    assert redact(patient=claire.pk, why="once") == 2
    assert redact(patient=claire.pk, why="again") == 0
    with pytest.raises(ValueError, match="say whose"):
        redact(why="nobody")


def test_it_goes_with_the_erasure_it_belongs_to(history: list[Event], claire: Patient) -> None:
    with transaction.atomic():
        redact(patient=claire.pk, why="rolled back")
        transaction.set_rollback(True)
    assert Payload.objects.filter(event=history[0]).exists()
    assert not Redaction.objects.exists()


def test_no_payload_goes_by_another_door(history: list[Event], claire: Patient) -> None:
    redact(patient=claire.pk, why="erasure")
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        Payload.objects.filter(event=history[3]).delete()
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        Redaction.objects.all().delete()


def _smuggle_mark(history: list[Event]) -> str:
    by = Event.objects.filter(kind=KIND).first()
    sql(connection, "INSERT INTO audit_redaction (event_id, by_id) VALUES (%s, %s)", history[3].pk, by.pk)
    sql(connection, "DELETE FROM audit_payload WHERE event_id = %s", history[3].pk)
    return f"redaction {by.pk} did not take the payloads it says it took"


def _mark_by_another(history: list[Event]) -> str:
    sql(
        connection,
        "INSERT INTO audit_redaction (event_id, by_id) VALUES (%s, %s)",
        history[3].pk,
        history[0].pk,
    )
    sql(connection, "DELETE FROM audit_payload WHERE event_id = %s", history[3].pk)
    return f"the payload of event {history[3].pk} was deleted under a mark that no redaction made"


def _put_back(history: list[Event]) -> str:
    sql(
        connection,
        "INSERT INTO audit_payload (event_id, salt, content) VALUES (%s, 's', '{}')",
        history[0].pk,
    )
    return f"of event {history[0].pk} was put back after its redaction"


def _take_mark_away(history: list[Event]) -> str:
    GUARDS.remove(connection)
    sql(connection, "DELETE FROM audit_redaction WHERE event_id = %s", history[0].pk)
    GUARDS.install(connection)
    return f"the payload of event {history[0].pk} was deleted"


@pytest.mark.parametrize("tamper", [_smuggle_mark, _mark_by_another, _put_back, _take_mark_away])
def test_a_deletion_dressed_as_a_redaction_is_found(
    history: list[Event], claire: Patient, tamper: Callable[[list[Event]], str]
) -> None:
    redact(patient=claire.pk, why="erasure")
    seal_all()
    expected = tamper(history)
    assert expected in " ".join(fault.text for fault in verify().faults)


# --- terms --------------------------------------------------------------------------------------


def aged(event: Event, by: int) -> None:
    """Make an event ``by`` days old, as if it had been sealed then."""
    Event.objects.filter(pk=event.pk).update(at=timezone.now() - timedelta(days=by))


@pytest.fixture
def one_of_each(db: None) -> dict[ActionClass, Event]:
    """Return an event of each class, with details, a day past its term; and one a day before."""
    GUARDS.remove(connection)
    found = {}
    for kind, actions in CLASSES.items():
        found[kind] = record(actions[0], detail={"a": 1})
        aged(found[kind], days(kind) + 1)
        aged(record(actions[0], detail={"a": 1}), days(kind) - 1)
    GUARDS.install(connection)
    seal_all()
    return found


def test_details_go_when_their_time_is_over(one_of_each: dict[ActionClass, Event]) -> None:
    out = StringIO()
    call_command("expire_audit", dry_run=True, stdout=out)
    assert "read: kept 2,190 days, details of 1 due" in out.getvalue()
    assert not Redaction.objects.exists()

    call_command("expire_audit", stdout=StringIO())
    seal_all()
    assert set(Redaction.objects.values_list("event_id", flat=True)) == {e.pk for e in one_of_each.values()}
    assert verify().ok
    assert retention.expire() == dict.fromkeys(ActionClass, 0)


def test_a_setting_can_only_keep_longer(one_of_each: dict[ActionClass, Event], settings) -> None:
    settings.AUDIT_KEEP_DAYS = {"read": LEAST_DAYS[ActionClass.READ] + 10, "entrance": 1}
    assert days(ActionClass.READ) == LEAST_DAYS[ActionClass.READ] + 10
    assert days(ActionClass.ENTRANCE) == LEAST_DAYS[ActionClass.ENTRANCE]
    done = retention.expire()
    assert (done[ActionClass.READ], done[ActionClass.ENTRANCE]) == (0, 1)


def test_every_class_has_a_term_and_reads_are_among_them() -> None:
    assert set(LEAST_DAYS) == set(ActionClass)
    assert Action.VIEW in CLASSES[ActionClass.READ]
    assert min(LEAST_DAYS.values()) >= 365


# --- keys between tables ------------------------------------------------------------------------


def _relations() -> list[models.Field]:
    """Return every foreign key from the audit to elsewhere, and from anywhere to the audit."""
    return [
        field
        for model in apps.get_models(include_auto_created=True)
        for field in model._meta.get_fields()
        if field.concrete
        and field.remote_field
        and not field.many_to_many
        and "audit" in (model._meta.app_label, field.remote_field.model._meta.app_label)
    ]


def test_nothing_in_the_audit_goes_with_what_it_names() -> None:
    relations = _relations()
    assert len(relations) >= 6
    wrong = [str(field) for field in relations if field.remote_field.on_delete is not PROTECT]
    assert wrong == []


def test_who_did_something_cannot_be_deleted(alice: User) -> None:
    record(Action.VIEW, actor=alice)
    with pytest.raises(ProtectedError):
        alice.delete()
