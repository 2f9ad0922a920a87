"""Opening a record in an emergency: who may, what it opens, who is told, and its end after four hours."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from clinic.accounts.models import Notice, Unit, User
from clinic.accounts.roles import Scope
from clinic.audit.guards import GUARDS
from clinic.audit.models import Action, Event
from clinic.audit.seal import seal_all
from clinic.audit.verify import verify
from ml.algorithms.haemorrhage.examples import EXAMPLES, as_of
from patients import access, emergency
from patients.models import EmergencyAccess, Patient
from predictions import access as studies_access
from predictions import first_read, intake
from predictions.models import Study
from tests import factories, studies
from tests.emergencies import WHY, ask, pass_time, program

pytestmark = pytest.mark.django_db


@pytest.fixture
def ready(alice: User, claire: Patient) -> Study:
    """Return an analysed study of Claire, who is of the maternity unit."""
    return studies.analysed(studies.waiting(alice, claire, values=as_of(EXAMPLES[0], timezone.now())))


@pytest.fixture
def visitor(charlie: User) -> Client:
    """Return the visitor of the stranger."""
    client = Client()
    client.force_login(charlie)
    return client


def test_the_record_number_opens_the_record_and_the_page_says_until_when(
    visitor: Client, charlie: User, claire: Patient
) -> None:
    page = reverse("patient", args=[claire.pk])
    assert visitor.get(page).status_code == 404
    assert ask(visitor, record_number=claire.record_number.lower()).url == page
    shown = visitor.get(page).content.decode()
    opened = EmergencyAccess.objects.get()
    assert (opened.user, opened.patient, opened.category) == (charlie, claire, "life")
    assert opened.expires_at - opened.opened_at == timedelta(hours=4)
    assert f"{timezone.localtime(opened.expires_at):%H:%M}" in shown
    assert "Emergency access" in shown
    assert reverse("emergency_end", args=[opened.pk]) in shown


def test_what_is_missing_is_announced_above_the_form_and_names_the_reasons(
    visitor: Client, claire: Patient
) -> None:
    answer = visitor.post(
        reverse("emergency_new"), {"record_number": claire.record_number, "reason": WHY["reason"]}
    )
    page = answer.content.decode()
    alert = page[page.index('role="alert" tabindex="-1"') :].split("</ul>")[0]
    assert answer.status_code == 422
    assert "Choose why the record is opened: one of the reasons." in alert
    assert 'href="#id_category"' in alert
    assert 'id="id_category"' in page
    assert "This field is required." not in page


def test_the_exact_name_with_the_birth_date_opens_it_too(visitor: Client, claire: Patient) -> None:
    named = {"family_name": "LANTÉRN", "given_name": "claire", "birth_date": "1994-03-02"}
    assert ask(visitor, **named).status_code == 302
    assert EmergencyAccess.objects.get().patient == claire


@pytest.mark.parametrize(
    "whose",
    [
        {"record_number": "90"},
        {"family_name": "Lant", "given_name": "Claire", "birth_date": "1994-03-02"},
        {"family_name": "Lantern", "given_name": "Claire", "birth_date": "1994-03-03"},
        {"family_name": "Lantern", "given_name": "Claire"},
        {"birth_date": "1994-03-02"},
        {},
    ],
    ids=["beginning", "part of a name", "another day", "no birth date", "birth date alone", "nothing"],
)
def test_nothing_less_than_a_whole_identity_opens_or_lists_anybody(
    visitor: Client, claire: Patient, whose: dict[str, str]
) -> None:
    answer = ask(visitor, **whose)
    assert answer.status_code == 422
    assert claire.record_number not in answer.content.decode()
    assert not EmergencyAccess.objects.exists()


def test_two_of_one_name_and_day_open_nobody(visitor: Client, claire: Patient) -> None:
    twin = factories.patient(claire.units.first())
    named = {"family_name": "Lantern", "given_name": "Claire", "birth_date": "1994-03-02"}
    assert ask(visitor, **named).status_code == 422
    assert ask(visitor, record_number=twin.record_number).status_code == 302


@pytest.mark.parametrize("why", [{"reason": ""}, {"reason": "urgent"}, {"category": ""}, {"category": "x"}])
def test_without_a_reason_nothing_opens(visitor: Client, claire: Patient, why: dict[str, str]) -> None:
    assert ask(visitor, record_number=claire.record_number, **why).status_code == 422
    assert not EmergencyAccess.objects.exists()


def test_who_sees_the_patient_anyway_opens_nothing_and_tells_nobody(alice: User, claire: Patient) -> None:
    colleague = Client()
    colleague.force_login(alice)
    assert ask(colleague, record_number=claire.record_number).status_code == 302
    assert not EmergencyAccess.objects.exists()
    assert not Notice.objects.exists()


@pytest.mark.parametrize("manager", ["admin", "steward"])
def test_managers_have_no_emergencies(manager: str, request: pytest.FixtureRequest, claire: Patient) -> None:
    client, person = Client(), request.getfixturevalue(manager)
    client.force_login(person)
    assert client.get(reverse("emergency_new")).status_code == 403
    with pytest.raises(ValueError, match="clinical"):
        emergency.open(person, claire, "curious about this one")


def test_the_leads_are_told_once_and_led_to_the_record(
    visitor: Client, maternity: Unit, bob: User, admin: User, claire: Patient
) -> None:
    maternity.leads.add(bob)
    for _ in range(2):
        ask(visitor, record_number=claire.record_number)
    told = Notice.objects.get()
    assert (told.recipient, told.link) == (bob, reverse("patient", args=[claire.pk]))
    assert "Charlie" in told.text["fr"]
    assert "Urgence vitale" in told.text["fr"]
    assert claire.family_name not in str(told.text)
    lead = Client()
    lead.force_login(bob)
    page = lead.get(reverse("notices")).content.decode()
    assert "LANTERN, Claire" in page
    assert "1 notice" in page
    assert WHY["reason"] in lead.get(told.link).content.decode()


def test_without_a_lead_every_administrator_is_told_and_led_to_the_audit(
    visitor: Client, admin: User, bob: User, maternity: Unit, claire: Patient
) -> None:
    maternity.leads.add(bob)
    User.objects.filter(pk=bob.pk).update(is_active=False)
    ask(visitor, record_number=claire.record_number)
    told = Notice.objects.get()
    assert (told.recipient, told.link) == (admin, reverse("audit_patient", args=[claire.pk]))


def test_everything_done_under_it_is_marked_and_nothing_else(
    visitor: Client, alice: User, charlie: User, claire: Patient, ready: Study
) -> None:
    ask(visitor, record_number=claire.record_number)
    opened = EmergencyAccess.objects.get()
    visitor.get(reverse("patient", args=[claire.pk]))
    visitor.get(reverse("study", args=[ready.pk]))
    visitor.post(reverse("study_document_order", args=[ready.pk]), {"kind": "csv", "language": "fr"})
    visitor.post(reverse("emergency_end", args=[opened.pk]))
    visitor.get(reverse("patient", args=[claire.pk]))
    access.get_or_404(alice, claire.pk)
    after = Event.objects.filter(actor=charlie, patient=claire.pk).order_by("pk")
    *under, refused = after
    assert {event.action for event in under} >= {Action.BREAK_GLASS, Action.VIEW, Action.END_ACCESS}
    assert {event.emergency for event in under} == {opened.pk}
    assert (refused.action, refused.emergency) == (Action.REFUSED, None)
    assert not Event.objects.exclude(actor=charlie).filter(emergency__isnull=False).exists()


def test_a_program_lists_the_studies_of_that_patient_alone_and_marked(
    charlie: User, claire: Patient, ready: Study
) -> None:
    opened = emergency.open(charlie, claire, WHY["reason"])
    bearer = program(charlie, Scope.READ, Scope.EMERGENCY)["headers"]
    everything = Client().get(reverse("api-studies"), headers=bearer).json()
    hers = Client().get(reverse("api-studies"), {"patient": str(claire.pk)}, headers=bearer).json()
    assert (everything["count"], hers["count"]) == (0, 1)
    marks = Event.objects.filter(action=Action.SEARCH, actor=charlie).order_by("pk")
    assert [event.emergency for event in marks] == [None, opened.pk]


def test_the_mark_is_sealed(visitor: Client, claire: Patient) -> None:
    ask(visitor, record_number=claire.record_number)
    seal_all()
    assert verify().ok
    changed = Event.objects.filter(action=Action.BREAK_GLASS)
    GUARDS.remove(connection)
    changed.update(emergency=None)
    GUARDS.install(connection)
    assert not verify().ok


def test_it_ends_by_itself_after_four_hours_everywhere(
    visitor: Client, charlie: User, claire: Patient, ready: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(visitor, record_number=claire.record_number)
    pages = [
        reverse("patient", args=[claire.pk]),
        reverse("study", args=[ready.pk]),
        reverse("study_state", args=[ready.pk]),
        reverse("study_documents", args=[ready.pk]),
    ]
    answer = reverse("api-result", args=[ready.pk])
    pass_time(monkeypatch, emergency.LASTS - timedelta(minutes=1))
    assert {visitor.get(page).status_code for page in pages} == {200}
    assert visitor.get(answer).status_code == 200
    pass_time(monkeypatch, timedelta(minutes=2))
    assert {visitor.get(page).status_code for page in pages} == {404}
    assert visitor.get(answer).status_code == 404
    assert visitor.post(reverse("study_review", args=[ready.pk])).status_code == 404
    assert not access.for_user(charlie).exists()
    assert emergency.current(charlie, claire) is None


def test_it_is_ended_before_by_whoever_opened_it_and_by_nobody_else(
    visitor: Client, bob: User, charlie: User, claire: Patient
) -> None:
    ask(visitor, record_number=claire.record_number)
    end = reverse("emergency_end", args=[EmergencyAccess.objects.get().pk])
    other = Client()
    other.force_login(bob)
    assert other.post(end).status_code == 404
    assert access.for_user(charlie).exists()
    assert visitor.post(end).status_code == 302
    assert not access.for_user(charlie).exists()
    assert Event.objects.filter(action=Action.END_ACCESS, actor=charlie).count() == 1
    visitor.post(end)
    assert Event.objects.filter(action=Action.END_ACCESS).count() == 1


def test_a_change_of_role_ends_it_at_once(charlie: User, claire: Patient) -> None:
    emergency.open(charlie, claire, WHY["reason"])
    charlie.role = "steward"
    assert not access.for_user(charlie).exists()


@pytest.fixture
def visiting(claire: Patient) -> User:
    """Return a physician of another maternity, who opened Claire's record in an emergency."""
    elsewhere = factories.staff("eve", "physician", factories.unit("radiology"), password=factories.PASSWORD)
    emergency.open(elsewhere, claire, WHY["reason"])
    return elsewhere


def test_it_changes_nothing_that_outlasts_it(visiting: User, claire: Patient, ready: Study) -> None:
    client = Client()
    client.force_login(visiting)
    assert client.get(reverse("patient_edit", args=[claire.pk])).status_code == 403
    assert (
        reverse("patient_edit", args=[claire.pk])
        not in client.get(reverse("patient", args=[claire.pk])).content.decode()
    )
    for name in ("study_sign", "study_amend", "study_retry", "study_review"):
        assert client.post(reverse(name, args=[ready.pk]), {"verdict": "agree"}).status_code == 403


def test_a_study_in_ones_own_unit_is_submitted_marked_and_not_signed(
    bob: User, nina: Patient, maternity: Unit
) -> None:
    opened = emergency.open(bob, nina, WHY["reason"])
    client = Client()
    client.force_login(bob)
    stay = {"unit": maternity.pk, "location": "Room 4", "started_at": "2026-03-02 07:40"}
    assert client.post(reverse("encounter_new", args=[nina.pk]), stay).status_code == 302
    study = intake.submit(
        user=bob,
        patient=nina,
        algorithm="haemorrhage",
        values=as_of(EXAMPLES[0], timezone.now()),
        idempotency_key="emergency",
        encounter=nina.encounters.get(),
    )
    assert study.encounter.emergency == opened
    assert Event.objects.get(action=Action.SUBMIT, study=study.pk).emergency == opened.pk
    assert not studies_access.may_sign(bob, study)
    nina.units.add(maternity)
    assert studies_access.may_sign(bob, study)


def test_what_is_read_blind_stays_blind(bob: User, charlie: User, henri: Patient) -> None:
    film = studies.radiograph(charlie, henri, probability=0.8642)
    emergency.open(bob, henri, WHY["reason"])
    client = Client()
    client.force_login(bob)
    assert client.get(reverse("study", args=[film.pk])).status_code == 200
    assert first_read.needed(bob, film)
    assert client.get(reverse("study_documents", args=[film.pk])).status_code != 200


def test_who_tries_too_often_is_stopped_and_told_on(visitor: Client, admin: User, claire: Patient) -> None:
    for number in range(10):
        assert "Nobody matches exactly" in ask(visitor, record_number=f"000{number}").content.decode()
    for _ in range(2):
        stopped = ask(visitor, record_number=claire.record_number)
        assert stopped.status_code == 422
        assert "Too many attempts" in stopped.content.decode()
    assert Notice.objects.get().recipient == admin
    assert Event.objects.filter(action=Action.LOCK, kind="emergency").count() == 1
    assert Event.objects.filter(action=Action.SEARCH, kind="emergency").count() == 10


def test_an_old_session_confirms_who_sits_there_first(
    visitor: Client, claire: Patient, settings: Any
) -> None:
    settings.CONFIRM_SECONDS = 0
    assert ask(visitor, record_number=claire.record_number).status_code == 422
    assert not EmergencyAccess.objects.exists()
    confirmed = ask(visitor, record_number=claire.record_number, confirm_password=factories.PASSWORD)
    assert confirmed.status_code == 302
    assert EmergencyAccess.objects.exists()


def test_only_searches_that_find_nobody_are_counted(
    visitor: Client, charlie: User, admin: User, maternity: Unit
) -> None:
    """Ten injured in one hour: every record opens, also after typing errors; administrators are told."""
    for number in range(9):
        ask(visitor, record_number=f"000{number}")
    for injured in factories.patients(12, maternity):
        assert ask(visitor, record_number=injured.record_number).status_code == 302
    assert EmergencyAccess.objects.filter(user=charlie).count() == 12
    (told,) = Notice.objects.filter(recipient=admin, about="")
    assert "opened 10 records" in told.text["en"]
    ask(visitor, record_number="0009")
    assert ask(visitor, record_number="0010").content.decode().count("Too many attempts") == 1


@pytest.mark.parametrize(
    "reason", ["aaaaaaaaaaaa", "aaaa aaaa aaaa", "............", "urgenturgent", "1234567890 11"]
)
def test_a_reason_that_says_nothing_opens_nothing(visitor: Client, claire: Patient, reason: str) -> None:
    answer = ask(visitor, record_number=claire.record_number, reason=reason)
    assert answer.status_code == 422
    assert "Say it in a few words" in answer.content.decode()
    assert not EmergencyAccess.objects.exists()
    for said in ("hémorragie massive", "called by Dr Bo", "appel du bloc", "code rouge"):
        assert emergency.says_something(said)
