"""What cannot be taken back asks again who sits there, in place, and loses nothing that was typed."""

from __future__ import annotations

import time

import pytest
from allauth.usersessions.models import UserSession
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from clinic.accounts import confirm
from clinic.accounts.models import Notice, User
from clinic.accounts.roles import Role
from clinic.audit.models import Action, Event
from ml.algorithms.haemorrhage.examples import EXAMPLES, as_of
from patients.models import Patient
from predictions import review
from predictions.models import Study
from predictions.states import State
from tests import factories, second_factors, studies
from tests.factories import PASSWORD

pytestmark = pytest.mark.django_db


def stale(client: Client, seconds: float = 16 * 60) -> Client:
    """Let the confirmation of a browser's session lie some time back."""
    session = client.session
    session[confirm.CONFIRMED] = time.time() - seconds
    session.save()
    return client


@pytest.fixture
def ready(alice: User, claire: Patient) -> Study:
    """Return a study of Claire that waits for a signature."""
    return studies.analysed(studies.waiting(alice, claire, values=as_of(EXAMPLES[0], timezone.now())))


@pytest.fixture
def ward(client: Client, bob: User) -> Client:
    """Return the browser of Bob, who logged in a while ago."""
    client.force_login(bob)
    return stale(client)


def signature(study: Study, **fields: str) -> dict[str, str]:
    """Return the form of a signature."""
    return {"verdict": "agree", "comment": "As expected.", "prediction": str(study.prediction.pk), **fields}


def test_signing_asks_in_place_and_keeps_what_was_typed(ward: Client, ready: Study) -> None:
    address = reverse("study_sign", args=[ready.pk])
    answer = ward.post(address, signature(ready))
    page = answer.content.decode()
    assert answer.status_code == 422
    assert 'name="confirm_password"' in page
    assert "As expected." in page
    assert "Confirm that it is you" in page

    wrong = ward.post(address, signature(ready, confirm_password="wrong"))
    assert "This is not your password." in wrong.content.decode()
    assert ward.post(address, signature(ready, confirm_password=PASSWORD)).status_code == 302
    ready.refresh_from_db()
    assert ready.state == State.SIGNED
    assert Event.objects.filter(action=Action.REAUTHENTICATE, actor__username="bob").count() == 1


def test_after_a_log_in_signing_asks_for_nothing(client: Client, bob: User, ready: Study) -> None:
    client.post(reverse("account_login"), {"login": "bob", "password": PASSWORD})
    page = client.get(reverse("study", args=[ready.pk])).content.decode()
    # The fields wait in a template, for a page that stays open longer than the confirmation lasts.
    asked, later = page.split("<confirm-later", 1)
    assert "confirm_password" not in asked
    assert "confirm_password" not in later.split("</confirm-later>", 1)[1]
    assert client.post(reverse("study_sign", args=[ready.pk]), signature(ready)).status_code == 302


def test_amending_asks_too(ward: Client, bob: User, ready: Study) -> None:
    review.give(user=bob, study=ready, verdict="agree", reason="", comment="")
    review.sign(user=bob, study=ready, later="", hypnogram="")
    address = reverse("study_amend", args=[ready.pk])
    answer = ward.post(address, {"reason": "A value was typed wrong."})
    assert answer.status_code == 422
    assert "A value was typed wrong." in answer.content.decode()
    ward.post(address, {"reason": "A value was typed wrong.", "confirm_password": PASSWORD})
    ready.refresh_from_db()
    assert ready.state == State.READY


def test_the_api_asks_an_open_session_too(ward: Client, ready: Study) -> None:
    review.give(user=User.objects.get(username="bob"), study=ready, verdict="agree", reason="", comment="")
    address = reverse("api-sign", args=[ready.pk])
    refused = ward.post(address, {}, content_type="application/json")
    assert refused.status_code == 403
    assert refused.json()["problems"][0]["code"] == "confirmation_needed"
    sent = {"confirm_password": PASSWORD}
    assert ward.post(address, sent, content_type="application/json").status_code == 201


def test_a_download_asks_on_a_page_that_comes_back(ward: Client, ready: Study) -> None:
    file = reverse("study_document", args=[ready.pk, ready.pk])
    asked = ward.get(file)
    assert asked.headers["Location"].startswith(reverse("confirm_identity"))
    page = ward.get(asked.headers["Location"]).content.decode()
    study = reverse("study", args=[ready.pk])
    assert f'name="back" value="{study}"' in page
    sent = {"next": file, "back": study, "confirm_password": PASSWORD}
    done = ward.post(reverse("confirm_identity"), sent).content.decode()
    assert f'content="0; url={file}"' in done
    assert f'href="{study}"' in done
    assert ward.get(file).status_code == 404  # asked for, and there is no such document


def test_the_page_leads_nowhere_else(ward: Client) -> None:
    sent = {"next": "https://elsewhere.example/", "confirm_password": PASSWORD}
    assert ward.post(reverse("confirm_identity"), sent).headers["Location"] == reverse("worklist")


@pytest.mark.parametrize(
    "page", ["staff_new", "staff_edit", "staff_password", "staff_sessions", "staff_second_factor", "unit_new"]
)
def test_administration_asks_and_carries_what_was_typed(
    client: Client, admin: User, alice: User, page: str
) -> None:
    client.force_login(admin)
    address = reverse(page, args=[alice.pk] if page.startswith("staff_") and page != "staff_new" else [])
    if page not in ("staff_password", "staff_sessions"):
        assert stale(client).get(address).status_code == 200
    answer = stale(client).post(address, {"last_name": "Carried", "units": ["1", "2"]})
    text = answer.content.decode()
    assert answer.status_code == 422
    assert 'name="last_name" value="Carried"' in text
    assert text.count('name="units"') == 2
    assert 'name="confirm_password"' in text
    assert not Event.objects.filter(action=Action.ADMIN).exists()


def test_a_code_of_the_app_confirms_once(ward: Client, bob: User, ready: Study) -> None:
    second_factors.app_of(bob)
    code = second_factors.code()
    assert "or a code of your app" in ward.get(reverse("study", args=[ready.pk])).content.decode()
    sent = {"next": "/models/", "confirm_code": code}
    assert ward.post(reverse("confirm_identity"), sent).headers["Location"] == "/models/"
    again = stale(ward).post(reverse("confirm_identity"), sent)
    assert "This code has served already" in again.content.decode()


def test_guessing_at_an_open_session_ends(ward: Client) -> None:
    address, right = reverse("confirm_identity"), {"next": "/models/", "confirm_password": PASSWORD}
    for _ in range(4):
        assert ward.post(address, {**right, "confirm_password": "wrong"}).status_code == 422
    ended = ward.post(address, {**right, "confirm_password": "wrong"}, follow=True)
    assert "so it has ended" in ended.content.decode()
    assert ward.post(address, right).headers["Location"].startswith(reverse("account_login"))
    assert Event.objects.get(action=Action.LOCK).payload.data["limit"] == "confirmation"
    assert Event.objects.get(action=Action.LOGOUT).payload.data == {"ended": "guessed"}
    # Logging in again, with everything that takes, is the way out.
    ward.post(reverse("account_login"), {"login": "bob", "password": PASSWORD})
    assert ward.get(address, {"next": "/models/"}).headers["Location"] == "/models/"


def guess_codes(client: Client) -> None:
    """Try codes at an open session until it ends."""
    for _ in range(5):
        client.post(reverse("confirm_identity"), {"next": "/models/", "confirm_code": "000000"})
    assert "_auth_user_id" not in client.session


def test_guesses_at_a_screen_left_open_cost_its_owner_nothing_elsewhere(
    ward: Client, bob: User, admin: User, ready: Study
) -> None:
    second_factors.app_of(bob)
    other = Client()
    other.force_login(bob)
    for _ in range(4):
        guess_codes(ward)
        ward.force_login(bob)
        stale(ward)
    guess_codes(ward)

    sent = signature(ready, confirm_code=second_factors.code())
    assert stale(other).post(reverse("study_sign", args=[ready.pk]), sent).status_code == 302
    home = Client()
    home.post(reverse("account_login"), {"login": "bob", "password": PASSWORD})
    home.post(reverse("mfa_authenticate"), {"code": second_factors.code(1)})
    assert home.session["_auth_user_id"] == str(bob.pk)
    told = Notice.objects.filter(recipient=bob).first()
    assert "The account is not locked." in told.text["en"]
    assert Notice.objects.filter(recipient=admin).count() == 5


def test_a_right_one_in_time_begins_the_count_anew(ward: Client) -> None:
    address = reverse("confirm_identity")
    for _ in range(2):
        for _ in range(4):
            ward.post(address, {"confirm_password": "wrong"})
        ward.post(address, {"confirm_password": PASSWORD})
        stale(ward)
    assert "_auth_user_id" in ward.session


def test_a_program_that_guesses_is_told_that_its_session_ended(ward: Client, ready: Study) -> None:
    review.give(user=User.objects.get(username="bob"), study=ready, verdict="agree", reason="", comment="")
    sent = {"confirm_password": "wrong"}
    for _ in range(5):
        answer = ward.post(reverse("api-sign", args=[ready.pk]), sent, content_type="application/json")
    assert answer.status_code == 403
    assert "it has ended" in answer.json()["problems"][0]["message"]
    assert "_auth_user_id" not in ward.session


def test_a_passkey_that_was_not_accepted_is_on_record(ward: Client) -> None:
    ward.get(reverse("confirm_passkey"))
    assert ward.post(reverse("confirm_passkey"), {}, content_type="application/json").status_code == 400
    event = Event.objects.get(action=Action.LOGIN_FAILED)
    assert event.payload.data == {"account": "bob", "factor": "webauthn", "confirmation": True}


def test_a_confirmed_session_has_a_new_key(client: Client, bob: User, settings) -> None:
    client.post(reverse("account_login"), {"login": "bob", "password": PASSWORD})
    before = stale(client).session.session_key
    client.post(reverse("confirm_identity"), {"confirm_password": PASSWORD})
    after = client.session.session_key
    assert after != before
    assert UserSession.objects.get(user=bob).session_key == after
    thief = Client()
    thief.cookies[settings.SESSION_COOKIE_NAME] = before
    assert thief.get("/models/").status_code == 302


def test_a_confirmation_from_the_future_is_none(ward: Client) -> None:
    assert stale(ward, -3600).get(reverse("confirm_identity")).status_code == 200


def test_a_part_of_a_page_sends_the_whole_page_to_be_confirmed(client: Client, admin: User) -> None:
    client.force_login(admin)
    answer = stale(client).post(
        reverse("unit_new"),
        {},
        headers={"HX-Request": "true", "HX-Current-URL": "http://testserver/units/new/"},
    )
    assert answer.headers["HX-Redirect"] == f"{reverse('confirm_identity')}?next=%2Funits%2Fnew%2F"


def test_without_a_password_a_code_is_asked_for(client: Client, maternity, ready: Study) -> None:
    dan = factories.staff("dan", Role.PHYSICIAN, maternity)
    second_factors.app_of(dan)
    client.force_login(dan)
    page = stale(client).get(reverse("study", args=[ready.pk])).content.decode()
    assert "confirm_password" not in page
    assert "A code of your app" in page
