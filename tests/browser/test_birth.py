"""One birth from the first figure to the measured blood loss, in a real browser, with the real worker."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.people import assess, log_in, open_record, wait_for
from tests.servers import LiveStack

pytestmark = pytest.mark.browser

SCREENS = os.environ.get("VIGIE_SCREENS", "")
WOMAN = "204814"


def test_assess_suppose_reassess_and_close_the_birth(page: Page, live_stack: LiveStack):
    log_in(page, live_stack, "midwife")
    open_record(page, live_stack, WOMAN)
    page.get_by_role("link", name="Latest assessment").click()
    wait_for(page, "to sign")

    print_no_empty_review(page)
    suppose(page)
    reassess(page)
    record_blood_loss(page)

    open_record(page, live_stack, WOMAN)
    expect(page.get_by_role("main")).to_contain_text("620 mL, no severe haemorrhage")
    page.goto(page.url.replace("/patients/", "/studies/new/haemorrhage/"))
    expect(page.get_by_role("main")).to_contain_text("would know the answer")


def print_no_empty_review(page: Page) -> None:
    """An opinion nobody has given yet is on the screen, not on paper."""
    expect(page.locator(".review")).to_be_visible()
    page.emulate_media(media="print")
    expect(page.locator(".review")).to_be_hidden()
    page.emulate_media(media="screen")


def suppose(page: Page) -> None:
    """Ask what if, with the keyboard alone, and take it back."""
    panel = page.locator("#what-if")
    expect(panel).to_contain_text("not recorded")
    field = panel.get_by_label("Haemoglobin")
    field.press_sequentially("9")
    field.press("Enter")
    answer = page.locator("#what-if-answer")
    expect(answer).to_contain_text("haemoglobin 9 g/dL instead of unknown")
    expect(answer).to_contain_text("As assessed")
    panel.get_by_role("radio", name="Induced").press("Space")
    expect(answer).to_contain_text("induced instead of")
    picture(page, "what-if")
    panel.get_by_role("link", name="Reset").press("Enter")
    expect(answer).not_to_contain_text("instead of")
    expect(page.locator("#what-if").get_by_label("Haemoglobin")).to_have_value("")
    expect(panel.get_by_role("link", name="Reset")).to_be_focused()


def reassess(page: Page) -> None:
    """Measure haemoglobin, leave the rest, and find both figures on one timeline."""
    page.get_by_role("link", name="Reassess").click()
    expect(page.get_by_role("note")).to_contain_text("begins with the answers of")
    page.get_by_label("Haemoglobin", exact=True).fill("9.6")
    now = datetime.now().astimezone().strftime("%Y-%m-%d %H:%M")
    measured = page.locator('input[name="haemoglobin_at"]')
    measured.fill(now)
    measured.press("Tab")
    expect(page.locator("#was-haemoglobin")).to_contain_text("changed: was unknown")
    page.get_by_label("Unchanged answers still hold").check()
    picture(page, "reassess")
    assess(page)
    course = page.locator(".course")
    expect(course.locator("tbody tr")).to_have_count(2)
    expect(course.locator("tr.current")).to_contain_text("Haemoglobin unknown → 9.6 g/dL")
    expect(course.get_by_role("img")).to_be_visible()


def record_blood_loss(page: Page) -> None:
    """Record what was lost; a slip of the unit is asked about first."""
    page.get_by_role("link", name="Record the blood loss").click()
    keep_what_is_typed(page)
    page.get_by_label("Blood loss within 24 hours").fill("0.62")
    page.get_by_role("radio", name="Weighed").check(force=True)
    page.get_by_role("button", name="Record it").click()
    expect(page.get_by_role("alert")).to_contain_text("0.62 L is 620 mL")
    page.get_by_label("Blood loss within 24 hours").fill("620")
    page.get_by_role("button", name="Record it").click()
    expect(page.locator(".outcome")).to_contain_text("620 mL, no severe haemorrhage")
    expect(page.get_by_role("link", name="Reassess")).to_have_count(0)
    picture(page, "birth-over")


def keep_what_is_typed(page: Page) -> None:
    """Change the language in the middle of the form, and back."""
    page.get_by_label("Blood loss within 24 hours").fill("620")
    page.get_by_role("radio", name="Weighed").check(force=True)
    page.get_by_role("button", name="fr", exact=True).click()
    expect(page.get_by_label("Pertes sanguines en 24 heures")).to_have_value("620")
    expect(page.get_by_role("radio", name="Pesée")).to_be_checked()
    page.get_by_role("button", name="en", exact=True).click()
    expect(page.get_by_label("Blood loss within 24 hours")).to_have_value("620")
    page.reload()
    expect(page.get_by_label("Blood loss within 24 hours")).to_have_value("")


def picture(page: Page, name: str) -> None:
    """Keep a picture where ``VIGIE_SCREENS`` says so."""
    if SCREENS:
        page.screenshot(path=Path(SCREENS) / f"{name}.png", full_page=True)
