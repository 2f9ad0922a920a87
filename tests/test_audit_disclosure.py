"""Who opened this record, for the patient: in plain words, in both languages, as page, table and PDF."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from clinic.accounts.models import User
from clinic.audit.guards import GUARDS
from clinic.audit.models import Action, Event
from clinic.audit.recording import WORKER, record
from clinic.audit.seal import seal_all
from patients import disclosure
from patients.disclosure_words import BY_ACTION
from patients.emergency import open as open_in_emergency
from patients.models import Patient
from predictions import disclosing, queue
from predictions.models import Disclosure, DocumentState
from predictions.outputs.disclosure_words import when
from predictions.sightings import Sightings
from predictions.storage import storage
from tests import studies
from tests.test_outputs_pdf import words as text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def history(alice: User, bob: User, claire: Patient) -> None:
    """Write what happened to a record on one day in November, at half past eleven in Paris and later."""
    for action, actor, kind, emergency in (
        (Action.VIEW, alice, "patient", None),
        (Action.VIEW, alice, "patient", None),
        (Action.BREAK_GLASS, bob, "patient", uuid4()),
        (Action.VIEW, bob, "study", uuid4()),
        (Action.REFUSED, bob, "patient", None),
    ):
        written = record(action, actor=actor, patient=claire.pk, kind=kind)
        rewrite(written, emergency=emergency)
    record(Action.PREDICT, actor_label=WORKER, patient=claire.pk, kind="study")
    for minutes, event in enumerate(Event.objects.order_by("pk")):
        rewrite(event, at=datetime(2026, 11, 3, 10, 30, tzinfo=UTC) + timedelta(minutes=minutes))


def rewrite(event: Event, **columns: object) -> None:
    """Change a row as nobody can in the product: a test has no time to wait."""
    GUARDS.remove(connection)
    Event.objects.filter(pk=event.pk).update(**columns)
    GUARDS.install(connection)


@pytest.fixture
def office(client: Client, admin: User) -> Client:
    """Return the administrator's browser."""
    client.force_login(admin)
    return client


def said(patient: Patient, language: str) -> list[tuple[str, str, str, int, bool]]:
    """Return the list in one language."""
    return [
        (
            when(access, language),
            f"{access.who.to(language)}, {access.role.to(language) if access.role else ''}",
            access.what.to(language),
            access.times,
            access.emergency,
        )
        for access in disclosure.accesses(patient.pk)
    ]


def test_it_is_said_in_plain_words_where_the_hospital_is(history: None, claire: Patient) -> None:
    assert said(claire, "en") == [
        ("2026-11-03 11:35", "Vigie, automatically, ", "Analysed an examination", 1, False),
        (
            "2026-11-03 11:34",
            "Bob Invented, physician",
            "Tried to open your record and was refused",
            1,
            False,
        ),
        ("2026-11-03 11:33", "Bob Invented, physician", "Looked at a result", 1, True),
        (
            "2026-11-03 11:32",
            "Bob Invented, physician",
            "Opened your record in an emergency, giving a reason",
            1,
            True,
        ),
        ("2026-11-03 11:30 – 11:31", "Alice Invented, midwife", "Looked at your record", 2, False),
    ]
    assert said(claire, "fr")[-1] == (
        "03/11/2026 11:30 – 11:31",
        "Alice Invented, sage-femme",
        "A consulté votre dossier",
        2,
        False,
    )


def test_every_action_has_its_words() -> None:
    assert set(BY_ACTION) == set(Action)


def test_whoever_saw_the_patient_in_a_list_is_on_it(
    client: Client, alice: User, claire: Patient, henri: Patient
) -> None:
    """Name, birth date and result stand in the worklist, in the lists of the API and in a search."""
    studies.waiting(alice, claire)
    client.force_login(alice)
    for _ in range(2):
        seen = client.get(reverse("worklist")).context["seen"]
        client.get("/api/studies")
        client.post(reverse("patient_search"), {"name": claire.family_name})
        client.post("/api/patients/search", {"name": claire.family_name})
    client.get(reverse("worklist"), {"seen": seen}, headers={"HX-Request": "true"})
    expected = ["Saw you in a list of examinations", "Found you in a search"]
    lists = [access for access in disclosure.accesses(claire.pk) if access.what.en in expected]
    assert sorted((access.who.en, access.what.en, access.times) for access in lists) == [
        ("Alice Invented", "Found you in a search", 1),
        ("Alice Invented", "Saw you in a list of examinations", 2),  # of the page and of the API
    ]
    assert not any(access.what.en in expected for access in disclosure.accesses(henri.pk))
    assert Event.objects.filter(kind="worklist", patient=None).count() == 2

    for event in Event.objects.filter(patient=claire.pk):
        rewrite(event, at=event.at - timedelta(days=1))
    client.get(reverse("worklist"))
    today = next(disclosure.accesses(claire.pk))
    assert (today.what.en, today.times) == ("Saw you in a list of examinations", 1)
    seal_all()
    assert Event.objects.filter(seal=None).count() == 0


def test_a_list_says_whom_it_showed_in_an_emergency(
    client: Client, bob: User, alice: User, claire: Patient
) -> None:
    studies.waiting(alice, claire)
    opened = open_in_emergency(bob, claire, "Transferred at night, no colleague there")
    client.force_login(bob)
    client.get(reverse("worklist"))
    event = Event.objects.get(kind="worklist", patient=claire.pk)
    assert (event.actor, event.emergency) == (bob, opened.pk)


def test_days_are_those_of_the_hospital(alice: User, claire: Patient) -> None:
    late = record(Action.VIEW, actor=alice, patient=claire.pk, kind="patient")
    rewrite(late, at=datetime(2026, 7, 1, 22, 30, tzinfo=UTC))  # half past midnight in Paris
    assert said(claire, "fr")[0][0] == "02/07/2026 00:30"


def test_the_page_shows_it_and_is_on_the_list_itself(office: Client, history: None, claire: Patient) -> None:
    page = office.get(reverse("disclosure", args=[claire.pk]), {"language": "fr"}).content.decode()
    assert "A ouvert votre dossier en urgence" in page
    assert "sage-femme" in page
    assert 'lang="fr"' in page
    again = office.get(reverse("disclosure", args=[claire.pk]), {"language": "en"}).content.decode()
    assert "Looked up who opened your record" in again


def test_the_table_runs_nothing(office: Client, alice: User, claire: Patient) -> None:
    alice.first_name = "=cmd|' /C calc'!A0"
    alice.save()
    record(Action.VIEW, actor=alice, patient=claire.pk, kind="patient")
    answer = office.get(reverse("disclosure_csv", args=[claire.pk]), {"language": "en"})
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [row["what"] for row in rows] == [
        "Took out the list of who opened your record",
        "Looked at your record",
    ]
    assert rows[1]["who"].startswith("'=cmd")
    assert rows[1]["first"].endswith("+01:00")
    event = Event.objects.latest("pk")
    assert (event.action, event.kind, event.patient) == (Action.DOWNLOAD, "disclosure", claire.pk)


def ordered(office: Client, patient: Patient, language: str) -> Disclosure:
    """Have a PDF written, as a worker would."""
    assert (
        office.post(reverse("disclosure_order", args=[patient.pk]), {"language": language}).status_code == 302
    )
    found = Disclosure.objects.get(language=language)
    disclosing.render(found.pk)
    disclosing.render(found.pk)  # a second message finds nothing to do
    found.refresh_from_db()
    assert found.state == DocumentState.READY
    return found


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("fr", ("Qui a consulté votre dossier", "URGENCE", "sage-femme", "03/11/2026", "délégué")),
        ("en", ("Who opened your record", "EMERGENCY", "midwife", "2026-11-03", "data protection officer")),
    ],
)
def test_a_worker_writes_the_pdf(
    office: Client, history: None, claire: Patient, language: str, expected: tuple[str, ...]
) -> None:
    found = ordered(office, claire, language)
    answer = office.get(reverse("disclosure_file", args=[claire.pk, found.pk]))
    content = b"".join(answer.streaming_content)
    text = " ".join(text_of(content).split())
    assert all(word in text for word in (*expected, "LANTERN", "Alice Invented", claire.record_number))
    assert "Lantern" not in answer["Content-Disposition"]
    event = Event.objects.latest("pk")
    assert (event.action, event.kind, event.object_id) == (Action.DOWNLOAD, "disclosure", str(found.pk))


def test_a_list_is_given_to_whoever_ordered_it_alone(
    office: Client, claire: Patient, henri: Patient, client: Client
) -> None:
    found = ordered(office, claire, "fr")
    assert office.get(reverse("disclosure_file", args=[henri.pk, found.pk])).status_code == 404


def test_taking_it_out_asks_who_is_there(office: Client, claire: Patient, settings) -> None:
    found = ordered(office, claire, "fr")
    settings.CONFIRM_SECONDS = 0
    for url in (
        reverse("disclosure_csv", args=[claire.pk]),
        reverse("disclosure_file", args=[claire.pk, found.pk]),
    ):
        assert office.get(url).status_code == 302
    assert not Event.objects.filter(action=Action.DOWNLOAD).exists()


def test_it_is_gone_after_a_day(office: Client, claire: Patient) -> None:
    found = ordered(office, claire, "fr")
    disclosing.sweep()
    assert storage.exists(found.stored_name)
    Disclosure.objects.update(created_at=timezone.now() - timedelta(days=2))
    disclosing.sweep()
    assert not storage.exists(found.stored_name)
    assert not Disclosure.objects.exists()


def test_what_was_never_sent_is_sent_by_the_watch(
    office: Client, claire: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.post(reverse("disclosure_order", args=[claire.pk]), {"language": "fr"})
    woken: list[str] = []
    monkeypatch.setattr(queue, "wake", lambda task, kwargs, *_, **__: woken.append(task) or True)
    disclosing.reap(Sightings(lambda: 0.0))
    assert woken == [queue.DISCLOSE]
    Disclosure.objects.update(attempts=2, sent_at=None)
    disclosing.reap(Sightings(lambda: 0.0))
    assert Disclosure.objects.get().state == DocumentState.FAILED


@pytest.mark.long
def test_a_long_list_is_written_too(office: Client, alice: User, claire: Patient) -> None:
    for number in range(300):
        event = record(Action.VIEW, actor=alice, patient=claire.pk, kind="patient")
        GUARDS.remove(connection)
        Event.objects.filter(pk=event.pk).update(at=timezone.now() - timedelta(days=number))
    GUARDS.install(connection)
    found = ordered(office, claire, "en")
    assert found.size > 20_000
