"""Browsers of the journeys: an English-speaking one unless a test says otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import Browser
from pytest_django.live_server_helper import LiveServer

from clinic.accounts.models import User
from clinic.accounts.roles import Role
from tests import factories
from tests.browser.scoring_lab import Lab
from tests.browser.scoring_nights import night
from tests.browser.visiting import Visit, opened


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    """Ask for English on a desktop screen, in the time zone of the ward."""
    return {
        **browser_context_args,
        "locale": "en-GB",
        "timezone_id": "Europe/Paris",
        "viewport": {"width": 1440, "height": 900},
    }


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
