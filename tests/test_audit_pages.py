"""Who opened this record, what did this person open: for administrators, and itself on record."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from clinic.accounts.models import User
from clinic.audit import selectors
from clinic.audit.guards import GUARDS
from clinic.audit.models import Action, Event
from clinic.audit.recording import WORKER, record
from clinic.audit.seal import seal_all
from clinic.audit.verify import verify
from patients import emergency
from patients.models import Patient
from tests.machine import ROOT

pytestmark = pytest.mark.django_db


@pytest.fixture
def office(client: Client, admin: User) -> Client:
    """Return the administrator's browser."""
    client.force_login(admin)
    return client


def found(office: Client, **terms: str) -> list[tuple[str, str]]:
    """Search the audit; return who did what, latest first, without the search itself."""
    answer = office.post(reverse("audit_search"), terms)
    assert answer.status_code == 200
    rows = answer.context["page"].rows
    return [
        (row.who, row.event.action)
        for row in rows
        if row.event.kind != "audit" and row.event.action != "login"
    ]


@pytest.fixture
def history(alice: User, bob: User, claire: Patient, henri: Patient) -> None:
    """Write what some people and the worker did."""
    record(Action.VIEW, actor=alice, patient=claire.pk, kind="patient")
    record(Action.VIEW, actor=bob, patient=claire.pk, kind="patient")
    record(Action.REFUSED, actor=bob, patient=henri.pk, kind="patient")
    record(Action.PREDICT, actor_label=WORKER, patient=claire.pk, detail={"version": "1.2"})


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ({"person": "alice"}, [("Alice Invented", "view")]),
        ({"person": "bob inv"}, [("Bob Invented", "refused"), ("Bob Invented", "view")]),
        ({"person": "worker"}, [("analyser", "predict")]),
        ({"person": "Analyser"}, [("analyser", "predict")]),
        ({"person": "nobody"}, []),
        ({"patient": "ladder"}, [("Bob Invented", "refused")]),
        ({"patient": "ladder", "action": "view"}, []),
        ({"action": "view"}, [("Bob Invented", "view"), ("Alice Invented", "view")]),
        ({"person": "bob", "patient": "lantern"}, [("Bob Invented", "view")]),
        ({"kind": "analysis"}, [("analyser", "predict")]),
        ({"kind": "entrance"}, [("Bob Invented", "refused")]),
        ({"kind": "signature"}, []),
        ({"emergency": "on"}, []),
    ],
)
def test_events_are_found(
    office: Client, history: None, terms: dict[str, str], expected: list[tuple[str, str]]
) -> None:
    assert found(office, **terms) == expected


def test_every_kind_of_thing_has_its_word() -> None:
    written = re.compile(r'''(?:kind=|KIND = |EXPORT = )"([a-z_ ]+)"''')
    sources = [
        path for folder in ("clinic", "patients", "predictions") for path in (ROOT / folder).rglob("*.py")
    ]
    used = {kind for path in sources for kind in written.findall(path.read_text("utf-8"))}
    assert used - set(selectors.KINDS) == set()


def test_what_was_done_in_an_emergency_is_found(office: Client, bob: User, henri: Patient) -> None:
    emergency.open(bob, henri, "Nobody of the unit answers")
    assert office.post(reverse("audit_search"), {"kind": "emergency"}).context["page"].rows[0].emergency
    record(Action.VIEW, actor=bob, patient=henri.pk, kind="patient")
    record(Action.VIEW, actor=bob, kind="model")
    assert found(office, emergency="on") == [("Bob Invented", "view"), ("Bob Invented", "break_glass")]


def test_a_record_number_finds_its_patient_only(office: Client, history: None, claire: Patient) -> None:
    assert len(found(office, patient=claire.record_number)) == 3


def test_a_period_includes_both_days(office: Client, history: None) -> None:
    today = timezone.localdate()
    yesterday = today - timedelta(days=1)
    assert len(found(office, first=str(today), last=str(today))) == 4
    assert len(found(office, first=str(yesterday), last=str(yesterday))) == 0
    wrong = office.post(reverse("audit_search"), {"first": str(today), "last": str(yesterday)})
    assert wrong.status_code == 422
    assert "would end before it begins" in wrong.content.decode()


def test_terms_are_recorded_but_never_in_an_address(office: Client, admin: User, history: None) -> None:
    found(office, patient="lantern")
    event = Event.objects.latest("pk")
    assert (event.actor, event.action, event.kind) == (admin, Action.SEARCH, "audit")
    assert event.payload.data == {"patient": "lantern"}
    shown = office.get(reverse("audit_search"), {"patient": "ladder"}).context["page"]
    assert len(shown.rows) > 4  # an address does not filter


def test_who_opened_this_record(office: Client, history: None, claire: Patient) -> None:
    answer = office.get(reverse("audit_patient", args=[claire.pk]))
    people = {person["actor_label"]: person["times"] for person in answer.context["people"]}
    assert people == {"Alice Invented": 1, "Bob Invented": 1, "worker": 1, "Admin Invented": 1}
    page = answer.content.decode()
    assert f"LANTERN, Claire · {claire.record_number}" in page
    assert "1.2" in page


def test_what_this_person_opened(office: Client, admin: User, history: None, bob: User) -> None:
    answer = office.get(reverse("audit_person", args=[bob.pk]))
    assert [record["name"].split(",")[0] for record in answer.context["records"]] == ["LADDER", "LANTERN"]
    event = Event.objects.latest("pk")
    assert (event.actor, event.action, event.kind, event.object_id) == (
        admin,
        Action.VIEW,
        "audit",
        str(bob.pk),
    )


def test_pages_walk_back_without_missing_or_repeating(office: Client, alice: User, claire: Patient) -> None:
    written = [record(Action.VIEW, actor=alice, patient=claire.pk).pk for _ in range(120)]
    seen: list[int] = []
    terms = {"person": "alice"}
    for _ in range(3):
        page = office.post(reverse("audit_search"), terms).context["page"]
        seen += [row.event.pk for row in page.rows]
        terms["before"] = str(page.before)
    assert seen == written[::-1]
    assert page.before is None

    first = office.get(reverse("audit_person", args=[alice.pk]))
    assert f"?before={first.context['page'].before}" in first.content.decode()
    second = office.get(reverse("audit_person", args=[alice.pk]), {"before": first.context["page"].before})
    assert second.context["page"].rows[0].event.pk == written[69]
    assert office.get(reverse("audit_person", args=[alice.pk]), {"before": "²x"}).status_code == 200


def test_a_page_costs_the_same_whatever_it_shows(
    office: Client, alice: User, claire: Patient, henri: Patient
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as context:
            office.get(reverse("audit_search"))
        return len(context)

    few = queries()
    for patient in (claire, henri) * 20:
        record(Action.VIEW, actor=alice, patient=patient.pk, detail={"a": 1})
    assert queries() <= few + 2  # the names of the patients, once per page


def test_the_state_of_the_chain_is_shown(office: Client, history: None) -> None:
    seal_all()
    verify()
    page = office.get(reverse("audit_search")).content.decode()
    assert "5 sealed, 1 waiting" in page
    assert "verified at" in page

    GUARDS.remove(connection)
    Event.objects.filter(action=Action.PREDICT).update(role="admin")
    GUARDS.install(connection)
    verify()
    assert "The chain is broken" in office.get(reverse("audit_search")).content.decode()


def test_the_chain_says_when_nothing_seals(office: Client, history: None) -> None:
    GUARDS.remove(connection)
    Event.objects.filter(action=Action.PREDICT).update(at=timezone.now() - timedelta(minutes=5))
    GUARDS.install(connection)
    assert "Sealing has stopped" in office.get(reverse("audit_search")).content.decode()


def test_an_event_whose_payload_is_gone_still_shows(office: Client, history: None, claire: Patient) -> None:
    GUARDS.remove(connection)
    Event.objects.get(action=Action.PREDICT).payload.delete()
    GUARDS.install(connection)
    assert office.get(reverse("audit_patient", args=[claire.pk])).status_code == 200


@pytest.mark.parametrize("person", ["alice", "steward"])
def test_others_are_refused_and_that_is_recorded(
    client: Client, alice: User, steward: User, claire: Patient, person: str
) -> None:
    user = {"alice": alice, "steward": steward}[person]
    client.force_login(user)
    for url in (
        reverse("audit_search"),
        reverse("audit_patient", args=[claire.pk]),
        reverse("audit_person", args=[alice.pk]),
    ):
        assert client.get(url).status_code == 403
    assert Event.objects.filter(action=Action.REFUSED, actor=user, kind="audit").count() == 3


def test_no_page_changes_anything(office: Client, history: None, claire: Patient) -> None:
    for name, arguments in (("audit_patient", [claire.pk]), ("audit_person", [1])):
        assert office.post(reverse(name, args=arguments)).status_code == 405
    assert office.delete(reverse("audit_search")).status_code == 405
