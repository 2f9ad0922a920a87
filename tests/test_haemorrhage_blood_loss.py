"""Measured blood loss: recorded after the birth, corrected in the open, and the end of its assessments."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from clinic.accounts.models import User
from clinic.audit.models import Action, Event
from ml.algorithms.haemorrhage import blood_loss
from ml.algorithms.haemorrhage.examples import ADMISSIONS, as_of
from ml.contracts import Refused, Severity
from patients.models import Encounter, Patient
from predictions import answers, intake, outcomes
from predictions.models import BloodLoss, Study
from predictions.outputs import fhir
from predictions.outputs.facts import gather
from tests import factories, studies
from tests.test_api import Program


@pytest.fixture
def stay(claire: Patient) -> Encounter:
    return factories.encounter(claire)


@pytest.fixture
def study(alice: User, claire: Patient, stay: Encounter) -> Study:
    values = answers.stored(as_of(ADMISSIONS["typical"][1], timezone.now()))
    return studies.analysed(studies.waiting(alice, claire, values=values, encounter=stay))


def measured(**changes: Any) -> dict[str, Any]:
    return {"millilitres": "620", "method": "weighed", "measured_at": timezone.now()} | changes


def keep(by: User, stay: Encounter, **more: Any) -> BloodLoss:
    fields = {name: more.pop(name) for name in ("reason", "confirmed", "after") if name in more}
    return outcomes.keep(user=by, encounter=stay, values=measured(**more), **fields)


def codes(refused: pytest.ExceptionInfo[Refused]) -> set[str]:
    return {problem.code for problem in refused.value.problems}


@pytest.mark.parametrize(
    ("changes", "code", "severity"),
    [
        ({"millilitres": "-1"}, "out_of_range", Severity.REFUSE),
        ({"millilitres": "15001"}, "out_of_range", Severity.REFUSE),
        ({"millilitres": "5001"}, "unusual_value", Severity.WARN),
        ({"millilitres": "0,62"}, "blood_loss_in_litres", Severity.REFUSE),
        ({"millilitres": 0.62}, "blood_loss_in_litres", Severity.REFUSE),
        ({"millilitres": "1.2 L"}, "blood_loss_in_litres", Severity.REFUSE),
        ({"millilitres": "2 litres"}, "blood_loss_in_litres", Severity.REFUSE),
        ({"millilitres": "2"}, "blood_loss_in_litres", Severity.WARN),
        ({"millilitres": 19}, "blood_loss_in_litres", Severity.WARN),
        ({"millilitres": "much"}, "not_a_number", Severity.REFUSE),
        ({"millilitres": ""}, "required", Severity.REFUSE),
        ({"method": ""}, "required", Severity.REFUSE),
        ({"method": "guessed"}, "not_a_choice", Severity.REFUSE),
        ({"measured_at": "2126-01-01 10:00"}, "in_the_future", Severity.REFUSE),
        ({"measured_at": "2020-01-01 10:00"}, "before_admission", Severity.REFUSE),
    ],
)
def test_every_limit_says_what_is_wrong(changes: dict[str, Any], code: str, severity: Severity) -> None:
    admitted = timezone.now() - timedelta(hours=3)
    _typed, problems = blood_loss.check(measured(**changes), admitted=admitted)
    assert [(p.code, p.severity) for p in problems] == [(code, severity)]
    assert problems[0].message.en != problems[0].message.fr


@pytest.mark.parametrize("typed", ["0", "20", "999", "1000", "1 250", "5000", 620, "620 mL"])
def test_usual_values_pass(typed: object) -> None:
    assert not blood_loss.check(measured(millilitres=typed), admitted=None)[1]


def test_an_unreadable_value_is_answered_with_a_usual_one() -> None:
    [problem] = blood_loss.check(measured(millilitres="a lot"), admitted=None)[1]
    assert "for example 620 mL" in problem.message.en


def test_litres_are_asked_about_and_a_truly_small_loss_is_kept(
    client: Client, alice: User, stay: Encounter
) -> None:
    client.force_login(alice)
    address = reverse("blood_loss", args=[stay.patient_id, stay.pk])
    now = timezone.localtime().strftime("%Y-%m-%d %H:%M")
    sent = {"millilitres": "2", "method": "weighed", "measured_at": now, "after": "0"}
    asked = client.post(address, sent)
    assert asked.status_code == 422
    assert "2 L is 2000 mL" in asked.content.decode()
    assert not BloodLoss.objects.exists()
    program, where = Program(alice), ("api-blood-loss", stay.patient_id, stay.pk)
    small = {"millilitres": 15, "method": "weighed", "measured_at": timezone.now().isoformat()}
    refused = program.post(*where, data=small)
    assert refused.status_code == 422
    assert refused.json()["problems"][0]["code"] == "blood_loss_in_litres"
    assert program.post(*where, data=small | {"confirmed": True}).status_code == 201
    assert BloodLoss.objects.get().millilitres == 15


@pytest.mark.django_db
def test_a_thousand_is_severe_and_less_is_not(alice: User, stay: Encounter) -> None:
    assert not keep(alice, stay, millilitres="999").severe
    assert keep(alice, stay, millilitres="1000", reason="second bag").severe


def test_it_is_recorded_by_whom_and_when_and_shown_on_the_assessment(
    client: Client, alice: User, bob: User, study: Study, stay: Encounter
) -> None:
    client.force_login(bob)
    page = client.get(reverse("study", args=[study.pk])).content.decode()
    assert "What became of it" not in page
    row = keep(alice, stay)
    assert (row.number, row.millilitres, row.method, row.recorded_by) == (1, 620, "weighed", alice)
    page = client.get(reverse("study", args=[study.pk])).content.decode()
    assert "<strong>620 mL</strong>, no severe haemorrhage" in page
    record = client.get(reverse("patient", args=[study.patient_id])).content.decode()
    assert "620 mL, no severe haemorrhage" in record
    event = Event.objects.get(kind="blood_loss", action=Action.CREATE)
    assert (event.actor, event.patient, event.object_id) == (alice, study.patient_id, str(stay.pk))
    assert event.payload.data["millilitres"] == 620


def test_a_correction_is_a_new_row_with_a_reason(
    client: Client, alice: User, bob: User, stay: Encounter
) -> None:
    keep(alice, stay, millilitres="1600")
    with pytest.raises(Refused) as refused:
        keep(bob, stay)
    assert codes(refused) == {"reason_missing"}
    keep(bob, stay, reason="read from the wrong bag")
    assert [row.millilitres for row in outcomes.of(stay)] == [620, 1600]
    event = Event.objects.get(kind="blood_loss", action=Action.UPDATE)
    assert event.payload.data["instead_of"] == 1600
    client.force_login(alice)
    page = client.get(reverse("blood_loss", args=[stay.patient_id, stay.pk])).content.decode()
    assert "<s>1,600 mL" in page
    assert "read from the wrong bag" in page


def test_no_row_is_ever_changed_or_deleted(alice: User, stay: Encounter) -> None:
    row = keep(alice, stay)
    for change in (
        lambda: BloodLoss.objects.filter(pk=row.pk).update(millilitres=1),
        lambda: BloodLoss.objects.filter(pk=row.pk).delete(),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()
    assert BloodLoss.objects.get().millilitres == 620


def test_two_people_at_once_do_not_overwrite_each_other(alice: User, bob: User, stay: Encounter) -> None:
    keep(alice, stay, after=0)
    with pytest.raises(Refused) as refused:
        keep(bob, stay, after=0, millilitres="700", reason="mine")
    assert codes(refused) == {"recorded_meanwhile"}


def test_a_very_large_loss_is_asked_about_once(client: Client, alice: User, stay: Encounter) -> None:
    client.force_login(alice)
    address = reverse("blood_loss", args=[stay.patient_id, stay.pk])
    now = timezone.localtime().strftime("%Y-%m-%d %H:%M")
    sent = {"millilitres": "5200", "method": "collector", "measured_at": now, "after": "0"}
    asked = client.post(address, sent)
    assert asked.status_code == 422
    assert "5200 mL is unusual" in asked.content.decode()
    assert not BloodLoss.objects.exists()
    assert client.post(address, sent | {"confirmed": asked.context["confirmation"]}).status_code == 302
    assert BloodLoss.objects.get().millilitres == 5200


def test_the_page_leads_back_to_the_assessment(
    client: Client, alice: User, study: Study, stay: Encounter
) -> None:
    client.force_login(alice)
    now = timezone.localtime().strftime("%d/%m/%Y %H:%M")
    sent = {"millilitres": "620", "method": "weighed", "measured_at": now, "after": "0"}
    response = client.post(reverse("blood_loss", args=[stay.patient_id, stay.pk]), sent)
    assert response["Location"] == reverse("study", args=[study.pk])


def test_only_midwives_and_physicians_of_the_unit_record_it(
    charlie: User, sandra: User, stay: Encounter, radiology: Any
) -> None:
    for stranger in (charlie, sandra):
        with pytest.raises(PermissionDenied):
            keep(stranger, stay)
    assert Event.objects.filter(action=Action.REFUSED, kind="blood_loss").count() == 2


def test_a_late_entry_counts_from_the_admission_that_the_form_names(
    alice: User, claire: Patient, stay: Encounter
) -> None:
    """The stay was opened at the keyboard; she came three hours before."""
    Encounter.objects.filter(pk=stay.pk).update(started_at=timezone.now())
    stay.refresh_from_db()
    came = timezone.now() - timedelta(hours=3)
    values = answers.stored(as_of(ADMISSIONS["typical"][1], came) | {"admission_at": came})
    studies.analysed(studies.waiting(alice, claire, values=values, encounter=stay))
    with pytest.raises(Refused) as refused:
        keep(alice, stay, measured_at=came - timedelta(hours=1))
    assert codes(refused) == {"before_admission"}
    assert keep(alice, stay, measured_at=timezone.now() - timedelta(hours=1)).number == 1


def test_a_loss_of_the_minute_of_admission_is_not_before_it(alice: User, stay: Encounter) -> None:
    came = timezone.now().replace(second=40) - timedelta(hours=1)
    Encounter.objects.filter(pk=stay.pk).update(started_at=came)
    stay.refresh_from_db()
    assert keep(alice, stay, measured_at=came.replace(second=0, microsecond=0)).number == 1


@pytest.mark.parametrize("hours_ago", [0, 2])
def test_the_page_says_whether_the_figure_came_before_the_measurement(
    client: Client, alice: User, bob: User, study: Study, stay: Encounter, hours_ago: int
) -> None:
    Encounter.objects.filter(pk=stay.pk).update(started_at=timezone.now() - timedelta(hours=5))
    stay.refresh_from_db()
    keep(alice, stay, measured_at=timezone.now() - timedelta(hours=hours_ago))
    client.force_login(bob)
    page = client.get(reverse("study", args=[study.pk])).content.decode()
    assert ("made without it" in page) == (hours_ago == 0)
    assert ("left out when births are exported" in page) == (hours_ago == 2)


def test_a_correction_begins_with_what_is_recorded(client: Client, alice: User, stay: Encounter) -> None:
    measured_at = timezone.localtime() - timedelta(minutes=20)
    Encounter.objects.filter(pk=stay.pk).update(started_at=timezone.now() - timedelta(hours=5))
    stay.refresh_from_db()
    keep(alice, stay, millilitres="1600", method="collector", measured_at=measured_at)
    client.force_login(alice)
    page = client.get(reverse("blood_loss", args=[stay.patient_id, stay.pk])).content.decode()
    assert 'name="millilitres" value="1600"' in page
    assert 'value="collector" checked' in page
    assert f'name="measured_at" value="{measured_at:%Y-%m-%d %H:%M}"' in page


def test_a_stay_elsewhere_takes_none(alice: User, claire: Patient, radiology: Any) -> None:
    elsewhere = factories.encounter(claire, unit=radiology)
    alice.units.add(radiology)
    with pytest.raises(Refused) as refused:
        keep(alice, elsewhere)
    assert codes(refused) == {"not_a_birth"}


@pytest.mark.parametrize("named", [True, False], ids=["stay named", "stay left out"])
def test_afterwards_nothing_of_that_birth_is_assessed_any_more(
    client: Client, alice: User, study: Study, stay: Encounter, named: bool
) -> None:
    keep(alice, stay)
    with pytest.raises(Refused) as refused:
        intake.submit(
            user=alice,
            patient=study.patient,
            algorithm="haemorrhage",
            values=study.values,
            idempotency_key="late",
            encounter=stay if named else None,
        )
    assert codes(refused) == {"birth_is_over"}
    client.force_login(alice)
    for address in (
        reverse("study_new", args=["haemorrhage", study.patient_id]),
        reverse("study_reassess", args=[study.pk]),
    ):
        page = client.get(address).content.decode()
        assert "would know the answer" in page
        assert 'name="haemoglobin"' not in page
    assert "Reassess<" not in client.get(reverse("study", args=[study.pk])).content.decode()


def test_the_next_pregnancy_is_assessed_again(alice: User, study: Study, stay: Encounter) -> None:
    keep(alice, stay)
    Encounter.objects.filter(pk=stay.pk).update(ended_at=timezone.now())
    following = factories.encounter(study.patient)
    sent = intake.submit(
        user=alice,
        patient=study.patient,
        algorithm="haemorrhage",
        values=study.values,
        idempotency_key="next",
        encounter=following,
    )
    assert sent.encounter == following


def test_a_program_records_reads_and_corrects_it(alice: User, stay: Encounter) -> None:
    program, where = Program(alice), ("api-blood-loss", stay.patient_id, stay.pk)
    sent = {"millilitres": 1250, "method": "collector", "measured_at": timezone.now().isoformat()}
    made = program.post(*where, data=sent)
    assert made.status_code == 201, made.json()
    assert (made.json()["severe"], made.json()["recorded_by"]) == (True, "alice")
    again = program.post(*where, data=sent | {"millilitres": 620})
    assert again.status_code == 422
    assert again.json()["problems"][0]["code"] == "reason_missing"
    assert program.post(*where, data=sent | {"millilitres": 620, "reason": "typing error"}).status_code == 201
    assert [row["millilitres"] for row in program.get(*where).json()] == [620, 1250]
    for wrong in ([], {}, "much", True, None, 10**30):
        assert program.post(*where, data=sent | {"millilitres": wrong}).status_code in (400, 422)


def test_the_record_for_other_systems_carries_what_was_measured(
    alice: User, study: Study, stay: Encounter
) -> None:
    draft = studies.written(study, b"", kind="fhir")
    assert "blood-loss" not in fhir.render(gather(draft)).decode()
    keep(alice, stay)
    bundle = json.loads(fhir.render(gather(draft)))
    [found] = [
        entry["resource"]
        for entry in bundle["entry"]
        if "blood-loss-24h" in json.dumps(entry["resource"].get("code", ""))
    ]
    assert found["valueQuantity"]["value"] == 620
    assert found["status"] == "final"
    assert "AIAST" not in json.dumps(found), "a person measured it"
    assert datetime.fromisoformat(found["effectiveDateTime"]).tzinfo
    keep(alice, stay, millilitres="640", reason="second weighing")
    assert '"amended"' in fhir.render(gather(draft)).decode()


def test_the_worklist_marks_an_assessment_whose_birth_is_over(
    client: Client, alice: User, bob: User, study: Study, stay: Encounter
) -> None:
    client.force_login(bob)
    before = client.get(reverse("worklist"))
    assert "birth over" not in before.content.decode()
    keep(alice, stay)
    seen = before.context["seen"]
    after = client.get(reverse("worklist"), {"seen": seen}, headers={"HX-Request": "true"})
    assert after.status_code == 200
    assert "birth over: 620 mL" in after.content.decode()
