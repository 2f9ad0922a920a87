"""A steward proposes, a physician confirms the operating point and approves; it serves, and goes back."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from clinic.accounts.models import User
from ml import package as packages
from predictions import jobs
from predictions.versions import proposals, services
from predictions.versions.models import Proposal
from tests.browser.test_model_pages import window
from tests.browser.visiting import fits, loaded, watched

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SCREENS = os.environ.get("VIGIE_SCREENS", "")


def seen(page: Page, name: str) -> None:
    """Check what anybody sees of a page: nothing sideways, no rule of accessibility broken."""
    loaded(page)
    assert fits(page), name
    found = Axe().run(page).response["violations"]
    assert not found, f"{name}: {[(v['id'], v['nodes'][0]['target']) for v in found]}"
    if SCREENS:
        page.screenshot(path=Path(SCREENS) / f"versions-{name}.png", full_page=True)


def test_a_version_is_proposed_judged_confirmed_and_taken_back(
    browser: Browser, live_server: LiveServer, steward: User, sandra: User
) -> None:
    services.register_all()
    serving = packages.champion_version("sleep")
    desk = window(browser, live_server, steward, "en", "light", (1440, 900))
    complaints = watched(desk)
    desk.goto(f"{live_server.url}/models/")
    desk.get_by_role("navigation", name="Running the models").get_by_role("link", name="Versions").click()
    expect(desk.get_by_role("link", name="Propose 1.2.0")).to_be_visible()
    seen(desk, "list")
    desk.get_by_role("link", name="Propose 1.2.0").click()
    desk.get_by_role("main").get_by_role("button", name="Propose").click()
    expect(desk.get_by_role("alert")).to_contain_text("Write why")
    desk.get_by_label("Why").fill("Steadier on one frontal EEG")
    desk.get_by_role("main").get_by_role("button", name="Propose").click()
    expect(desk.get_by_role("status").first).to_contain_text("Being judged")
    jobs.work(proposals.KIND, Proposal.objects.get().pk)
    expect(desk.locator("#proposal")).to_contain_text("Waiting for a second person")
    expect(desk.locator("#proposal")).to_contain_text("You proposed it: a second person decides.")
    expect(desk.get_by_role("button", name="Approve")).to_have_count(0)
    seen(desk, "proposed")

    ward = window(browser, live_server, sandra, "fr", "dark", (820, 1180))
    also = watched(ward)
    ward.goto(f"{live_server.url}/notices/")
    ward.get_by_role("main").get_by_role("link").first.click()
    expect(ward.get_by_label("Point de fonctionnement, tel qu’écrit")).to_be_visible()
    expect(ward.locator(".criteria .failed")).to_have_count(0)
    seen(ward, "to-decide")
    threshold = ward.get_by_label("Point de fonctionnement, tel qu’écrit")
    threshold.fill("0,5000")
    ward.get_by_role("button", name="Approuver").click()
    expect(ward.get_by_role("alert")).to_contain_text("Ce n’est pas le point de fonctionnement")
    assert packages.champion_version("sleep") == serving
    threshold.fill("0,6840")
    ward.get_by_role("button", name="Approuver").click()
    expect(ward.get_by_role("button", name="Approuver")).to_have_count(0)
    expect(ward.locator("#proposal .facts")).to_contain_text("0,6840")
    assert packages.champion_version("sleep") == "1.2.0"

    desk.goto(f"{live_server.url}/models/sleep/")
    expect(desk.get_by_role("complementary")).to_contain_text("Steadier on one frontal EEG")
    seen(desk, "model")
    desk.get_by_role("link", name=f"Return to version {serving}").click()
    desk.get_by_label("Why").fill("The laboratory wants the other one")
    desk.get_by_role("main").get_by_role("button", name=f"Return to version {serving}").click()
    expect(desk.get_by_role("main")).to_contain_text(f"Version {serving} serves again")
    assert packages.champion_version("sleep") == serving
    ward.context.close()
    desk.context.close()
    assert [said for said in complaints + also if "422" not in said] == []
