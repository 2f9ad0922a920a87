"""What a person does with the mouse and the keyboard, in the words of the journeys."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from tests.servers import LiveStack

ANALYSIS_MS = 120_000
"""A night on a busy machine with two cores; the page refreshes itself every second meanwhile."""


def log_in(page: Page, stack: LiveStack, who: str) -> None:
    """Log in as a member of the demo staff and arrive at the first page of their role."""
    page.goto(f"{stack.url}/accounts/login/")
    page.get_by_label("Username").fill(who)
    page.get_by_label("Password").fill(stack.password)
    page.get_by_role("main").get_by_role("button", name="Log in").click()
    expect(page.get_by_role("banner")).to_contain_text("Démo")


def open_record(page: Page, stack: LiveStack, record_number: str) -> None:
    """Find a patient by record number and open the record."""
    page.goto(f"{stack.url}/patients/")
    page.get_by_label("Record number").fill(record_number)
    page.get_by_role("main").get_by_role("button", name="Search").click()
    page.get_by_role("row", name=record_number).get_by_role("link").click()
    expect(page.get_by_role("heading", name="History")).to_be_visible()


def start(page: Page, title: str) -> None:
    """Press the button of an algorithm on the patient's page and arrive at its form."""
    page.get_by_role("main").get_by_role("link", name=title).first.click()
    page.wait_for_url("**/studies/new/**")


def fill_in(page: Page, values: Mapping[str, Any]) -> None:
    """Answer the questions of the admission form, leaving out those the record answers itself."""
    for name, value in values.items():
        segment = page.locator(f'input[type="radio"][name="{name}"][value="{value}"]')
        if segment.count():
            segment.check(force=True)
        elif (field := page.locator(f'input[name="{name}"]:not([readonly])')).count():
            field.fill(str(value))


def assess(page: Page) -> None:
    """Send the admission, saying that its answers are right where the form asks."""
    page.get_by_role("button", name="Assess").click()
    asked = page.locator("#confirmed")
    expect(asked.or_(page.locator(".study-line")).first).to_be_visible()
    if asked.count():
        asked.check()
        if (unchanged := page.get_by_label("Unchanged answers still hold")).count():
            unchanged.check()
        page.get_by_role("button", name="Assess").click()
    wait_for(page, "to sign")


def send_file(page: Page, path: Path) -> None:
    """Choose a file on an upload page and send it."""
    page.locator("input[type=file]").set_input_files(path)
    page.get_by_role("button", name="Send", exact=True).click()


def wait_for(page: Page, state: str) -> None:
    """Wait, without reloading, until the study shows a state."""
    expect(page.locator(".study-line")).to_contain_text(state, timeout=ANALYSIS_MS)


def read_first(page: Page, impression: str) -> None:
    """Say what is seen before the answer of the algorithm, which follows."""
    page.get_by_role("radio", name=impression, exact=True).check()
    page.get_by_role("radio", name="Fairly sure").check()
    page.get_by_role("button", name="Commit my first impression").click()
    expect(page.locator("#first-read")).to_contain_text(impression)


def conclude(page: Page, text: str) -> None:
    """Write the impression of the report."""
    page.get_by_role("textbox", name="Impression").fill(text)


def agree_and_sign(page: Page) -> None:
    """Agree with the result and sign it."""
    page.get_by_role("radio", name="Agree", exact=True).check()
    page.get_by_role("button", name="Sign", exact=True).click()
    expect(page.locator(".study-line")).to_contain_text("signed by")
