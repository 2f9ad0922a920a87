"""The comparison page of the chest X-ray's bench, and the three models of sleep side by side."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse
from playwright.sync_api import Browser, expect
from pytest_django.live_server_helper import LiveServer

from clinic.accounts.roles import Role
from tests import factories
from tests.browser.test_model_pages import window
from tests.browser.visiting import VIOLATIONS_ALONE, fits, watched

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SCREENS = os.environ.get("VIGIE_SCREENS", "")


@pytest.mark.parametrize(
    ("language", "theme", "size"),
    [("fr", "light", (820, 1180)), pytest.param("en", "dark", (1440, 900), marks=pytest.mark.long)],
)
def test_the_bench_is_readable_with_everything_opened(
    browser: Browser, live_server: LiveServer, language: str, theme: str, size: tuple[int, int]
) -> None:
    page = window(browser, live_server, factories.staff("steward", Role.STEWARD), language, theme, size)
    complaints = watched(page)
    page.goto(live_server.url + reverse("model_comparison", args=["chest_xray"]))
    page.evaluate("document.querySelectorAll('main details').forEach((one) => { one.open = true })")
    complaints += [
        f"axe {v['id']}: {v['nodes'][0]['target']}"
        for v in Axe().run(page, options=VIOLATIONS_ALONE).response["violations"]
    ]
    if not fits(page):
        complaints.append("sticks out sideways")
    if SCREENS:
        page.screenshot(path=Path(SCREENS) / f"bench-{language}-{theme}-{size[0]}.png", full_page=True)
    page.context.close()
    assert not complaints


@pytest.mark.parametrize(
    ("language", "theme", "size"),
    [("en", "light", (1440, 900)), ("fr", "light", (820, 1180)), ("fr", "dark", (390, 844))],
)
def test_the_three_models_of_sleep_are_compared_on_the_model_page(
    browser: Browser, live_server: LiveServer, language: str, theme: str, size: tuple[int, int]
) -> None:
    page = window(browser, live_server, factories.staff("tech", Role.TECHNICIAN), language, theme, size)
    complaints = watched(page)
    page.goto(live_server.url + reverse("model", args=["sleep"]))
    part = page.locator("#same-cases")
    expect(part.locator("tbody tr").first).to_be_attached()
    assert part.locator("tbody tr:not(.recipe-note)").count() == 3 * part.locator("table").count()
    # Nothing of a table lies where only a reader who thinks of scrolling finds it; a telephone has no room.
    cut = part.locator(".scroll").evaluate_all(
        "all => all.filter((one) => one.scrollWidth > one.clientWidth).length"
    )
    if cut and size[0] >= 820:
        complaints.append(f"{cut} tables are cut")
    complaints += [
        f"axe {v['id']}: {v['nodes'][0]['target']}"
        for v in Axe().run(page, options=VIOLATIONS_ALONE).response["violations"]
    ]
    if not fits(page):
        complaints.append("sticks out sideways")
    if SCREENS:
        part.screenshot(path=Path(SCREENS) / f"models-{language}-{theme}-{size[0]}.png")
    page.context.close()
    assert not complaints
