"""Getting in with a passkey, confirming with it when one signs, and a session that ends by itself."""

from __future__ import annotations

import time
from collections.abc import Iterator
from importlib import import_module

import pytest
from allauth.mfa.models import Authenticator
from django.conf import settings as django_settings
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.models import Session
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from clinic.accounts import confirm, sessions
from clinic.accounts.models import User
from clinic.accounts.roles import Role
from ml.algorithms.haemorrhage.examples import EXAMPLES, as_of
from predictions.models import Study
from predictions.states import State
from tests import factories, second_factors, studies
from tests.browser.visiting import DESKTOP, TABLET, Visit, loaded, opened

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

WORDS = "Bled little, uterus firm."


@pytest.fixture
def bob(transactional_db: None) -> User:
    """Return the physician who signs."""
    return factories.staff("bob", Role.PHYSICIAN, factories.unit("maternity"), password=factories.PASSWORD)


@pytest.fixture
def study(bob: User) -> Study:
    """Return a study that waits for his signature."""
    claire = factories.patient(factories.unit("maternity"))
    return studies.analysed(studies.waiting(bob, claire, values=as_of(EXAMPLES[0], timezone.now())))


@pytest.fixture
def window(browser: Browser, live_server: LiveServer, bob: User) -> Iterator[Visit]:
    """Return a window in which nobody is logged in."""
    with opened(browser, live_server.url, None) as window:
        yield window


def page_session() -> SessionBase:
    """Return the one open session."""
    return import_module(django_settings.SESSION_ENGINE).SessionStore(Session.objects.get().session_key)


def set_clock(clock: str, seconds: float) -> None:
    """Set a clock of the one open session back."""
    store = page_session()
    store[clock] = time.time() - seconds
    store.save()


def grow_old(page: Page, seconds: float) -> None:
    """Let the session and its page have seen nobody for so long."""
    loaded(page)
    set_clock(sessions.SEEN, seconds)
    left = max(0, django_settings.IDLE_SECONDS - seconds)
    page.evaluate("left => document.querySelector('session-clock').heard(left, 40000)", left)


def log_in(page: Page) -> None:
    """Type name and password."""
    page.get_by_label("Username").fill("bob")
    page.get_by_label("Password").fill(factories.PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Log in").click()


def key(page: Page) -> None:
    """Give the browser a device that keeps passkeys and knows its owner's finger."""
    devices = page.context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    device = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": True, "automaticPresenceSimulation": True,
    }  # fmt: skip
    devices.send("WebAuthn.addVirtualAuthenticator", {"options": device})


def test_a_passkey_is_set_up_logs_in_alone_and_confirms_a_signature(
    window: Visit, study: Study, settings
) -> None:
    settings.REQUIRE_MFA = True
    page = window.page
    key(page)
    window.go(reverse("worklist"))
    log_in(page)
    expect(page.get_by_role("heading", name="Second factor")).to_be_visible()
    page.get_by_role("link", name="Add a passkey").click()
    page.get_by_role("button", name="Add the passkey").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    assert Authenticator.objects.filter(type="webauthn").count() == 1
    page.get_by_role("link", name="I have kept them").click()
    expect(page.get_by_role("heading", name="Worklist")).to_be_visible()

    page.context.clear_cookies(name=settings.SESSION_COOKIE_NAME)
    Session.objects.all().delete()
    window.go(reverse("study", args=[study.pk]))
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url(window.url + reverse("study", args=[study.pk]))

    set_clock(confirm.CONFIRMED, 3600)
    window.go(reverse("study", args=[study.pk]))
    page.get_by_label("Comment").fill(WORDS)
    page.get_by_role("radio", name="Agree", exact=True).check(force=True)
    page.get_by_role("button", name="Use my passkey").click()
    expect(page.get_by_text("Confirmed. Go on.")).to_be_visible()
    expect(page.get_by_role("button", name="Sign", exact=True)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Signed.", exact=True)).to_be_visible()
    study.refresh_from_db()
    assert study.state == State.SIGNED
    assert window.complaints == []

    User.objects.update(is_active=False)
    window.go(reverse("study", args=[study.pk]))
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_text("This code is wrong.")).to_be_visible()
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()


def test_the_password_confirms_in_place_with_enter_and_a_typing_mistake_costs_no_word(
    window: Visit, study: Study
) -> None:
    page = window.page
    studies.written(study, b"%PDF-1.7 invented")
    window.go(reverse("study", args=[study.pk]))
    log_in(page)
    expect(page.get_by_label("Comment")).to_be_visible()
    set_clock(confirm.CONFIRMED, 3600)
    page.locator("#documents").get_by_role("link").first.click()
    page.get_by_label("Your password").fill(factories.PASSWORD)
    loaded(page)
    with page.expect_download() as taken:
        page.get_by_label("Your password").press("Enter")
    assert taken.value.suggested_filename.endswith(".pdf")
    page.get_by_role("main").get_by_role("link", name="Back").click()

    expect(page.get_by_label("Comment")).to_be_visible()
    set_clock(confirm.CONFIRMED, 3600)
    page.get_by_label("Comment").fill(WORDS)
    page.get_by_role("radio", name="Agree", exact=True).check(force=True)
    page.get_by_role("button", name="Sign", exact=True).click()
    page.wait_for_url("**/sign/")
    for password in ("wrong", factories.PASSWORD):
        expect(page.get_by_label("Comment")).to_have_value(WORDS)
        loaded(page)
        page.get_by_label("Your password").fill(password)
        with page.expect_navigation():
            page.get_by_label("Your password").press("Enter")
    expect(page.get_by_text("Signed.", exact=True)).to_be_visible()


def test_a_session_that_ends_warns_covers_the_page_and_gives_back_what_was_typed(
    window: Visit, study: Study, settings
) -> None:
    page, address = window.page, reverse("study", args=[study.pk])
    window.go(address)
    log_in(page)
    expect(page.get_by_label("Comment")).to_be_visible()
    page.get_by_label("Comment").fill(WORDS)

    grow_old(page, settings.IDLE_SECONDS - 100)
    warning = page.get_by_role("dialog", name="You will be logged out")
    expect(warning).to_be_visible()
    expect(warning.get_by_role("button", name="Stay logged in")).to_be_focused()
    expect(warning.get_by_role("status")).to_contain_text("seconds")
    page.keyboard.press("Enter")
    expect(warning).to_be_hidden()
    expect(page.get_by_label("Comment")).to_have_value(WORDS)

    set_clock(sessions.BEGAN, settings.SESSION_COOKIE_AGE - 100)
    page.evaluate("document.querySelector('session-clock').heard(100, 100)")
    expect(warning).to_contain_text("A session ends after a shift")
    expect(warning.get_by_role("button", name="Stay logged in")).to_be_hidden()

    grow_old(page, settings.IDLE_SECONDS + 1)
    expect(page.get_by_role("heading", name="You are logged out")).to_be_focused()
    assert "Lantern" not in page.content()
    assert "Lantern" not in page.title()
    page.get_by_role("link", name="Log in and go on here").click()
    log_in(page)
    page.wait_for_url(window.url + address)
    expect(page.get_by_label("Comment")).to_have_value(WORDS)
    expect(page.get_by_text("stands here again")).to_be_visible()


def test_a_form_that_saves_itself_keeps_no_session_open_but_a_key_does(
    window: Visit, bob: User, settings
) -> None:
    claire, page = factories.patient(factories.unit("maternity")), window.page
    window.go(reverse("study_new", args=["haemorrhage", claire.pk]))
    log_in(page)
    field = page.get_by_label("Haemoglobin", exact=True)
    expect(field).to_be_visible()
    loaded(page)
    field.press_sequentially("9.6")
    # The warning takes the focus away, so that the field reports a change and is saved: nobody is there.
    with page.expect_response(lambda answer: answer.url.endswith("/draft/")):
        grow_old(page, settings.IDLE_SECONDS - 100)
        expect(page.get_by_role("dialog", name="You will be logged out")).to_be_visible()
    assert sessions.left(page_session())[0] <= 100
    page.get_by_role("button", name="Stay logged in").click()
    expect(page.get_by_role("dialog", name="You will be logged out")).to_be_hidden()

    # Somebody types without a request of the page's own.
    grow_old(page, settings.IDLE_SECONDS - 200)
    page.evaluate("document.querySelector('session-clock').asked = 0")
    page.evaluate("document.dispatchEvent(new KeyboardEvent('keydown', { key: 'a' }))")
    page.wait_for_timeout(300)
    assert sessions.left(page_session())[0] <= 200
    with page.expect_response(lambda answer: answer.url.endswith(reverse("session_stay"))):
        field.press("ArrowLeft")
    assert sessions.left(page_session())[0] > settings.IDLE_SECONDS - 100


@pytest.mark.parametrize(("language", "size"), [("en", DESKTOP), ("fr", TABLET)], ids=["en", "fr"])
def test_the_pages_of_the_entrance_are_in_order(
    browser: Browser, live_server: LiveServer, bob: User, study: Study, language: str, size: tuple[int, int]
) -> None:
    wrong: list[str] = []
    with opened(browser, live_server.url, None, language=language, size=size) as window:
        window.go(reverse("account_login"))
        wrong += window.judge(f"entrance-login-{language}")
    with opened(browser, live_server.url, bob, language=language, size=size) as window:
        for name in ("mfa_index", "mfa_add_webauthn", "mfa_activate_totp", "mfa_generate_recovery_codes"):
            if name == "mfa_generate_recovery_codes":
                second_factors.app_of(bob)
            window.go(reverse(name))
            wrong += window.judge(f"entrance-{name}-{language}")
        set_clock(confirm.CONFIRMED, 3600)
        for name, address in (
            ("confirm", reverse("confirm_identity")),
            ("study", reverse("study", args=[study.pk])),
        ):
            window.go(address)
            wrong += window.judge(f"entrance-{name}-{language}")
        window.page.evaluate("document.querySelector('session-clock').open()")
        wrong += window.judge(f"entrance-warning-{language}")
    assert wrong == []
