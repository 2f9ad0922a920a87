"""Administrators create units and reset lost second factors; a new installation gets going with both."""

from __future__ import annotations

import re
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP
from django.core.cache import cache
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from clinic.accounts import forms, services
from clinic.accounts.models import Unit, User
from clinic.accounts.roles import Role
from clinic.audit.models import Action, Event
from ml import package, registry
from patients.models import Patient
from tests import factories
from tests.factories import PASSWORD

pytestmark = pytest.mark.django_db

NEW_PASSWORD = "eleven herons at noon"
SECRET = "JBSWY3DPEHPK3PXP"


@pytest.fixture(autouse=True)
def no_attempts() -> None:
    """Forget the attempts that earlier tests made from the same address."""
    cache.clear()


@pytest.fixture
def office(client: Client, admin: User) -> Client:
    """Return the administrator's browser."""
    client.force_login(admin)
    return client


def filled(**changes: str) -> dict[str, str]:
    """Return the form of a new maternity unit."""
    return {"code": "maternity", "name_fr": "Maternité", "name_en": "Maternity", "incidence": ""} | changes


def hidden_forms(page: str) -> list[dict[str, str]]:
    """Return the hidden fields of each form that creates a unit with one click."""
    found = [dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', f)) for f in page.split("<form")]
    return [{k: v for k, v in fields.items() if k in filled()} for fields in found if "code" in fields]


def get_in(username: str, password: str) -> Client:
    """Return a browser of somebody who types a one-time password and chooses a lasting one."""
    browser = Client(headers={"accept-language": "en"})
    browser.post(reverse("account_login"), {"login": username, "password": password})
    change = {"oldpassword": password, "password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    browser.post(reverse("account_change_password"), change)
    return browser


def test_the_first_day_of_a_new_installation(capsys: pytest.CaptureFixture[str], settings: Any) -> None:
    settings.PRODUCTION = True
    assert not Unit.objects.exists()
    assert not User.objects.exists()
    call_command("create_admin", "nadia", "--generate")
    nadia = get_in("nadia", re.search(r"shown only now: (\S+)", capsys.readouterr().out)[1])
    assert "There is no unit yet" in nadia.get(reverse("staff_new")).content.decode()

    offered = hidden_forms(nadia.get(reverse("unit_list")).content.decode())
    assert [o["code"] for o in offered] == [c.unit for c in registry.contracts(clinical=True)]
    for one_click in offered:
        assert nadia.post(reverse("unit_new"), one_click).status_code == 302
    assert set(Unit.objects.values_list("code", flat=True)) == {"maternity", "radiology", "sleep"}
    assert hidden_forms(nadia.get(reverse("unit_list")).content.decode()) == []
    assert "Every study has its unit" in nadia.get(reverse("unit_new")).content.decode()

    maternity = Unit.objects.get(code="maternity")
    dora = {"username": "dora", "first_name": "Dora", "last_name": "Invented", "role": "midwife"}
    answer = nadia.post(reverse("staff_new"), dora | {"units": [maternity.pk]})
    given = re.search(r"<code>(\S+)</code>", answer.content.decode())[1]
    record = {
        "record_number": "204811",
        "family_name": "Lantern",
        "given_name": "Claire",
        "birth_date": "1994-03-02",
        "sex": "F",
        "units": [maternity.pk],
    }
    midwife = get_in("dora", given)
    created = midwife.post(reverse("patient_new"), record)
    claire = Patient.objects.get()
    assert (created.status_code, created["Location"]) == (302, reverse("patient", args=[claire.pk]))
    assert midwife.get(reverse("study_new", args=["haemorrhage", claire.pk])).status_code == 200


def test_a_unit_is_created_with_its_incidence_and_that_is_on_record(office: Client, admin: User) -> None:
    assert office.post(reverse("unit_new"), filled(incidence="3,5 %")).status_code == 302
    unit = Unit.objects.get()
    assert (unit.code, unit.name_fr, unit.name_en, unit.incidence) == (
        "maternity",
        "Maternité",
        "Maternity",
        0.035,
    )
    event = Event.objects.get(action=Action.CREATE, kind="unit")
    assert (event.actor, event.object_id, event.payload.data["incidence"]) == (admin, "maternity", 0.035)


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"code": "radiology"}, "code", "exists already"),
        ({"code": "kitchen"}, "code", "no such study"),
        ({"code": ""}, "code", "required"),
        ({"name_fr": " "}, "name_fr", "required"),
        ({"name_en": ""}, "name_en", "required"),
        ({"incidence": "0.19"}, "incidence", "between 0.2 and 20"),
        ({"incidence": "20,01"}, "incidence", "between 0.2 and 20"),
        ({"incidence": "two"}, "incidence", "between 0.2 and 20"),
        ({"incidence": "-3"}, "incidence", "between 0.2 and 20"),
        ({"incidence": "nan"}, "incidence", "between 0.2 and 20"),
        ({"incidence": "1e1"}, "incidence", "between 0.2 and 20"),
        ({"code": "sleep", "incidence": "3"}, "incidence", "take no such share"),
        ({"flag_share": "0.9"}, "flag_share", "between 1 and 50"),
        ({"flag_share": "51"}, "flag_share", "between 1 and 50"),
        ({"flag_share": "ten"}, "flag_share", "between 1 and 50"),
        ({"code": "sleep", "flag_share": "10"}, "flag_share", "take no such share"),
        ({"prevalence": "10"}, "prevalence", "take no such share"),
        ({"code": "sleep", "prevalence": "10"}, "prevalence", "take no such share"),
    ],
)
def test_bad_input_gets_a_sentence_at_its_field(
    office: Client, radiology: Unit, changes: dict[str, str], field: str, words: str
) -> None:
    answer = office.post(reverse("unit_new"), filled(**changes))
    assert answer.status_code == 422
    assert words in " ".join(answer.context["form"].errors[field])
    assert [*Unit.objects.all()] == [radiology]


def test_the_limits_of_the_shares_are_the_models() -> None:
    settings = package.load("haemorrhage").input["settings"]
    assert float(forms.LOWEST_INCIDENCE) / 100 == settings["incidence"]["minimum"]
    assert float(forms.HIGHEST_INCIDENCE) / 100 == settings["incidence"]["maximum"]
    assert float(forms.LOWEST_FLAGGED) / 100 == settings["flag_share"]["minimum"]
    assert float(forms.HIGHEST_FLAGGED) / 100 == settings["flag_share"]["maximum"]


def test_the_share_to_flag_is_typed_in_percent_and_kept_as_a_share(office: Client) -> None:
    assert office.post(reverse("unit_new"), filled(flag_share="12,5 %")).status_code == 302
    assert Unit.objects.get().flag_share == 0.125


def test_a_change_is_on_record_with_old_and_new_and_the_code_stays(
    office: Client, admin: User, maternity: Unit
) -> None:
    address = reverse("unit_edit", args=["maternity"])
    changes = {"code": "radiology", "name_fr": "Maternité", "name_en": "Delivery ward", "incidence": "7.33"}
    assert office.post(address, changes).status_code == 302
    maternity.refresh_from_db()
    assert (maternity.code, maternity.name_en, maternity.incidence) == ("maternity", "Delivery ward", 0.0733)
    event = Event.objects.get(action=Action.ADMIN, kind="unit")
    assert (event.actor, event.object_id) == (admin, "maternity")
    assert event.payload.data == {"name_en": ["Maternity", "Delivery ward"], "incidence": [None, 0.0733]}

    office.post(address, changes)
    assert Event.objects.filter(action=Action.ADMIN).count() == 1  # nothing changed, nothing recorded
    office.post(address, changes | {"incidence": ""})
    maternity.refresh_from_db()
    assert maternity.incidence is None
    with pytest.raises(TypeError, match="code"):
        services.update_unit(actor=admin, unit=maternity, code="radiology")


@pytest.mark.parametrize(
    ("language", "share", "written"),
    [("en", 0.035, "3.5"), ("fr", 0.035, "3,5"), ("fr", 0.2, "20"), ("en", 0.0733, "7.33")],
)
def test_the_share_is_written_as_a_percentage_of_the_language(
    office: Client, admin: User, maternity: Unit, language: str, share: float, written: str
) -> None:
    User.objects.update(language=language)
    Unit.objects.update(incidence=share)
    page = office.get(reverse("unit_edit", args=["maternity"])).content.decode()
    assert re.search(r'name="incidence" value="([^"]*)"', page)[1] == written
    sent = filled(incidence=written)
    assert office.post(reverse("unit_edit", args=["maternity"]), sent).status_code == 302
    assert Unit.objects.get().incidence == share


def test_only_a_unit_that_reckons_with_it_is_asked_for_its_share(office: Client, radiology: Unit) -> None:
    assert "incidence" not in office.get(reverse("unit_edit", args=["radiology"])).context["form"].fields
    sent = {"name_fr": "Imagerie", "name_en": "Imaging", "incidence": "3"}
    office.post(reverse("unit_edit", args=["radiology"]), sent)
    radiology.refresh_from_db()
    assert (radiology.name_fr, radiology.incidence) == ("Imagerie", None)


@pytest.mark.parametrize("wrong", ["0.9", "90,5", "2e1", "many"])
def test_the_radiology_unit_sets_its_prevalence(office: Client, radiology: Unit, wrong: str) -> None:
    assert re.search(r"50\W?%", office.get(reverse("unit_list")).content.decode())
    address = reverse("unit_edit", args=["radiology"])
    sent = {"name_fr": "Imagerie", "name_en": "Imaging"}
    refused = office.post(address, sent | {"prevalence": wrong})
    assert "between 1 and 90" in " ".join(refused.context["form"].errors["prevalence"])
    assert office.post(address, sent | {"prevalence": "12,5 %"}).status_code == 302
    radiology.refresh_from_db()
    assert radiology.prevalence == 0.125
    event = Event.objects.get(action=Action.ADMIN, kind="unit")
    assert event.payload.data["prevalence"] == [None, 0.125]
    assert re.search(r"12\.5\W?%", office.get(reverse("unit_list")).content.decode())


def test_the_list_counts_who_may_log_in_and_leads_on(office: Client, alice: User, bob: User) -> None:
    User.objects.filter(pk=bob.pk).update(is_active=False)
    page = office.get(reverse("unit_list"))
    assert [(unit.code, unit.people) for unit, _own in page.context["units"]] == [("maternity", 1)]
    assert f'href="{reverse("unit_edit", args=["maternity"])}"' in page.content.decode()
    assert f'href="{reverse("unit_list")}"' in office.get(reverse("staff_list")).content.decode()
    assert office.get(reverse("unit_edit", args=["kitchen"])).status_code == 404


def test_a_lost_second_factor_is_reset_and_sessions_end(office: Client, admin: User, alice: User) -> None:
    phone = Client()
    phone.post(reverse("account_login"), {"login": "alice", "password": PASSWORD})
    assert phone.get(reverse("profile")).status_code == 200
    program = {"authorization": f"Token {factories.token(alice)}"}
    assert Client().get(reverse("api-algorithms"), headers=program).status_code == 200
    TOTP.activate(alice, SECRET)
    address = reverse("staff_second_factor", args=[alice.pk])
    assert f'href="{address}"' in office.get(reverse("staff_edit", args=[alice.pk])).content.decode()
    assert "Alice" in office.get(address).content.decode()
    assert Authenticator.objects.exists()  # asking changes nothing

    answer = office.post(address, follow=True)
    assert "The second factor is gone" in answer.content.decode()
    assert not Authenticator.objects.exists()
    assert phone.get(reverse("profile")).status_code == 302
    assert Client().get(reverse("api-algorithms"), headers=program).status_code == 401
    event = Event.objects.get(kind="second factor")
    assert (event.action, event.actor, event.object_id) == (Action.ADMIN, admin, str(alice.pk))
    assert event.payload.data == {"reset": ["totp"]}
    assert get_in("alice", PASSWORD).get(reverse("profile")).status_code == 200
    assert f'href="{address}"' not in office.get(reverse("staff_edit", args=[alice.pk])).content.decode()


def test_without_a_second_factor_nothing_happens(office: Client, alice: User) -> None:
    answer = office.post(reverse("staff_second_factor", args=[alice.pk]), follow=True)
    assert "has no second factor" in answer.content.decode()
    assert not Event.objects.filter(kind="second factor").exists()


def test_nobody_resets_their_own_second_factor(office: Client, admin: User) -> None:
    TOTP.activate(admin, SECRET)
    address = reverse("staff_second_factor", args=[admin.pk])
    assert "<form" not in office.get(address).content.decode().split("<main")[1].split("</main>")[0]
    answer = office.post(address, follow=True)
    assert "Ask another administrator" in answer.content.decode()
    assert Authenticator.objects.filter(user=admin).exists()
    assert Event.objects.get(kind="second factor").action == Action.REFUSED
    assert admin.role == Role.ADMIN
