"""What comes of an emergency beside its page: a stay, a program's calls, what a worker does."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from clinic.accounts.models import Notice, Unit, User
from clinic.accounts.roles import Scope
from clinic.audit.models import Action, Event
from ml.algorithms.haemorrhage.examples import EXAMPLES, as_of
from patients import access, emergency, services
from patients.models import EmergencyAccess, Encounter, Patient
from predictions import intake
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


def stay_in_an_emergency(charlie: User, claire: Patient) -> Encounter:
    """Return a stay in the stranger's unit, opened while the record is open to them."""
    emergency.open(charlie, claire, WHY["reason"])
    return services.create_encounter(
        user=charlie, patient=claire, unit=charlie.units.get(), started_at=timezone.now(), location="x"
    )


def place(user: User, claire: Patient) -> str:
    """Return where the banner says that Claire is."""
    client = Client()
    client.force_login(user)
    page = client.get(reverse("patient", args=[claire.pk])).content.decode()
    banner = page[page.index('class="banner"') :]
    return banner[: banner.index("</section>")]


def test_a_stay_opened_in_an_emergency_moves_the_patient_for_nobody_else(
    alice: User, charlie: User, claire: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.encounter(claire)
    stay = stay_in_an_emergency(charlie, claire)
    unit = str(stay.unit)
    assert f"{unit}, x" in place(charlie, claire)
    assert "opened in an emergency" in place(charlie, claire)
    for _ in range(2):
        assert "Room 4" in place(alice, claire)
        assert unit not in place(alice, claire)
        pass_time(monkeypatch, emergency.LASTS)
    other = factories.staff("olga", "physician", factories.unit("wards"))
    claire.units.add(factories.unit("wards"))
    assert "Room 4" in place(other, claire)


def test_the_patients_own_team_sees_that_stay_marked_and_ends_it(
    alice: User, charlie: User, claire: Patient
) -> None:
    stay = stay_in_an_emergency(charlie, claire)
    client = Client()
    client.force_login(alice)
    assert "opened in an emergency" in client.get(reverse("patient", args=[claire.pk])).content.decode()
    own, stranger = factories.encounter(claire), Client()
    assert own.emergency is None
    stranger.force_login(charlie)
    assert stranger.post(reverse("encounter_end", args=[claire.pk, stay.pk])).status_code == 403
    assert client.post(reverse("encounter_end", args=[claire.pk, stay.pk])).status_code == 302
    stay.refresh_from_db()
    assert stay.ended_at is not None


def test_a_program_opens_a_record_by_the_rules_of_the_page_and_ends_it(
    charlie: User, bob: User, maternity: Unit, claire: Patient
) -> None:
    maternity.leads.add(bob)
    caller, address = program(charlie, Scope.EMERGENCY), reverse("api-emergency")
    named = {"record_number": claire.record_number}
    for wrong in (
        {},
        {"family_name": "Lantern"},
        named | {"reason": "aaaaaaaaaaaa"},
        {"record_number": "0000"},
    ):
        assert Client().post(address, WHY | wrong, **caller).status_code == 422
    given = Client().post(address, WHY | named, **caller)
    opened = EmergencyAccess.objects.get()
    assert given.status_code == 201
    assert given.json()["patient"]["record_number"] == claire.record_number
    assert Notice.objects.get(recipient=bob).about == f"patient:{claire.pk}"
    event = Event.objects.get(action=Action.BREAK_GLASS)
    assert (event.emergency, bool(event.token)) == (opened.pk, True)
    again = Client().post(address, WHY | named, **caller)
    assert (again.status_code, again.json()["id"]) == (200, str(opened.pk))

    end = reverse("api-emergency-end", args=[opened.pk])
    assert Client().delete(end, **program(bob, Scope.READ)).status_code == 404
    reader = program(charlie, Scope.READ)
    assert [Client().delete(end, **reader).status_code for _ in range(2)] == [204, 409]
    assert not access.for_user(charlie).exists()


def test_a_program_without_the_scope_or_a_session_not_confirmed_opens_nothing(
    visitor: Client, charlie: User, claire: Patient, settings: Any
) -> None:
    named, address = WHY | {"record_number": claire.record_number}, reverse("api-emergency")
    others = [scope for scope in Scope if scope is not Scope.EMERGENCY]
    assert Client().post(address, named, **program(charlie, *others)).status_code == 403
    settings.CONFIRM_SECONDS = 0
    refused = visitor.post(address, named, content_type="application/json")
    assert refused.json()["problems"][0]["code"] == "confirmation_needed"
    assert not EmergencyAccess.objects.exists()
    confirmed = named | {"confirm_password": factories.PASSWORD}
    assert visitor.post(address, confirmed, content_type="application/json").status_code == 201


def test_a_token_without_the_scope_sees_nothing_of_a_record_opened_in_an_emergency(
    charlie: User, claire: Patient, henri: Patient, terry: User, ready: Study
) -> None:
    """The person opened it, once and confirmed; a token made to read their own unit opens none of it."""
    drawn = studies.radiograph(charlie, henri)
    document = studies.written(ready, b"%PDF-1.7 a draft")
    for patient in (claire, henri):
        emergency.open(terry, patient, WHY["reason"])
    addresses = {
        "patient": reverse("api-patient", args=[claire.pk]),
        "study": reverse("api-study", args=[ready.pk]),
        "result": reverse("api-result", args=[ready.pk]),
        "artefact": reverse("api-artefact", args=[drawn.pk, "preview_0.png"]),
        "documents": reverse("api-documents", args=[ready.pk]),
        "document": reverse("api-document", args=[ready.pk, document.pk]),
        "content": reverse("api-document-content", args=[ready.pk, document.pk]),
    }
    lists = ((reverse("api-patients"), {}), (reverse("api-studies"), {"patient": str(claire.pk)}))

    def codes(caller: dict[str, Any]) -> set[int]:
        return {
            Client().get(address, headers=caller["headers"]).status_code for address in addresses.values()
        }

    def listed(caller: dict[str, Any]) -> list[str]:
        found = [Client().get(address, sent, headers=caller["headers"]) for address, sent in lists]
        named = {"record_number": claire.record_number}
        found.append(Client().post(reverse("api-patient-search"), named, **caller))
        return [answer.content.decode() for answer in found]

    without = program(terry, *[scope for scope in Scope if scope is not Scope.EMERGENCY])
    assert codes(without) == {404}
    assert not any(str(claire.pk) in one for one in listed(without))
    refused = Event.objects.filter(action=Action.REFUSED, actor=terry)
    assert len(refused) >= len(addresses)
    assert all(event.emergency for event in refused), "what a token without it tried is marked as well"

    holding = program(terry)
    assert codes(holding) == {200}
    assert all(str(claire.pk) in one for one in listed(holding))


def test_a_program_that_guesses_is_stopped_by_the_same_count(
    visitor: Client, charlie: User, claire: Patient
) -> None:
    for number in range(10):
        ask(visitor, record_number=f"000{number}")
    named = WHY | {"record_number": claire.record_number}
    answer = Client().post(reverse("api-emergency"), named, **program(charlie, Scope.EMERGENCY))
    assert answer.json()["problems"][0]["code"] == "too_many_attempts"


def test_what_a_worker_does_for_a_study_of_an_emergency_is_marked_too(
    bob: User, alice: User, claire: Patient, nina: Patient, maternity: Unit
) -> None:
    """Also when the access is over by then; of any other study it is not."""
    opened = emergency.open(bob, nina, WHY["reason"])
    stay = services.create_encounter(user=bob, patient=nina, unit=maternity, started_at=timezone.now())
    values, now = EXAMPLES[0], timezone.now()
    sent = [
        intake.submit(
            user=person,
            patient=patient,
            algorithm="haemorrhage",
            values=as_of(values, now),
            idempotency_key=patient.record_number,
            encounter=encounter,
        )
        for person, patient, encounter in ((bob, nina, stay), (alice, claire, factories.encounter(claire)))
    ]
    emergency.end(opened)
    for study, mark in zip(sent, (opened.pk, None), strict=True):
        studies.analysed(study)
        events = Event.objects.filter(study=study.pk, actor=None)
        assert {event.action for event in events} >= {Action.PREDICT, Action.EXPLAIN}
        assert {event.emergency for event in events} == {mark}
