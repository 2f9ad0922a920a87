"""A further assessment of the same birth: nothing retyped, nothing confirmed in silence, one timeline."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from clinic.accounts.models import User
from ml import registry
from ml.algorithms.haemorrhage.examples import ADMISSIONS, as_of
from patients.models import Encounter, Patient
from predictions import answers, selectors
from predictions.models import Draft, Study
from predictions.workspaces.haemorrhage import course
from tests import factories, studies
from tests.test_api import Program


@pytest.fixture
def stay(claire: Patient) -> Encounter:
    return factories.encounter(claire)


@pytest.fixture
def first(alice: User, claire: Patient, stay: Encounter) -> Study:
    values = answers.stored(as_of(ADMISSIONS["typical"][1], timezone.now() - timedelta(hours=2)))
    values["birth_date"] = claire.birth_date.isoformat()
    study = studies.waiting(alice, claire, values=values, encounter=stay)
    Study.objects.filter(pk=study.pk).update(submitted_at=timezone.now() - timedelta(hours=2))
    return studies.analysed(study)


def address(study: Study) -> str:
    return reverse("study_reassess", args=[study.pk])


def filled(client: Client, study: Study, **changes: str) -> dict[str, str]:
    """Return what the browser would send back: every answer the form shows, some of them changed."""
    page = client.get(address(study))
    sent = {
        name: value
        for group in page.context["groups"]
        for question in group.questions
        for name, value in ((question.field.name, question.value), (question.at_name, question.at))
        if value
    }
    return sent | {"key": page.context["key"], "still_holds": "yes"} | changes


def test_the_form_begins_with_the_latest_answers_and_their_times(
    client: Client, alice: User, first: Study
) -> None:
    client.force_login(alice)
    page = client.get(address(first)).content.decode()
    taken = timezone.localtime(answers._moment(first.values["haemoglobin_at"]))
    assert re.search(r'name="haemoglobin" value="12.1"', page)
    assert f'name="haemoglobin_at" value="{taken:%Y-%m-%d %H:%M}"' in page
    assert re.search(r'name="onset" value="spontaneous" checked', page)
    assert 'class="changed"' not in page
    assert "Reassessment" in page


def test_the_new_study_is_of_the_same_stay_and_says_what_changed(
    client: Client, alice: User, first: Study, stay: Encounter
) -> None:
    client.force_login(alice)
    sent = filled(client, first, haemoglobin="9.4", onset="induced")
    response = client.post(address(first), sent)
    second = Study.objects.exclude(pk=first.pk).get()
    assert response["Location"] == reverse("study", args=[second.pk])
    assert second.encounter == stay
    kept = {name for name in ("admission_at", "haemoglobin_at", "platelets_at") if first.values[name]}
    assert not kept & set(answers.differences(first.contract, first.values, second.values))
    studies.analysed(second)
    points = course.of(second)
    assert [point.study.pk for point in points] == [first.pk, second.pk]
    told = " ".join(points[1].changes)
    assert "Haemoglobin 12.1 g/dL → 9.4 g/dL" in told
    assert "Onset of labour Spontaneous → Induced" in told
    assert "result of" not in told


def test_unchanged_answers_are_not_confirmed_in_silence(client: Client, alice: User, first: Study) -> None:
    client.force_login(alice)
    sent = filled(client, first, haemoglobin="9.4")
    del sent["still_holds"]
    response = client.post(address(first), sent, follow=True)
    assert "Say that the answers you did not change still hold" in response.content.decode()
    assert Study.objects.count() == 1


def test_a_change_is_marked_at_once_with_what_it_was(client: Client, alice: User, first: Study) -> None:
    client.force_login(alice)
    sent = filled(client, first, haemoglobin="9.4") | {"previous": str(first.pk)}
    live = client.post(reverse("study_draft", args=["haemorrhage", first.patient_id]), sent).content.decode()
    assert re.search(r'id="was-haemoglobin".*?changed: was 12.1 g/dL', live, re.S)
    assert not re.search(r'id="was-platelets"[^>]*><p class="changed', live)


def test_the_draft_of_a_reassessment_is_not_that_of_a_blank_form(
    client: Client, alice: User, first: Study
) -> None:
    client.force_login(alice)
    sent = filled(client, first, haemoglobin="9.4") | {"previous": str(first.pk)}
    client.post(reverse("study_draft", args=["haemorrhage", first.patient_id]), sent)
    assert Draft.objects.count() == 1
    assert 'name="haemoglobin" value="9.4"' in client.get(address(first)).content.decode()
    blank = client.get(reverse("study_new", args=["haemorrhage", first.patient_id])).content.decode()
    assert 'name="haemoglobin" value=""' in blank
    assert "Reassess with those answers" in blank


def test_a_page_of_french_is_prefilled_in_french(client: Client, alice: User, first: Study) -> None:
    User.objects.filter(pk=alice.pk).update(language="fr")
    client.force_login(alice)
    page = client.get(address(first)).content.decode()
    assert 'name="haemoglobin" value="12,1"' in page
    sent = filled(client, first, haemoglobin="9,4")
    assert client.post(address(first), sent).status_code == 302


def test_every_result_of_the_birth_shows_the_course_and_the_older_one_says_so(
    client: Client, alice: User, bob: User, first: Study, stay: Encounter
) -> None:
    second = again(alice, first, stay, haemoglobin=9.4)
    client.force_login(bob)
    older = client.get(reverse("study", args=[first.pk])).content.decode()
    newer = client.get(reverse("study", args=[second.pk])).content.decode()
    assert "She was assessed again since." in older
    assert "She was assessed again since." not in newer
    for page in (older, newer):
        assert page.count('class="range"') == 2
        assert page.count('class="point current"') == 1
        assert "9.4 g/dL" in page
    assert "no answer changed" not in newer


def again(by: User, before: Study, stay: Encounter, **changes: Any) -> Study:
    values = before.values | changes
    return studies.analysed(studies.waiting(by, before.patient, values=values, encounter=stay))


def test_the_worklist_and_the_record_show_the_latest(
    client: Client, alice: User, bob: User, first: Study, stay: Encounter
) -> None:
    second = again(alice, first, stay, haemoglobin=9.4)
    assert [study.pk for study in selectors.worklist(bob)] == [second.pk]
    assert selectors.earlier_assessments([second]) == {second.pk: 1}
    client.force_login(bob)
    assert "assessment 2" in client.get(reverse("worklist")).content.decode()
    record = client.get(reverse("patient", args=[first.patient_id])).content.decode()
    assert record.count("assessed again since") == 1
    assert f'href="{reverse("study", args=[second.pk])}">Latest assessment' in record


def test_other_kinds_of_the_same_stay_stay_on_the_worklist(alice: User, bob: User, first: Study) -> None:
    """Only forms are replaced: two films are two films."""
    film = studies.ready(alice, first.patient, encounter=first.encounter, algorithm="chest_xray")
    later = studies.ready(alice, first.patient, encounter=first.encounter, algorithm="chest_xray")
    shown = {study.pk for study in selectors.worklist(bob)}
    assert {film.pk, later.pk, first.pk} <= shown


def test_the_wards_new_average_is_named_as_a_reason(alice: User, first: Study, stay: Encounter) -> None:
    values = first.values
    second = studies.waiting(alice, first.patient, values=values, encounter=stay, options={"incidence": 0.03})
    studies.analysed(second)
    assert course.of(second)[1].changes == ("ward average 2.0 → 3.0 in 100",)


def test_a_stay_that_ended_takes_no_more(client: Client, alice: User, first: Study, stay: Encounter) -> None:
    Encounter.objects.filter(pk=stay.pk).update(ended_at=timezone.now())
    client.force_login(alice)
    page = client.get(address(first)).content.decode()
    assert "This stay has ended" in page
    assert 'name="haemoglobin"' not in page
    assert "Reassess<" not in client.get(reverse("study", args=[first.pk])).content.decode()


def test_seconds_of_a_program_are_no_change() -> None:
    before = {"haemoglobin_at": "2026-11-21T07:40:31+01:00", "haemoglobin": 10.0}
    after = {"haemoglobin_at": "2026-11-21T06:40:00+00:00", "haemoglobin": 10.0}
    assert not answers.differences(registry.contract("haemorrhage"), before, after)


def test_an_assessment_replaced_while_it_was_read_is_signed_only_knowingly(
    client: Client, alice: User, bob: User, first: Study, stay: Encounter
) -> None:
    client.force_login(bob)
    sign = reverse("study_sign", args=[first.pk])
    sent = {"verdict": "agree", "comment": "fine", "prediction": str(first.prediction.pk)}
    second = again(alice, first, stay, haemoglobin=9.4)
    stopped = client.post(sign, sent)
    page = stopped.content.decode()
    assert stopped.status_code == 422
    assert "Read the latest assessment first" in page
    assert f'href="{reverse("study", args=[second.pk])}">Open the latest assessment' in page
    assert 'value="agree" checked' in page
    assert not first.prediction.reviews.exists()
    third = again(alice, first, stay, haemoglobin=8.9)
    assert client.post(sign, sent | {"later": str(second.pk)}).status_code == 422
    assert client.post(sign, sent | {"later": str(third.pk)}).status_code == 302
    first.refresh_from_db()
    assert first.state == "signed"


def test_a_program_signs_a_replaced_assessment_only_knowingly(
    alice: User, bob: User, first: Study, stay: Encounter
) -> None:
    second, program = again(alice, first, stay, haemoglobin=9.4), Program(bob)
    program.post("api-review", first.pk, data={"verdict": "agree"})
    refused = program.post("api-sign", first.pk)
    assert [problem["code"] for problem in refused.json()["problems"]] == ["superseded"]
    assert program.post("api-sign", first.pk, data={"later": str(second.pk)}).status_code == 201


def test_a_later_assessment_that_failed_replaces_nothing(
    alice: User, bob: User, first: Study, stay: Encounter
) -> None:
    failed = studies.waiting(alice, first.patient, values=first.values, encounter=stay)
    assert selectors.later_assessment(first) == failed
    Study.objects.filter(pk=failed.pk).update(state="failed")
    assert selectors.later_assessment(first) is None


def test_another_share_to_flag_is_among_what_changed(first: Study) -> None:
    Study.objects.filter(pk=first.pk).update(options={"incidence": 0.02, "flag_share": 0.1})
    again = studies.waiting(
        first.submitted_by,
        first.patient,
        values=first.values,
        encounter=first.encounter,
        options={"incidence": 0.02, "flag_share": 0.2},
    )
    points = course.of(studies.analysed(again))
    assert points[1].changes == ("women the ward flags 10.0 → 20.0 in 100",)
