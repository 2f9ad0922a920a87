"""The scoring room, driven by mouse, fingers and keyboard as a sleep technician does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from clinic.accounts.models import User
from clinic.accounts.roles import Role
from patients.models import Patient
from predictions.models import Study
from tests import factories
from tests.browser.scoring_nights import night
from tests.browser.visiting import DESKTOP, TABLET, Visit, opened

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@dataclass
class Lab:
    """A sleep laboratory with one analysed night."""

    url: str
    terry: User
    sandra: User
    nina: Patient
    study: Study
    open_window: Any

    def enter(self, who: User | None = None, study: Study | None = None, **look: Any) -> Visit:
        """Open the scoring room and wait until signals are drawn."""
        visit = self.open_window(who or self.terry, **look)
        visit.go(reverse("scoring_room", args=[(study or self.study).pk]))
        drawn(visit.page)
        return visit


def drawn(page: Page) -> None:
    """Wait until the page in sight is complete."""
    expect(page.locator("[data-epoch-number]")).not_to_be_empty()
    expect(page.locator("[data-state]")).to_have_text("")


@pytest.fixture
def lab(live_server: LiveServer, browser: Browser) -> Iterator[Lab]:
    """Return the laboratory behind a running server."""
    unit = factories.unit("sleep")
    terry = factories.staff("terry", Role.TECHNICIAN, unit)
    sandra = factories.staff("sandra", Role.PHYSICIAN, unit)
    nina = factories.patient(unit, family_name="Harbour", given_name="Nina", invented=True)
    with ExitStack() as stack:

        def open_window(user: User, **look: Any) -> Visit:
            return stack.enter_context(opened(browser, live_server.url, user, **look))

        yield Lab(live_server.url, terry, sandra, nina, night(terry, nina), open_window)


def test_the_room_is_drawn_in_both_languages_and_themes(lab: Lab) -> None:
    wrong = []
    looks = (("en", "light", DESKTOP), ("fr", "dark", TABLET))
    for language, theme, size in looks:
        visit = lab.enter(language=language, theme=theme, size=size)
        for _step in range(40):
            visit.page.keyboard.press("ArrowRight")
        drawn(visit.page)
        visit.page.wait_for_timeout(800)
        wrong += visit.judge(f"scoring-{language}-{theme}-{size[0]}")
    assert not wrong, "\n".join(wrong)
