"""The admission form: nothing presumed, errors at the field, warnings confirmed once seen, drafts kept."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from django.test import Client
from django.urls import reverse
from django.utils import timezone

from clinic.accounts.models import User
from patients.models import Patient
from predictions.models import Draft, Study
from tests import factories


def address(patient: Patient, name: str = "study_new") -> str:
    return reverse(name, args=["haemorrhage", patient.pk])


def answers(**more: Any) -> dict[str, Any]:
    hour_ago = timezone.localtime() - timedelta(hours=1)
    return {"key": "k1", "admission_at": hour_ago.strftime("%d/%m/%Y %H:%M"), "parity": "1", **more}


def test_nothing_is_answered_beforehand(client: Client, alice: User, claire: Patient) -> None:
    client.force_login(alice)
    page = client.get(address(claire)).content.decode()
    assert page.count('type="radio"') > 40
    assert " checked" not in page
    assert "selected" not in page


def test_the_record_answers_birth_date_and_arrival(client: Client, alice: User, claire: Patient) -> None:
    stay = factories.encounter(claire)
    client.force_login(alice)
    page = client.get(address(claire)).content.decode()
    assert 'value="1994-03-02"' in page
    assert f'value="{timezone.localtime(stay.started_at):%Y-%m-%d %H:%M}"' in page


def test_letters_in_haemoglobin_are_named_at_the_field(client: Client, alice: User, claire: Patient) -> None:
    client.force_login(alice)
    response = client.post(address(claire), answers(haemoglobin="abc", previous_pph="none"))
    page = response.content.decode()
    assert response.status_code == 422
    at_field = re.search(r'id="problems-haemoglobin".*?</div>', page, re.S)
    assert "not a number" in at_field[0]
    assert 'value="abc"' in page
    assert re.search(r'name="previous_pph" value="none" checked', page)
    assert not Study.objects.exists()


def test_haemoglobin_in_grams_per_litre_is_asked_about(client: Client, alice: User, claire: Patient) -> None:
    client.force_login(alice)
    page = client.post(address(claire), answers(haemoglobin="108")).content.decode()
    assert "in g/L?" in page


def test_an_unusual_value_passes_once_confirmed(client: Client, alice: User, claire: Patient) -> None:
    client.force_login(alice)
    unusual = answers(estimated_fetal_weight_g="4200")
    asked = client.post(address(claire), unusual)
    assert asked.status_code == 422
    assert "4200 g is unusual" in asked.content.decode()
    confirmed = client.post(address(claire), unusual | {"confirmed": asked.context["confirmation"]})
    study = Study.objects.get()
    assert confirmed["Location"] == reverse("study", args=[study.pk])


def test_a_confirmation_covers_only_the_warnings_seen(client: Client, alice: User, claire: Patient) -> None:
    client.force_login(alice)
    seen = client.post(address(claire), answers(estimated_fetal_weight_g="4200")).context["confirmation"]
    other = answers(estimated_fetal_weight_g="4300", confirmed=seen)
    assert client.post(address(claire), other).status_code == 422
    assert not Study.objects.exists()


def test_a_double_click_is_one_study(client: Client, alice: User, claire: Patient) -> None:
    client.force_login(alice)
    first, second = (client.post(address(claire), answers()) for _ in range(2))
    assert first["Location"] == second["Location"]
    assert Study.objects.count() == 1


def test_a_draft_survives_a_reload_and_counts_what_is_known(
    client: Client, alice: User, claire: Patient
) -> None:
    client.force_login(alice)
    live = client.post(address(claire, "study_draft"), answers(fetuses="2")).content.decode()
    assert "3 of 25 known" in live
    page = client.get(address(claire)).content.decode()
    assert 'name="fetuses" value="2"' in page
    assert "draft saved at" in page


def test_a_draft_is_gone_once_sent(client: Client, alice: User, claire: Patient) -> None:
    client.force_login(alice)
    client.post(address(claire, "study_draft"), answers(fetuses="2"))
    client.post(address(claire), answers())
    assert "draft saved at" not in client.get(address(claire)).content.decode()


def test_a_draft_outlives_the_session_it_was_typed_in(client: Client, alice: User, claire: Patient) -> None:
    client.force_login(alice)
    client.post(address(claire, "study_draft"), answers(fetuses="2"))
    client.logout()
    client.force_login(alice)
    assert 'name="fetuses" value="2"' in client.get(address(claire)).content.decode()


def test_a_draft_is_for_its_author_alone(client: Client, alice: User, bob: User, claire: Patient) -> None:
    client.force_login(alice)
    client.post(address(claire, "study_draft"), answers(fetuses="2"))
    client.force_login(bob)
    assert "draft saved at" not in client.get(address(claire)).content.decode()


def test_the_draft_of_another_day_is_not_offered(client: Client, alice: User, claire: Patient) -> None:
    client.force_login(alice)
    client.post(address(claire, "study_draft"), answers(fetuses="2"))
    Draft.objects.update(saved_at=timezone.now() - timedelta(hours=25))
    assert "draft saved at" not in client.get(address(claire)).content.decode()


def test_the_draft_says_at_once_what_looks_wrong(client: Client, alice: User, claire: Patient) -> None:
    client.force_login(alice)
    live = client.post(address(claire, "study_draft"), {"haemoglobin": "108"}).content.decode()
    assert "in g/L?" in live
    assert "this is needed" not in live


def test_a_time_alone_means_today(client: Client, alice: User, claire: Patient) -> None:
    client.force_login(alice)
    client.post(address(claire), answers(haemoglobin="11.5", haemoglobin_at="00:01"))
    at = Study.objects.get().values["haemoglobin_at"]
    assert timezone.localtime(datetime.fromisoformat(at)).date() == timezone.localdate()


def test_a_colleague_of_another_unit_finds_nothing(client: Client, charlie: User, claire: Patient) -> None:
    client.force_login(charlie)
    assert client.get(address(claire)).status_code == 404


def test_reference_tasks_have_no_form(client: Client, alice: User, claire: Patient) -> None:
    client.force_login(alice)
    assert client.get(reverse("study_new", args=["german_credit", claire.pk])).status_code == 404


def test_what_was_refused_is_kept_as_a_draft(client: Client, alice: User, claire: Patient) -> None:
    client.force_login(alice)
    client.post(address(claire), answers(haemoglobin="abc", fetuses="2"))
    assert 'name="fetuses" value="2"' in client.get(address(claire)).content.decode()
