"""A chain not sealed, not anchored or broken: pages, health, people, logs and monitoring hear of it."""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from io import StringIO

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from clinic.accounts.models import Notice, User
from clinic.audit import alarms, checks
from clinic.audit.anchors import sending
from clinic.audit.guards import GUARDS
from clinic.audit.management.commands.seal_audit import look_after_anchors
from clinic.audit.models import Action, Alarm, AnchorTarget, Event, Seal
from clinic.audit.recording import record
from clinic.audit.seal import seal_all
from clinic.audit.verify import verify
from predictions.api.health import CACHE_KEY, examine
from predictions.watch import Watch

pytestmark = pytest.mark.django_db
OLD = timedelta(minutes=2)


def happened(age: timedelta, **columns: object) -> Event:
    """Record an event and make it ``age`` old."""
    event = record(Action.VIEW)
    GUARDS.remove(connection)
    Event.objects.filter(pk=event.pk).update(at=timezone.now() - age, **columns)
    GUARDS.install(connection)
    return event


def sealed_long_ago() -> None:
    """Leave a seal that nobody anchored."""
    seal_all()
    GUARDS.remove(connection)
    Seal.objects.update(sealed_at=timezone.now() - timedelta(minutes=10))
    GUARDS.install(connection)


def codes() -> list[str]:
    """Return what is wrong now."""
    return [alarm.code for alarm in alarms.current()]


def test_all_is_well(db: None) -> None:
    record(Action.VIEW)
    assert codes() == []
    assert examine()["audit"]
    out = StringIO()
    call_command("check_audit", stdout=out)
    assert out.getvalue() == "ok: 0 sealed, 1 waiting\n"


def test_an_event_unsealed_for_a_minute_is_an_alarm_everywhere(
    client: Client, admin: User, alice: User, caplog: pytest.LogCaptureFixture
) -> None:
    happened(OLD)
    with caplog.at_level(logging.ERROR):
        assert [alarm.code for alarm in alarms.watch()] == ["unsealed"]
    assert [(r.levelname, r.code) for r in caplog.records] == [("ERROR", "unsealed")]
    assert not examine()["audit"]
    assert examine()["status"] == "degraded"

    (notice,) = Notice.objects.all()
    assert (notice.recipient, notice.link) == (admin, reverse("audit_search"))
    assert "seal" in notice.text["en"]

    client.force_login(admin)
    assert "not sealed for more than a minute" in client.get(reverse("staff_list")).content.decode()
    client.force_login(alice)
    assert "not sealed for more than a minute" not in client.get(reverse("worklist")).content.decode()

    out = StringIO()
    with pytest.raises(SystemExit) as stopped:
        call_command("check_audit", json=True, stdout=out)
    assert stopped.value.code == 2
    assert list(json.loads(out.getvalue())["alarms"]) == ["unsealed"]


def test_people_are_told_once_until_it_is_over(admin: User) -> None:
    happened(OLD)
    for _ in range(3):
        alarms.watch()
    assert Notice.objects.count() == 1
    seal_all()
    alarms.watch()
    assert Alarm.objects.get().ended_at is not None
    happened(OLD)
    alarms.watch()
    assert (Notice.objects.count(), Alarm.objects.count()) == (2, 2)


def test_the_watch_over_jobs_sees_that_the_sealer_is_gone(admin: User) -> None:
    happened(OLD)
    Watch(lambda: 0.0).look()
    assert Alarm.objects.get().code == "unsealed"


def test_a_chain_that_nobody_anchors_is_an_alarm(db: None) -> None:
    happened(OLD)
    sealed_long_ago()
    assert codes() == ["unanchored"]
    sending.anchor()
    assert codes() == []


def test_without_a_key_the_sealer_alarms_and_goes_on(settings) -> None:
    settings.PRODUCTION = True
    happened(OLD)
    sealed_long_ago()
    look_after_anchors()
    assert Alarm.objects.get().code == "unanchored"


def test_a_place_that_takes_no_anchors_is_an_alarm(db: None, settings) -> None:
    settings.AUDIT_ANCHORS = ["syslog:tcp://localhost:1"]
    record(Action.VIEW)
    seal_all()
    for _ in range(alarms.FAILURES):
        look_after_anchors()
        AnchorTarget.objects.update(retry_at=None)
    (alarm,) = alarms.current()
    assert alarm.code == "anchor_target"
    assert "syslog:tcp://localhost:1" in alarm.text.fr
    record(Action.VIEW)
    assert seal_all() == 1  # the sealing never waits for it
    settings.AUDIT_ANCHORS = []
    assert codes() == []


def test_a_broken_chain_is_an_alarm_until_it_is_verified_well(db: None) -> None:
    event = record(Action.VIEW)
    seal_all()
    for role, expected in (("admin", ["broken"]), ("", [])):
        GUARDS.remove(connection)
        Event.objects.filter(pk=event.pk).update(role=role)
        GUARDS.install(connection)
        verify()
        assert codes() == expected


def test_health_says_it_to_whoever_asks(client: Client) -> None:
    happened(OLD)
    cache.delete(CACHE_KEY)
    answer = client.get("/health")
    assert (answer.status_code, answer.json()["audit"]) == (503, False)
    assert "unsealed" not in answer.content.decode()
    cache.delete(CACHE_KEY)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("AUDIT_ANCHORS", ["carrier pigeon"], "audit.E001"),
        ("AUDIT_ANCHORS", [], "audit.E002"),
        ("AUDIT_KEEP_DAYS", {"read": 30}, "audit.E003"),
        ("AUDIT_KEEP_DAYS", {"reading": 9000}, "audit.E003"),
    ],
)
def test_settings_that_would_weaken_the_audit_are_refused(
    settings, name: str, value: object, expected: str
) -> None:
    setattr(settings, name, value)
    with pytest.raises(SystemCheckError, match=expected):
        call_command("check")


def test_a_production_whose_anchors_stay_at_home_is_warned(settings) -> None:
    settings.PRODUCTION = True
    assert [found.id for found in checks.anchors_leave_the_machine(None)] == ["audit.W001"]
    settings.AUDIT_ANCHORS = [*settings.AUDIT_ANCHORS, "syslog:tls://logs.example"]
    assert checks.anchors_leave_the_machine(None) == []


def test_anchors_that_stay_at_home_can_be_accepted(settings) -> None:
    settings.PRODUCTION = True
    settings.AUDIT_LOCAL_ANCHORS_ACCEPTED = True
    assert checks.anchors_leave_the_machine(None) == []
