"""The admission form: nothing presumed, errors at the field, warnings confirmed once seen, drafts kept."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from clinic.accounts.models import User
from clinic.audit.models import Event
from ml.algorithms.haemorrhage.examples import ADMISSIONS
from patients.models import Encounter, Patient
from predictions.models import Draft, Study
from tests import factories

ANSWERED = {
    name: str(value)
    for name, value in ADMISSIONS["typical"][1].items()
    if value in ("no", "none", "spontaneous") and name not in ("previous_pph",)
}


def address(patient: Patient, name: str = "study_new") -> str:
    return reverse(name, args=["haemorrhage", patient.pk])


@pytest.fixture
def stay(claire: Patient) -> Encounter:
    return factories.encounter(claire)


def begun(**more: Any) -> dict[str, Any]:
    hour_ago = timezone.localtime() - timedelta(hours=1)
    return {"key": "k1", "admission_at": hour_ago.strftime("%d/%m/%Y %H:%M"), "parity": "1", **more}


def answers(**more: Any) -> dict[str, Any]:
    """Return what is sent without asking back: a third of the questions is known."""
    return begun(**ANSWERED) | more


def test_nothing_is_answered_beforehand(client: Client, alice: User, claire: Patient) -> None:
    client.force_login(alice)
    page = client.get(address(claire)).content.decode()
    assert page.count('type="radio"') > 40
    assert " checked" not in page
    assert "selected" not in page


def test_the_record_answers_birth_date_and_arrival(
    client: Client, alice: User, claire: Patient, stay: Encounter
) -> None:
    client.force_login(alice)
    page = client.get(address(claire)).content.decode()
    assert 'value="1994-03-02"' in page
    assert f'value="{timezone.localtime(stay.started_at):%Y-%m-%d %H:%M}"' in page


def test_letters_in_haemoglobin_are_named_at_the_field(client: Client, alice: User, claire: Patient) -> None:
    client.force_login(alice)
    response = client.post(address(claire), answers(haemoglobin="abc", previous_pph="none"), follow=True)
    page = response.content.decode()
    assert response.redirect_chain
    at_field = re.search(r'id="problems-haemoglobin".*?</div>', page, re.S)
    assert "not a number" in at_field[0]
    assert 'value="abc"' in page
    assert re.search(r'name="previous_pph" value="none" checked', page)
    assert not Study.objects.exists()


def test_haemoglobin_in_grams_per_litre_is_asked_about(client: Client, alice: User, claire: Patient) -> None:
    client.force_login(alice)
    page = client.post(address(claire), answers(haemoglobin="108"), follow=True).content.decode()
    assert "in g/L?" in page


@pytest.mark.usefixtures("stay")
def test_an_unusual_value_passes_once_confirmed(client: Client, alice: User, claire: Patient) -> None:
    client.force_login(alice)
    unusual = answers(estimated_fetal_weight_g="4200")
    asked = client.post(address(claire), unusual, follow=True)
    assert asked.redirect_chain[0][0].startswith(address(claire))
    assert "4200 g is unusual" in asked.content.decode()
    confirmed = client.post(address(claire), unusual | {"confirmed": asked.context["confirmation"]})
    study = Study.objects.get()
    assert confirmed["Location"] == reverse("study", args=[study.pk])


@pytest.mark.usefixtures("stay")
def test_a_confirmation_covers_only_the_warnings_seen(client: Client, alice: User, claire: Patient) -> None:
    client.force_login(alice)
    seen = client.post(address(claire), answers(estimated_fetal_weight_g="4200"), follow=True).context[
        "confirmation"
    ]
    other = answers(estimated_fetal_weight_g="4300", confirmed=seen)
    assert "4300 g is unusual" in client.post(address(claire), other, follow=True).content.decode()
    assert not Study.objects.exists()


@pytest.mark.usefixtures("stay")
def test_a_double_click_is_one_study(client: Client, alice: User, claire: Patient) -> None:
    client.force_login(alice)
    first, second = (client.post(address(claire), answers()) for _ in range(2))
    assert first["Location"] == second["Location"]
    assert Study.objects.count() == 1


def test_a_draft_survives_a_reload_and_counts_what_is_known(
    client: Client, alice: User, claire: Patient
) -> None:
    client.force_login(alice)
    live = client.post(address(claire, "study_draft"), begun(fetuses="2")).content.decode()
    assert "3 of 25 known" in live
    page = client.get(address(claire)).content.decode()
    assert 'name="fetuses" value="2"' in page
    assert "draft saved at" in page


@pytest.mark.usefixtures("stay")
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


@pytest.mark.usefixtures("stay")
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


@pytest.mark.usefixtures("stay")
def test_very_little_known_is_sent_only_after_asking(client: Client, alice: User, claire: Patient) -> None:
    client.force_login(alice)
    asked = client.post(address(claire), begun(), follow=True)
    assert "Only 2 of 25 known: send all the same?" in asked.content.decode()
    assert not Study.objects.exists()
    other = begun(fetuses="1", confirmed=asked.context["confirmation"])
    assert "Only 3 of 25 known" in client.post(address(claire), other, follow=True).content.decode()
    confirmed = begun(confirmed=asked.context["confirmation"])
    client.post(address(claire), confirmed)
    assert Study.objects.count() == 1


def test_the_button_that_enter_presses_sends_nothing(client: Client, alice: User, claire: Patient) -> None:
    """A browser presses the first button of a form on Enter in a field, and a disabled one does nothing."""
    client.force_login(alice)
    form = re.search(
        r'<form[^>]*id="questions".*?</form>', client.get(address(claire)).content.decode(), re.S
    )
    assert "disabled" in re.search(r"<button[^>]*>", form[0])[0]
    assert re.search(r'<button class="button primary">Assess</button>', form[0])


def test_without_a_stay_nothing_is_assessed_and_one_is_opened_on_the_way(
    client: Client, alice: User, claire: Patient
) -> None:
    client.force_login(alice)
    opening = reverse("study_open_stay", args=["haemorrhage", claire.pk])
    assert opening in client.get(address(claire)).content.decode()
    refused = client.post(address(claire), answers(), follow=True)
    assert "No stay of hers is open" in refused.content.decode()
    assert not Study.objects.exists()
    back = client.post(opening, answers(fetuses="2"), follow=True)
    assert back.redirect_chain[0][0] == address(claire)
    page = back.content.decode()
    assert 'name="fetuses" value="2"' in page
    assert opening not in page
    stay = claire.encounters.get()
    assert stay.unit.code == "maternity"
    assert timezone.localtime(stay.started_at).strftime("%d/%m/%Y %H:%M") == answers()["admission_at"]
    assert Event.objects.get(kind="encounter").actor == alice
    client.post(opening, answers())
    assert claire.encounters.count() == 1
    client.post(address(claire), answers())
    assert Study.objects.get().encounter == stay


@pytest.mark.usefixtures("stay")
def test_what_is_asked_stands_at_an_address_that_opens_again(
    client: Client, alice: User, claire: Patient
) -> None:
    """Going back, a reload, or another language find the question, until the form is sent."""
    client.force_login(alice)
    sent = answers(estimated_fetal_weight_g="4200")
    asking = client.post(address(claire), sent)["Location"]
    for _again in range(2):
        page = client.get(asking)
        assert page.context["asked"]
        assert 'name="estimated_fetal_weight_g" value="4200"' in page.content.decode()
    client.post(address(claire), sent | {"confirmed": page.context["confirmation"]})
    assert not client.get(asking).context.get("asked")


def test_a_file_without_a_suffix_can_be_chosen(client: Client, charlie: User, henri: Patient) -> None:
    client.force_login(charlie)
    page = client.get(reverse("study_new", args=["chest_xray", henri.pk])).content.decode()
    assert 'type="file"' in page
    assert "accept=" not in page
