"""Browsers of the journeys: an English-speaking one unless a test says otherwise."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    """Ask for English on a desktop screen, in the time zone of the ward."""
    return {
        **browser_context_args,
        "locale": "en-GB",
        "timezone_id": "Europe/Paris",
        "viewport": {"width": 1440, "height": 900},
    }
