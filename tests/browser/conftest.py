"""Browsers of the journeys: an English-speaking one unless a test says otherwise, and patient."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from clinic.accounts.models import User
from clinic.accounts.roles import Role
from tests import factories
from tests.browser.scoring_lab import Lab
from tests.browser.scoring_nights import night
from tests.browser.viewer_room import SMALL, Room
from tests.browser.visiting import PATIENCE_MS, Visit, nobody_asks, opened

# What is expected comes in its own time on a machine that runs other tests beside.
expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    """Ask for English on a desktop screen, in the time zone of the ward."""
    return {
        **browser_context_args,
        "locale": "en-GB",
        "timezone_id": "Europe/Paris",
        "viewport": {"width": 1440, "height": 900},
    }


@pytest.fixture(autouse=True)
def answered(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let the server finish with every window before the database is emptied for the next test."""
    if "live_server" not in request.fixturenames:
        yield
        return
    # Torn down after this one, which comes down after every window.
    request.getfixturevalue("transactional_db")
    browser = request.getfixturevalue("browser")
    yield
    # What a failed test left open is not to hold up those that follow.
    for context in browser.contexts:
        context.close()
    nobody_asks()


@pytest.fixture
def page(page: Page) -> Page:
    """Return a window that waits as long as what is expected of it."""
    page.set_default_timeout(PATIENCE_MS)
    return page


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


@pytest.fixture
def room(live_server: LiveServer, browser: Browser) -> Iterator[Room]:
    """Return an empty reading room."""
    radiology = factories.unit("radiology")
    charlie = factories.staff("charlie", Role.RADIOLOGIST, radiology)
    child = factories.patient(radiology, invented=True)
    with ExitStack() as stack:

        def open_window(*, script: str = "", size: tuple[int, int] = SMALL, **look: Any) -> Visit:
            visit = stack.enter_context(opened(browser, live_server.url, charlie, size=size, **look))
            if script:
                visit.page.add_init_script(script)
            return visit

        yield Room(live_server.url, charlie, child, open_window)
