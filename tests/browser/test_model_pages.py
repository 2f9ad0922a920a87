"""The model page with its curves and the comparison of recipes, as the steward sees them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings as django_settings
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from clinic.accounts.models import User
from clinic.accounts.roles import Role
from tests import factories, recipes
from tests.browser.visiting import PATIENCE_MS, VIOLATIONS_ALONE, fits, watched

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SCREENS = os.environ.get("VIGIE_SCREENS", "")
PAGES = ("model", "model_comparison")


@pytest.fixture
def steward(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> User:
    recipes.put_into_service(monkeypatch, tmp_path)
    return factories.staff("steward", Role.STEWARD)


def window(
    browser: Browser, server: LiveServer, who: User, language: str, theme: str, size: tuple[int, int]
) -> Page:
    """Open a window for one person."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]}, color_scheme=theme, locale=language
    )
    client = Client()
    User.objects.filter(pk=who.pk).update(language=language)
    client.force_login(who)
    cookies = {key: morsel.value for key, morsel in client.cookies.items()}
    cookies[django_settings.LANGUAGE_COOKIE_NAME] = language
    context.add_cookies([{"name": k, "value": v, "url": server.url} for k, v in cookies.items()])
    context.set_default_timeout(PATIENCE_MS)
    return context.new_page()


@pytest.mark.parametrize(
    ("language", "theme", "size"), [("en", "light", (1440, 900)), ("fr", "dark", (820, 1180))]
)
def test_curves_and_comparison_are_readable(
    browser: Browser, live_server: LiveServer, steward: User,
    language: str, theme: str, size: tuple[int, int],
) -> None:  # fmt: skip
    page = window(browser, live_server, steward, language, theme, size)
    complaints = watched(page)
    wrong: list[Any] = []
    for name in PAGES:
        page.goto(live_server.url + reverse(name, args=["haemorrhage"]))
        found = Axe().run(page, options=VIOLATIONS_ALONE).response["violations"]
        wrong += [f"{name}: axe {v['id']}: {v['nodes'][0]['target']}" for v in found]
        if not fits(page):
            wrong.append(f"{name}: sticks out sideways")
        if SCREENS:
            page.screenshot(path=Path(SCREENS) / f"{name}-{language}-{theme}-{size[0]}.png", full_page=True)
    page.context.close()
    assert not wrong + complaints


def test_a_click_on_a_figure_sorts_by_it(browser: Browser, live_server: LiveServer, steward: User) -> None:
    page = window(browser, live_server, steward, "en", "light", (1440, 900))
    page.goto(live_server.url + reverse("model_comparison", args=["haemorrhage"]) + "?sort=recall")
    page.get_by_role("link", name="Brier score").first.click()
    table = page.get_by_role("table", name="Probabilities").first
    expect(table.locator("th[aria-sort=ascending]")).to_have_text("Brier score ↑")
    page.context.close()
