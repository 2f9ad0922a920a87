"""Administrators create, change and disable staff, and every change is on record."""

from __future__ import annotations

import re

import pytest
from allauth.usersessions.models import UserSession
from django.db.models import ProtectedError
from django.test import Client
from django.urls import reverse

from clinic.accounts import services, tokens
from clinic.accounts.models import Notice, Unit, User
from clinic.accounts.roles import Role
from clinic.audit.models import Action, Event
from clinic.audit.recording import record
from patients.models import Patient
from tests import factories, second_factors
from tests.factories import PASSWORD

pytestmark = pytest.mark.django_db


@pytest.fixture
def office(client: Client, admin: User) -> Client:
    """Return the administrator's browser."""
    client.force_login(admin)
    return client


def filled(unit: Unit | None, **changes: object) -> dict[str, object]:
    """Return the form of a midwife called Dora."""
    form: dict[str, object] = {
        "username": "dora",
        "first_name": "Dora",
        "last_name": "Invented",
        "role": "midwife",
        "units": [unit.pk] if unit else [],
    }
    return form | changes


def log_in(username: str, password: str) -> Client:
    """Return a browser in which somebody tried to log in."""
    browser = Client()
    browser.post("/accounts/login/", {"login": username, "password": password})
    return browser


def test_a_new_person_gets_a_password_that_is_shown_once(
    office: Client, admin: User, maternity: Unit
) -> None:
    answer = office.post(reverse("staff_new"), filled(maternity))
    password = re.search(r"<code>([a-z2-9-]{23})</code>", answer.content.decode()).group(1)
    assert answer.headers["Cache-Control"] == "no-store"

    dora = User.objects.get(username="dora")
    assert (dora.role, [*dora.units.all()]) == (Role.MIDWIFE, [maternity])
    assert dora.temporary_password
    assert log_in("dora", password).session["_auth_user_id"] == str(dora.pk)

    event = Event.objects.get(action=Action.CREATE, kind="staff")
    assert (event.actor, event.object_id) == (admin, str(dora.pk))
    assert event.payload.data["units"] == ["maternity"]
    assert password not in event.payload.content
    assert password not in office.get(reverse("staff_edit", args=[dora.pk])).content.decode()


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"username": "Dora Ümlaut"}, "username", "small letters"),
        ({"username": "ADMIN"}, "username", "small letters"),
        ({"username": "admin"}, "username", "is taken"),
        ({"units": []}, "units", "at least one unit"),
        ({"role": "admin"}, "units", "sees no patients"),
        ({"role": "queen"}, "role", "queen"),
        ({"last_name": ""}, "last_name", "required"),
    ],
)
def test_bad_input_gets_a_sentence_at_its_field(
    office: Client, maternity: Unit, changes: dict[str, object], field: str, words: str
) -> None:
    answer = office.post(reverse("staff_new"), filled(maternity, **changes))
    assert answer.status_code == 422
    assert words in str(answer.context["form"].errors[field])
    assert User.objects.count() == 1


def test_a_change_is_recorded_with_before_and_after(
    office: Client, alice: User, maternity: Unit, radiology: Unit
) -> None:
    form = filled(radiology, username="alice", first_name="Alice", role="radiologist", is_active="on")
    assert office.post(reverse("staff_edit", args=[alice.pk]), form).status_code == 302
    alice.refresh_from_db()
    assert [*alice.units.all()] == [radiology]
    assert Event.objects.get(action=Action.ADMIN).payload.data == {
        "role": ["midwife", "radiologist"],
        "units": [["maternity"], ["radiology"]],
    }


def test_disabling_somebody_logs_them_out_everywhere(office: Client, alice: User, maternity: Unit) -> None:
    browser = log_in("alice", PASSWORD)
    browser.get(reverse("profile"))
    assert UserSession.objects.filter(user=alice).count() == 1

    office.post(
        reverse("staff_edit", args=[alice.pk]), filled(maternity, username="alice", first_name="Alice")
    )

    assert not UserSession.objects.filter(user=alice).exists()
    assert browser.get(reverse("profile")).status_code == 302
    assert Event.objects.get(action=Action.ADMIN).payload.data == {"is_active": [True, False]}


def test_a_renewed_password_ends_sessions_and_has_to_be_changed(office: Client, alice: User) -> None:
    browser = log_in("alice", PASSWORD)
    answer = office.post(reverse("staff_password", args=[alice.pk]))
    password = re.search(r"<code>([a-z2-9-]{23})</code>", answer.content.decode()).group(1)

    assert browser.get(reverse("profile")).status_code == 302
    assert "_auth_user_id" not in log_in("alice", PASSWORD).session
    assert log_in("alice", password).get(reverse("profile")).headers["Location"] == reverse(
        "account_change_password"
    )
    assert Event.objects.get(action=Action.ADMIN, kind="password").object_id == str(alice.pk)


def test_everything_somebody_is_logged_in_with_ends_at_once(office: Client, admin: User, alice: User) -> None:
    browser = log_in("alice", PASSWORD)
    _token, secret = tokens.issue(owner=alice, name="probe", scopes=["read"], lifetime=tokens.LOGIN)
    Notice.objects.all().delete()
    assert (
        "End all sessions and tokens" in office.get(reverse("staff_edit", args=[alice.pk])).content.decode()
    )
    office.post(reverse("staff_sessions", args=[alice.pk]))
    assert browser.get(reverse("profile")).status_code == 302
    assert tokens.find(secret) is None
    assert log_in("alice", PASSWORD).get(reverse("profile")).status_code == 200
    event = Event.objects.get(action=Action.ADMIN)
    assert (event.kind, event.object_id, event.payload.data) == ("session", str(alice.pk), {"ended": "all"})
    assert "all your sessions and tokens" in Notice.objects.get(recipient=alice).text["en"]


def test_others_learn_that_an_administrator_could_enter_as_somebody(
    office: Client, alice: User, bob: User, maternity: Unit
) -> None:
    second, stranger = factories.staff("second", Role.ADMIN), factories.staff("stranger", Role.STEWARD)
    maternity.leads.add(bob)
    second_factors.app_of(alice)
    office.post(reverse("staff_password", args=[alice.pk]))
    office.post(reverse("staff_second_factor", args=[alice.pk]))
    for person, said in ((alice, "you"), (second, "ask Alice"), (bob, "ask Alice")):
        texts = [notice.text["en"] for notice in Notice.objects.filter(recipient=person)]
        assert len(texts) == 2
        assert all(said in text for text in texts)
    assert not Notice.objects.filter(recipient__in=[stranger, *User.objects.filter(username="admin")])


def test_nobody_locks_themselves_out(office: Client, admin: User) -> None:
    form = filled(None, username="admin", role="steward")
    answer = office.post(reverse("staff_edit", args=[admin.pk]), form)
    assert set(answer.context["form"].errors) == {"role", "is_active"}
    admin.refresh_from_db()
    assert admin.is_active
    assert admin.role == Role.ADMIN


def test_others_are_refused_and_that_is_recorded(client: Client, alice: User) -> None:
    client.force_login(alice)
    assert client.get(reverse("staff_list")).status_code == 403
    assert client.post(reverse("staff_new"), filled(None)).status_code == 403
    assert Event.objects.filter(action=Action.REFUSED, actor=alice, kind="page").count() == 2


def test_the_list_shows_who_may_log_in(office: Client, alice: User, maternity: Unit) -> None:
    services.update_staff(actor=alice, user=alice, units=[maternity], is_active=False)
    page = office.get(reverse("staff_list")).content.decode()
    assert "disabled" in page
    assert "Maternity" in page


def test_who_is_in_the_audit_cannot_be_deleted(alice: User, claire: Patient) -> None:
    record(Action.VIEW, actor=alice, patient=claire.pk)
    with pytest.raises(ProtectedError):
        alice.delete()
