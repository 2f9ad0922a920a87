"""Patients: created once, found by whoever may see them, and closed to everybody else."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from clinic.accounts.models import Unit, User
from clinic.audit.models import Action, Event
from patients import access, services, timeline
from patients.folding import fold
from patients.models import Encounter, Patient
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def ward(client: Client, alice: User) -> Client:
    """Return Alice's browser."""
    client.force_login(alice)
    return client


def filled(*units: Unit, **changes: object) -> dict[str, object]:
    """Return the form of a new patient."""
    form: dict[str, object] = {
        "record_number": "A-77",
        "family_name": "Lighthouse",
        "given_name": "Zoë",
        "birth_date": "1990-01-31",
        "sex": "F",
        "units": [unit.pk for unit in units],
    }
    return form | changes


# --- who sees whom ----------------------------------------------------------------------------


def test_a_stranger_gets_404_and_is_recorded(client: Client, charlie: User, claire: Patient) -> None:
    client.force_login(charlie)
    for name in ("patient", "patient_edit", "encounter_new"):
        assert client.get(reverse(name, args=[claire.pk])).status_code == 404
    refusals = Event.objects.filter(action=Action.REFUSED, actor=charlie, patient=claire.pk)
    assert refusals.count() == 3
    assert not Event.objects.filter(action=Action.VIEW).exists()


def test_a_record_that_never_existed_answers_the_same(client: Client, charlie: User, claire: Patient) -> None:
    client.force_login(charlie)
    foreign = client.get(reverse("patient", args=[claire.pk]))
    nothing = client.get(reverse("patient", args=[uuid4()]))
    assert foreign.status_code == nothing.status_code == 404
    assert Event.objects.latest("pk").patient is None


def test_colleagues_share_and_managers_see_nobody(
    alice: User, bob: User, charlie: User, admin: User, steward: User, maternity: Unit, claire: Patient
) -> None:
    admin.units.add(maternity)
    seen = {user.username: access.for_user(user).count() for user in (alice, bob, charlie, admin, steward)}
    assert seen == {"alice": 1, "bob": 1, "charlie": 0, "admin": 0, "steward": 0}


def test_a_patient_of_two_units_is_seen_once_by_both(
    alice: User, charlie: User, maternity: Unit, radiology: Unit
) -> None:
    alice.units.add(radiology)
    shared = factories.patient(maternity, radiology)
    assert [*access.for_user(alice)] == [*access.for_user(charlie)] == [shared]


# --- search -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "folded"),
    [
        ("Lefèvre-Dupont", "lefevre dupont"),
        ("D’Œuvre", "doeuvre"),
        ("O'Brien", "obrien"),
        ("STRAßE", "strasse"),
        ("Łukasz Nguyễn", "lukasz nguyen"),
        ("  two   words ", "two words"),
        ("مريم", "مريم"),
    ],
)
def test_names_are_folded(name: str, folded: str) -> None:
    assert fold(name) == folded


@pytest.mark.parametrize(
    "terms",
    [
        {"name": "lefevre"},
        {"name": "chloé LEFÈV"},
        {"name": "dupont chlo"},
        {"record_number": "b12"},
        {"birth_date": "1988-12-24"},
        {"birth_date": "24/12/1988"},
        {"name": "lefevre", "record_number": "B12", "birth_date": "1988-12-24"},
    ],
)
def test_a_patient_is_found(ward: Client, maternity: Unit, claire: Patient, terms: dict[str, str]) -> None:
    chloe = factories.patient(
        maternity,
        family_name="Lefèvre-Dupont",
        given_name="Chloé",
        record_number="B1234",
        birth_date=date(1988, 12, 24),
    )
    answer = ward.post(reverse("patient_search"), terms)
    assert answer.context["found"] == [chloe]
    assert "LEFÈVRE-DUPONT, Chloé" in answer.content.decode()


@pytest.mark.parametrize(
    "terms", [{"name": "100%"}, {"name": "lante_x"}, {"record_number": "%"}, {"name": "nobody"}]
)
def test_nobody_is_found(ward: Client, claire: Patient, terms: dict[str, str]) -> None:
    answer = ward.post(reverse("patient_search"), terms)
    assert answer.context["found"] == []
    assert "Nobody in your units matches" in answer.content.decode()


def test_a_search_shows_only_ones_own_patients_and_is_recorded(
    ward: Client, alice: User, claire: Patient, radiology: Unit
) -> None:
    factories.patient(radiology)
    answer = ward.post(reverse("patient_search"), {"name": "lantern"})
    assert answer.context["found"] == [claire]
    event = Event.objects.get(action=Action.SEARCH, patient=None)
    assert event.payload.data == {"name": "lantern", "found": [str(claire.pk)]}


def test_results_cannot_be_reached_by_an_address(ward: Client, claire: Patient) -> None:
    answer = ward.get(reverse("patient_search"), {"name": "lantern"})
    assert answer.status_code == 200
    assert "found" not in answer.context
    assert "LANTERN" not in answer.content.decode()
    assert not Event.objects.filter(action=Action.SEARCH).exists()


def test_a_search_needs_its_token(alice: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice)
    assert strict.post(reverse("patient_search"), {"name": "lantern"}).status_code == 403


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        ({}, "Type a name, a record number or a birth date."),
        ({"name": "l"}, "at least two letters"),
        ({"name": "--"}, "at least two letters"),
        ({"birth_date": "yesterday"}, "This is not a date"),
    ],
)
def test_a_poor_search_gets_a_sentence(ward: Client, terms: dict[str, str], words: str) -> None:
    answer = ward.post(reverse("patient_search"), terms)
    assert answer.status_code == 422
    assert words in answer.content.decode()


def test_a_long_list_says_that_it_is_cut(ward: Client, maternity: Unit) -> None:
    factories.patients(51, maternity)
    answer = ward.post(reverse("patient_search"), {"name": "lantern"})
    assert len(answer.context["found"]) == 50
    assert "More than 50 match" in answer.content.decode()


# --- creating and changing --------------------------------------------------------------------


def test_a_patient_is_created_for_two_units(
    ward: Client, alice: User, maternity: Unit, radiology: Unit
) -> None:
    answer = ward.post(reverse("patient_new"), filled(maternity, radiology, record_number="a-77"))
    zoe = Patient.objects.get()
    assert answer.headers["Location"] == reverse("patient", args=[zoe.pk])
    assert (zoe.record_number, zoe.search_name) == ("A-77", "lighthouse zoe")
    event = Event.objects.get(action=Action.CREATE)
    assert (event.actor, event.patient, event.kind) == (alice, zoe.pk, "patient")
    assert event.payload.data["units"] == ["maternity", "radiology"]


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"record_number": "a 77"}, "record_number", "without spaces"),
        ({"record_number": "900000"}, "record_number", "is in use"),
        ({"record_number": "x" * 33}, "record_number", "32"),
        ({"family_name": "..."}, "family_name", "no letter"),
        ({"family_name": "Ev\u202eil"}, "family_name", "cannot be shown"),
        ({"given_name": "Nul\x00"}, "given_name", "ull"),
        ({"birth_date": "2999-01-01"}, "birth_date", "in the future"),
        ({"birth_date": "1850-01-01"}, "birth_date", "over 120 years"),
        ({"birth_date": "31 January"}, "birth_date", "not a date"),
        ({"sex": ""}, "sex", "required"),
        ({"sex": "Z"}, "sex", "Z"),
        ({"units": []}, "units", "required"),
    ],
)
def test_bad_input_gets_a_sentence_at_its_field(
    ward: Client, maternity: Unit, changes: dict[str, object], field: str, words: str
) -> None:
    factories.patient(maternity, record_number="900000")
    answer = ward.post(reverse("patient_new"), filled(maternity, **changes))
    assert answer.status_code == 422
    assert words in str(answer.context["form"].errors[field])
    assert Patient.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"family_name": "Ev\u202eil"}, "cannot be shown"),
        ({"record_number": "a 77"}, "without spaces"),
        ({"birth_date": "2999-01-01"}, "in the future"),
    ],
)
def test_programs_are_held_to_the_same_rules(
    ward: Client, maternity: Unit, changes: dict[str, str], words: str
) -> None:
    form = filled(units=["maternity"], **changes)
    answer = ward.post(reverse("api-patients"), form, content_type="application/json")
    assert answer.status_code == 400
    assert words in answer.content.decode()
    assert not Patient.objects.exists()


def test_a_record_is_never_made_for_other_units_only(ward: Client, maternity: Unit, radiology: Unit) -> None:
    answer = ward.post(reverse("patient_new"), filled(radiology))
    assert "at least one of your own units" in str(answer.context["form"].errors["units"])


def test_the_same_person_twice_has_to_be_confirmed(ward: Client, maternity: Unit, radiology: Unit) -> None:
    mine = factories.patient(
        maternity, family_name="LIGHTHOUSE", given_name="Zoe", birth_date=date(1990, 1, 31)
    )
    factories.patient(radiology, family_name="Lighthouse", given_name="Zoë", birth_date=date(1990, 1, 31))

    asked = ward.post(reverse("patient_new"), filled(maternity))
    assert asked.status_code == 422
    page = asked.content.decode()
    assert reverse("patient", args=[mine.pk]) in page
    assert "1 such record is in another unit" in page
    assert Patient.objects.count() == 2

    ward.post(reverse("patient_new"), filled(maternity, different="on"))
    assert Patient.objects.count() == 3


def test_a_change_keeps_what_was_there_before(ward: Client, claire: Patient, maternity: Unit) -> None:
    url = reverse("patient_edit", args=[claire.pk])
    form = filled(maternity, record_number=claire.record_number, given_name="Claire", birth_date="1994-03-02")
    ward.post(url, form)
    claire.refresh_from_db()
    assert claire.search_name == "lighthouse claire"
    assert Event.objects.get(action=Action.UPDATE).payload.data == {"family_name": ["Lantern", "Lighthouse"]}


def test_saving_nothing_new_asks_and_records_nothing(ward: Client, claire: Patient, maternity: Unit) -> None:
    factories.patient(maternity)  # the same name and birth date
    form = filled(
        maternity,
        record_number=claire.record_number,
        family_name="Lantern",
        given_name="Claire",
        birth_date="1994-03-02",
    )
    assert ward.post(reverse("patient_edit", args=[claire.pk]), form).status_code == 302
    assert not Event.objects.filter(action=Action.UPDATE).exists()


def test_a_unit_closes_the_record_only_for_itself(
    ward: Client, claire: Patient, maternity: Unit, radiology: Unit
) -> None:
    claire.units.add(radiology)
    form = filled(maternity, record_number=claire.record_number)
    answer = ward.post(reverse("patient_edit", args=[claire.pk]), form)
    assert "Only the staff of a unit" in str(answer.context["form"].errors["units"])


# --- encounters and the timeline --------------------------------------------------------------


def test_an_encounter_is_opened_in_a_shared_unit(ward: Client, claire: Patient, maternity: Unit) -> None:
    form = {"unit": maternity.pk, "location": "Room 4", "started_at": "2026-01-05T07:40", "ended_at": ""}
    ward.post(reverse("encounter_new", args=[claire.pk]), form)
    encounter = Encounter.objects.get()
    assert timezone.localtime(encounter.started_at).strftime("%Y-%m-%d %H:%M") == "2026-01-05 07:40"
    event = Event.objects.get(kind="encounter")
    assert (event.patient, event.object_id) == (claire.pk, str(encounter.pk))
    page = ward.get(reverse("patient", args=[claire.pk])).content.decode()
    assert "Maternity, Room 4" in page


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"started_at": "1993-01-01T00:00"}, "started_at", "before the patient was born"),
        ({"started_at": "2999-01-01T00:00"}, "started_at", "more than a day ahead"),
        ({"started_at": "soon"}, "started_at", "not a date with a time"),
        ({"ended_at": "2026-01-04T00:00"}, "ended_at", "before it began"),
    ],
)
def test_a_bad_encounter_gets_a_sentence(
    ward: Client, claire: Patient, maternity: Unit, changes: dict[str, str], field: str, words: str
) -> None:
    form = {"unit": maternity.pk, "started_at": "2026-01-05T07:40"} | changes
    answer = ward.post(reverse("encounter_new", args=[claire.pk]), form)
    assert answer.status_code == 422
    assert words in str(answer.context["form"].errors[field])


def test_an_encounter_of_a_foreign_unit_is_refused(ward: Client, claire: Patient, radiology: Unit) -> None:
    claire.units.add(radiology)
    form = {"unit": radiology.pk, "started_at": "2026-01-05T07:40"}
    answer = ward.post(reverse("encounter_new", args=[claire.pk]), form)
    assert set(answer.context["form"].errors) == {"unit"}


def test_an_encounter_is_ended_once_by_its_own_unit(
    ward: Client, alice: User, claire: Patient, radiology: Unit
) -> None:
    claire.units.add(radiology)
    ours, theirs = factories.encounter(claire), factories.encounter(claire, unit=radiology)
    page = ward.get(reverse("patient", args=[claire.pk])).content.decode()
    end = reverse("encounter_end", args=[claire.pk, ours.pk])
    assert page.count("End this encounter") == 1
    assert end in page

    assert "End this encounter?" in ward.get(end).content.decode()
    ours.refresh_from_db()
    assert ours.ended_at is None
    assert "opened again within 24 hours" in ward.post(end, follow=True).content.decode()
    ours.refresh_from_db()
    ended = ours.ended_at
    assert ended is not None
    assert Event.objects.get(action=Action.UPDATE).object_id == str(ours.pk)

    assert "had ended already" in ward.post(end, follow=True).content.decode()
    ours.refresh_from_db()
    assert ours.ended_at == ended
    assert ward.post(reverse("encounter_end", args=[claire.pk, theirs.pk])).status_code == 404


def test_the_timeline_is_one_list_latest_first(alice: User, claire: Patient) -> None:
    now = timezone.now()
    factories.encounter(claire, started_at=now - timedelta(days=9), ended_at=now - timedelta(days=7))
    factories.encounter(claire, started_at=now - timedelta(days=1))
    entries = timeline.of(alice, claire)
    assert [entry.title for entry in entries] == ["Arrived", "Left", "Arrived"]
    assert entries == sorted(entries, key=lambda entry: entry.at, reverse=True)


def test_opening_a_record_is_recorded(ward: Client, alice: User, claire: Patient) -> None:
    assert ward.get(reverse("patient", args=[claire.pk])).status_code == 200
    event = Event.objects.get(action=Action.VIEW)
    assert (event.actor, event.patient, event.kind) == (alice, claire.pk, "patient")


def test_a_service_refuses_what_is_no_field(alice: User, claire: Patient, maternity: Unit) -> None:
    with pytest.raises(TypeError, match="invented"):
        services.update_patient(user=alice, patient=claire, units=[maternity], invented=True)


def test_an_end_by_mistake_is_taken_back_for_a_day_and_on_record(ward: Client, claire: Patient) -> None:
    stay = factories.encounter(claire)
    reopen = reverse("encounter_reopen", args=[claire.pk, stay.pk])
    ward.post(reverse("encounter_end", args=[claire.pk, stay.pk]))
    assert reopen in ward.get(reverse("patient", args=[claire.pk])).content.decode()
    assert "The encounter goes on." in ward.post(reopen, follow=True).content.decode()
    stay.refresh_from_db()
    assert stay.ended_at is None
    detail = Event.objects.filter(kind="encounter", action=Action.UPDATE).latest("pk").payload.data
    assert detail["ended_at"] is None
    assert detail["instead_of"]


@pytest.mark.parametrize("reason", ["too late", "another goes on", "never ended"])
def test_an_old_encounter_is_not_opened_beside_a_new_one(ward: Client, claire: Patient, reason: str) -> None:
    hours = {"too late": 25, "another goes on": 1}.get(reason)
    ended = timezone.now() - timedelta(hours=hours) if hours else None
    stay = factories.encounter(claire, started_at=timezone.now() - timedelta(days=3), ended_at=ended)
    if reason == "another goes on":
        factories.encounter(claire)
    reopen = reverse("encounter_reopen", args=[claire.pk, stay.pk])
    assert reopen not in ward.get(reverse("patient", args=[claire.pk])).content.decode()
    assert "can no longer be opened again" in ward.post(reopen, follow=True).content.decode()
    stay.refresh_from_db()
    assert stay.ended_at == ended
