"""A browser window of one person, and what may be wrong with a page in it.

``VIGIE_SCREENS=FOLDER`` keeps the pictures.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, ConsoleMessage, Page

from clinic.accounts.models import User

SCREENS = os.environ.get("VIGIE_SCREENS", "")
DESKTOP, TABLET, ZOOMED = (1440, 900), (820, 1180), (320, 256)
"""``ZOOMED`` is a screen of 1280 × 1024 at 400 %."""
VIOLATIONS_ALONE = {"resultTypes": ["violations"]}
"""For axe: look for everything, describe at length only what is wrong."""


@dataclass
class Visit:
    """A browser window of one person, which remembers what the console complained about."""

    page: Page
    url: str
    complaints: list[str]

    def go(self, address: str) -> None:
        """Open a page and wait until it is drawn."""
        self.complaints.clear()
        self.page.goto(self.url + address, wait_until="load")

    def judge(self, name: str) -> list[str]:
        """Return everything wrong with the page that is open."""
        violations = Axe().run(self.page, options=VIOLATIONS_ALONE).response["violations"]
        wrong = [f"{name}: axe {v['id']} at {v['nodes'][0]['target']}" for v in violations]
        if self.page.evaluate("document.documentElement.scrollWidth > innerWidth + 1"):
            wrong.append(f"{name}: sticks out sideways")
        # The status of a page that is meant to be missing or refused is no complaint.
        wrong += [
            f"{name}: console {text}" for text in self.complaints if "Failed to load resource" not in text
        ]
        if SCREENS:
            self.page.screenshot(path=Path(SCREENS) / f"{name}.png", full_page=True)
        return wrong


def _complains(said: ConsoleMessage) -> bool:
    """Whether a page complains; that a picture of it is taken slows its drawing is no complaint."""
    return said.type in {"error", "warning"} and "GPU stall due to ReadPixels" not in said.text


@contextmanager
def opened(
    browser: Browser,
    url: str,
    user: User | None,
    *,
    language: str = "en",
    theme: str = "light",
    size: tuple[int, int] = DESKTOP,
    touch: bool = False,
) -> Iterator[Visit]:
    """Open a window in which ``user`` is logged in (nobody: ``None``), and close it at the end."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]}, color_scheme=theme, locale=language, has_touch=touch
    )
    client = Client()
    if user:
        User.objects.filter(pk=user.pk).update(language=language)
        client.force_login(user)
    cookies = {key: morsel.value for key, morsel in client.cookies.items()}
    cookies[settings.LANGUAGE_COOKIE_NAME] = language
    context.add_cookies([{"name": k, "value": v, "url": url} for k, v in cookies.items()])
    page, complaints = context.new_page(), []
    page.on(
        "console",
        lambda said: complaints.append(said.text) if _complains(said) else None,
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield Visit(page, url, complaints)
    context.close()
