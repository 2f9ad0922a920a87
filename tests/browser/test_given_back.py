"""A form given back with a refusal: where one goes on is in sight, and nothing of it is lost afterwards."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.contrib.sessions.models import Session
from django.urls import reverse
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from clinic.accounts import confirm
from clinic.accounts.models import User
from clinic.accounts.roles import Role
from predictions import first_read
from predictions.models import Study
from predictions.states import State
from tests import factories
from tests.browser.house import _xray
from tests.browser.test_entrance import grow_old, set_clock
from tests.browser.visiting import TABLET, Visit, opened

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

WORDS = "Thymus, no focus."


@pytest.fixture
def charlie(transactional_db: None) -> User:
    """Return the radiologist."""
    return factories.staff(
        "charlie", Role.RADIOLOGIST, factories.unit("radiology"), password=factories.PASSWORD
    )


@pytest.fixture
def study(charlie: User) -> Study:
    """Return an X-ray that Charlie saw as normal before the answer."""
    made = _xray(charlie, factories.patient(factories.unit("radiology")))
    first_read.commit(user=charlie, study=made, impression="normal", confidence="sure")
    return made


@pytest.fixture
def window(browser: Browser, live_server: LiveServer, charlie: User) -> Iterator[Visit]:
    """Return Charlie's window on a tablet."""
    with opened(browser, live_server.url, charlie, size=TABLET) as window:
        yield window


def log_in(page: Page, who: str) -> None:
    """Go on from the page of an ended session."""
    page.get_by_role("link", name="Log in and go on here").click()
    page.get_by_label("Username").fill(who)
    page.get_by_label("Password").fill(factories.PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Log in").click()


def judged(page: Page) -> None:
    """Expect the opinion as it was given."""
    expect(page.locator("#comment")).to_have_value(WORDS)
    expect(page.locator("[name=verdict][value=disagree]")).to_be_checked()
    expect(page.locator("#reason")).to_be_visible()


def test_signing_asks_in_sight_and_keeps_the_opinion_over_a_language_and_a_session(
    window: Visit, study: Study, settings
) -> None:
    page, address = window.page, reverse("study", args=[study.pk])
    window.go(address)
    page.locator("[name=verdict][value=disagree]").check(force=True)
    page.locator("#reason").select_option(index=1)
    page.locator("#comment").fill(WORDS)
    set_clock(confirm.CONFIRMED, 3600)
    page.get_by_role("button", name="Sign", exact=True).click()
    page.wait_for_url("**/sign/")
    password = page.get_by_label("Your password")
    expect(password).to_be_focused()
    expect(password).to_be_in_viewport()
    assert not window.judge("given-back-sign")
    password.press_sequentially("wi")
    expect(password).to_have_value("wi")
    page.locator("#review-problems").get_by_role("link").press("Enter")
    expect(password).to_be_focused()

    page.locator(".tools").get_by_role("button", name="fr").click()
    page.wait_for_url(window.url + address)
    judged(page)
    page.locator(".tools").get_by_role("button", name="en").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    judged(page)

    page.get_by_role("button", name="Sign", exact=True).click()
    page.wait_for_url("**/sign/")
    grow_old(page, settings.IDLE_SECONDS + 1)
    expect(page.get_by_role("heading", name="You are logged out")).to_be_visible()
    log_in(page, "charlie")
    page.wait_for_url(window.url + address)
    judged(page)


def test_a_missing_verdict_is_led_to(window: Visit, study: Study) -> None:
    page = window.page
    window.go(reverse("study", args=[study.pk]))
    page.get_by_role("textbox", name="Impression").fill("Normal.")
    page.get_by_role("button", name="Sign", exact=True).click()
    expect(page.locator("#verdict")).to_be_focused()
    expect(page.locator("#verdict")).to_be_in_viewport()
    expect(page.locator("#review-problems").get_by_role("link", name="verdict")).to_be_visible()


def test_the_password_is_asked_for_once_the_confirmation_grows_old_on_the_open_page(
    window: Visit, study: Study
) -> None:
    page = window.page
    window.go(reverse("study", args=[study.pk]))
    # A test logs in without typing anything: what is fresh has to be said.
    set_clock(confirm.CONFIRMED, 60)
    page.reload()
    password = page.get_by_label("Your password")
    expect(password).to_have_count(0)
    page.locator("#comment").fill(WORDS)
    set_clock(confirm.CONFIRMED, 3600)
    page.evaluate("const later = document.querySelector('confirm-later'); later.until = 0; later.look()")
    password.fill(factories.PASSWORD)
    page.get_by_role("radio", name="Agree", exact=True).check(force=True)
    page.get_by_role("textbox", name="Impression").fill("Normal.")
    page.get_by_role("button", name="Sign", exact=True).click()
    expect(page.get_by_text("Signed.", exact=True)).to_be_visible()
    study.refresh_from_db()
    assert study.state == State.SIGNED


def test_what_the_page_that_asks_for_the_password_carries_is_kept_too(
    browser: Browser, live_server: LiveServer, study: Study, settings
) -> None:
    boss = factories.staff("boss", Role.ADMIN, password=factories.PASSWORD)
    with opened(browser, live_server.url, boss) as window:
        page = window.page
        window.go(reverse("staff_new"))
        page.locator("[name=username]").fill("nina")
        page.locator("[name=last_name]").fill("Lantern")
        page.locator("[name=role]").select_option(index=2)
        role = page.input_value("[name=role]")
        set_clock(confirm.CONFIRMED, 3600)
        page.locator("main form .button.primary").click()
        expect(page.get_by_role("heading", name="Confirm that it is you")).to_be_visible()
        grow_old(page, settings.IDLE_SECONDS + 1)
        log_in(page, "boss")
        expect(page.locator("[name=last_name]")).to_have_value("Lantern")
        expect(page.locator("[name=role]")).to_have_value(role)


def test_a_refused_form_is_kept_over_the_end_of_the_session(
    browser: Browser, live_server: LiveServer, study: Study, settings
) -> None:
    boss = factories.staff("boss", Role.ADMIN, password=factories.PASSWORD)
    with opened(browser, live_server.url, boss) as window:
        page = window.page
        window.go(reverse("staff_new"))
        page.locator("[name=username]").fill("charlie")
        page.locator("[name=last_name]").fill("Lantern")
        page.locator("[name=role]").select_option(index=2)
        role = page.input_value("[name=role]")
        page.locator("main form .button.primary").click()
        expect(page.locator(".errorlist").first).to_be_visible()
        assert Session.objects.count() == 1
        grow_old(page, settings.IDLE_SECONDS + 1)
        log_in(page, "boss")
        expect(page.locator("[name=last_name]")).to_have_value("Lantern")
        expect(page.locator("[name=username]")).to_have_value("charlie")
        expect(page.locator("[name=role]")).to_have_value(role)
