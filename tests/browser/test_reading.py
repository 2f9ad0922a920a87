"""Reading an X-ray blind, writing the report and signing it: with the keyboard, and on a tablet in French."""

from __future__ import annotations

import pytest
from django.urls import reverse
from playwright.sync_api import Browser, Locator, Page, expect
from pytest_django.live_server_helper import LiveServer

from clinic.accounts.models import User
from clinic.accounts.roles import Role
from predictions import first_read, reading
from predictions.models import Study
from tests import factories
from tests.browser.house import _xray
from tests.browser.visiting import DESKTOP, TABLET, loaded, opened

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def charlie(transactional_db: None) -> User:
    """Return the radiologist."""
    return factories.staff("charlie", Role.RADIOLOGIST, factories.unit("radiology"))


@pytest.fixture
def study(charlie: User) -> Study:
    """Return an X-ray that nobody has read."""
    return _xray(charlie, factories.patient(factories.unit("radiology")))


def test_blind_then_written_then_signed_by_keyboard(
    browser: Browser, live_server: LiveServer, charlie: User, study: Study
) -> None:
    wrong = []
    with opened(browser, live_server.url, charlie, theme="dark", size=DESKTOP) as window:
        window.go(reverse("worklist"))
        page = window.page
        page.get_by_role("link", name="First read").press("Enter")
        expect(page.get_by_text("How sure are you?")).to_be_visible()
        expect(page.locator("body")).not_to_contain_text("suggests")
        wrong += window.judge("reading-blind")
        page.get_by_role("radio", name="Normal", exact=True).press("Space")
        # Enter in a choice commits nothing.
        page.get_by_role("radio", name="Normal", exact=True).press("Enter")
        page.get_by_role("radio", name="Sure", exact=True).press("Space")
        write(page, "Technique and quality", "Frontal.")
        page.get_by_role("button", name="Commit my first impression").press("Enter")
        expect(page.locator("#first-read")).to_contain_text("unlike the algorithm")
        loaded(page)
        page.get_by_role("button", name="All normal").press("Enter")
        expect(part(page, "Lungs")).to_have_value("No focal opacity. Normal aeration on both sides.")
        expect(part(page, "Technique and quality")).to_have_value("Frontal.")
        wrong += window.judge("reading-written")
        page.get_by_role("radio", name="Agree", exact=True).press("Space")
        page.get_by_role("button", name="Sign", exact=True).press("Enter")
        expect(page.locator(".signed-report")).to_contain_text("Normal chest X-ray.")
        expect(page.locator("body")).to_contain_text("changed after the answer")
        wrong += window.judge("reading-signed")
    assert not wrong, "\n".join(wrong)


def part(page: Page, label: str) -> Locator:
    """Return a part of the report."""
    return page.get_by_role("textbox", name=label)


def write(page: Page, label: str, text: str) -> None:
    """Type into a part of the report, key by key, and leave it."""
    part(page, label).press_sequentially(text)
    part(page, label).press("Tab")
    expect(page.locator("#reading-saved")).to_contain_text("saved, ")
    expect(page.locator("written-report")).to_have_js_property("unsaved", False)


def test_two_readers_on_a_tablet_in_french(
    browser: Browser, live_server: LiveServer, charlie: User, study: Study
) -> None:
    dora = factories.staff("dora", Role.PHYSICIAN, factories.unit("radiology"))
    written = {"lungs": "Foyer du lobe inférieur droit.", "impression": "Pneumonie."}
    for reader in (dora, charlie):
        first_read.commit(user=reader, study=study, impression="pneumonia", confidence="unsure")
    reading.save(user=dora, study=study, values=written, language="fr")
    with opened(browser, live_server.url, charlie, language="fr", size=TABLET, touch=True) as window:
        window.go(reverse("study", args=[study.pk]))
        page = window.page
        page.get_by_text("a aussi rédigé un compte rendu").tap()
        page.get_by_role("button", name="Reprendre ce texte").tap()
        expect(part(page, "Conclusion")).to_have_value("Pneumonie.")
        page.get_by_role("button", name="Normal : Plèvre").tap()
        expect(part(page, "Plèvre")).to_have_value("Pas d’épanchement, pas de pneumothorax.")
        page.get_by_text("a aussi rédigé un compte rendu").tap()
        wrong = window.judge("reading-taken-fr")
    assert not wrong, "\n".join(wrong)
