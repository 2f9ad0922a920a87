"""The curves of held-out scores on the pages of two models, looked at in French on two widths."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

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


@pytest.mark.parametrize(("theme", "size"), [("light", (1440, 900)), ("dark", (820, 1180))])
@pytest.mark.parametrize(
    ("model", "heading", "drawings"),
    [("sleep", "Confiance et justesse constatée", 3), ("chest_xray", "Calibration", 5)],
)
def test_the_curves_of_held_out_scores_are_readable(
    browser: Browser, live_server: LiveServer, theme: str, size: tuple[int, int],
    model: str, heading: str, drawings: int,
) -> None:  # fmt: skip
    page = window(browser, live_server, factories.staff("steward", Role.STEWARD), "fr", theme, size)
    complaints = watched(page)
    wrong: list[Any] = []
    page.goto(live_server.url + reverse("model", args=[model]) + "#curves")
    expect(page.get_by_role("heading", name=heading)).to_be_visible()
    expect(page.locator("#curves figure")).to_have_count(drawings)
    expect(page.locator("#point-from")).to_contain_text("il en est recalculé")
    found = Axe().run(page, options=VIOLATIONS_ALONE).response["violations"]
    wrong += [f"axe {v['id']}: {v['nodes'][0]['target']}" for v in found]
    if not fits(page):
        wrong.append("sticks out sideways")
    if SCREENS:
        shown = page.locator("#curves")
        shown.screenshot(path=Path(SCREENS) / f"held-out-{model}-{theme}-{size[0]}.png")
    page.context.close()
    assert not wrong + complaints
