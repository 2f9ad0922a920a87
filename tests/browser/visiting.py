"""A browser window of one person, and what may be wrong with a page in it.

``VIGIE_SCREENS=FOLDER`` keeps the pictures.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, ConsoleMessage, Page

from clinic.accounts.models import User

SCREENS = os.environ.get("VIGIE_SCREENS", "")
DESKTOP, TABLET, ZOOMED = (1440, 900), (820, 1180), (320, 256)
"""``ZOOMED`` is a screen of 1280 × 1024 at 400 %."""
PATIENCE_MS = 60_000
"""How long a page may take on a machine busy with other tests; what is there in time costs nothing of it."""
FITTING_MS = 5_000
FITS = "document.documentElement.scrollWidth <= innerWidth + 1"
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
        """Return everything wrong with the page that is open, once it has loaded."""
        loaded(self.page)
        violations = Axe().run(self.page, options=VIOLATIONS_ALONE).response["violations"]
        wrong = [f"{name}: axe {v['id']} at {v['nodes'][0]['target']}" for v in violations]
        if not fits(self.page):
            wrong.append(f"{name}: sticks out sideways")
        # The status of a page that is meant to be missing or refused is no complaint.
        wrong += [
            f"{name}: console {text}" for text in self.complaints if "Failed to load resource" not in text
        ]
        if SCREENS:
            self.page.screenshot(path=Path(SCREENS) / f"{name}.png", full_page=True)
        return wrong


def loaded(page: Page) -> None:
    """Wait until the open page is there with its scripts: without, a click does what a form does alone."""
    page.wait_for_load_state("load")


def fits(page: Page) -> bool:
    """Whether nothing sticks out sideways, once scripts have followed a new size of the window."""
    return until(page, lambda: page.evaluate(FITS), FITTING_MS)


def until(page: Page, true: Callable[[], Any], patience_ms: float = PATIENCE_MS) -> bool:
    """Whether something comes true in time; the page goes on meanwhile.

    For what ``expect`` has no word for: what is drawn, what is in the database, what a route has caught.
    """
    deadline = time.monotonic() + patience_ms / 1000
    while not true():
        if time.monotonic() > deadline:
            return False
        page.wait_for_timeout(25)
    return True


def nobody_asks() -> None:
    """Wait until the running server answers no request and holds no connection to the database any more.

    Every connection of a browser has a thread, which ends after the browser has closed it.
    """
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while any("process_request_thread" in thread.name for thread in threading.enumerate()):
        if time.monotonic() > deadline:
            raise TimeoutError("a window of the test is still open, or a request is still being answered")
        time.sleep(0.01)


def watched(page: Page) -> list[str]:
    """Return a list that what the console of a page complains about is added to."""
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if _complains(said) else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    return complaints


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
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    try:
        yield Visit(page, url, watched(page))
    finally:
        context.close()
