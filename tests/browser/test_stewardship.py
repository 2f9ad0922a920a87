"""A steward trains on births and a physician approves; a midwife's next answer follows, and goes back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from ml import package as packages
from ml.algorithms.haemorrhage.examples import ADMISSIONS
from tests import trainings
from tests.browser.people import assess, fill_in, log_in, open_record, start
from tests.browser.test_journeys import _as_typed
from tests.browser.visiting import loaded
from tests.servers import LiveStack

pytestmark = pytest.mark.browser

TRAINING_MS = 240_000
"""A worker on a busy machine with two cores imports, reads, learns and judges."""


@pytest.fixture
def stack(live_stack: LiveStack) -> Iterator[LiveStack]:
    """Return the running product, which serves the shipped version again afterwards, whatever happened."""
    yield live_stack
    (live_stack.folder / "packages/haemorrhage/CHAMPION").unlink(missing_ok=True)


def assessed(page: Page, stack: LiveStack, version: str) -> None:
    """Have a midwife assess a woman; her page names the version of the model."""
    page.context.clear_cookies()
    log_in(page, stack, "midwife")
    open_record(page, stack, "204811")
    start(page, "haemorrhage")
    fill_in(page, _as_typed(ADMISSIONS["typical"][1]))
    assess(page)
    expect(page.get_by_role("link", name=f"haemorrhage {version}").first).to_be_visible()


def decide(page: Page, button: str, reason: str) -> None:
    """Give a reason on the page that asks for one, and confirm."""
    page.get_by_label("Why").fill(reason)
    page.get_by_role("main").get_by_role("button", name=button).click()


def approve(page: Page, stack: LiveStack, proposal: str) -> None:
    """Have the physician confirm the operating point that the page shows, and approve."""
    page.context.clear_cookies()
    log_in(page, stack, "physician")
    page.goto(proposal)
    shown = page.locator("#proposal .verdict").inner_text().split()[0]
    page.get_by_label("Operating point, as written above").fill(shown)
    page.get_by_role("button", name="Approve").click()


def test_a_table_of_births_becomes_the_version_that_serves_and_is_taken_back(
    page: Page, stack: LiveStack, tmp_path: Path
) -> None:
    shipped = packages.champion_version("haemorrhage")
    births = trainings.simulated(tmp_path)
    log_in(page, stack, "steward")
    page.goto(f"{stack.url}/models/haemorrhage/training/")
    expect(page.get_by_role("main")).to_contain_text("Nothing was trained here yet")
    page.get_by_role("link", name="Send births").first.click()
    page.get_by_label("Drop the file here, or choose it").set_input_files(tmp_path / "mapping.yaml")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("this is no table")
    page.get_by_label("Drop the file here, or choose it").set_input_files(births)
    page.get_by_role("button", name="Send", exact=True).click()

    expect(page.get_by_role("heading", name="Name the columns")).to_be_visible()
    expect(page.get_by_role("main")).not_to_contain_text("SYN-0")
    loaded(page)
    page.locator("#f-0").select_option("")
    expect(page.locator("#columns-problems")).to_contain_text("training needs it")
    # A file that is none costs no answer and does not end the way.
    wrong = tmp_path / "params.yaml"
    wrong.write_text("haemorrhage: {seed: 1}\n", "utf-8")
    page.get_by_label("How the outcome was found").fill("weighed")
    page.get_by_label("Mapping file").set_input_files(wrong)
    page.get_by_role("button", name="Use this mapping").click()
    expect(page.get_by_role("alert")).to_be_focused()
    expect(page.get_by_role("alert")).to_contain_text("it needs the key")
    expect(page.get_by_label("How the outcome was found")).to_have_value("weighed")
    page.get_by_role("button", name="Read the whole file").click()
    expect(page.get_by_role("main")).to_contain_text("training needs it")
    page.get_by_label("Mapping file").set_input_files(tmp_path / "mapping.yaml")
    page.get_by_role("button", name="Use this mapping").click()
    expect(page.get_by_label("These births are simulated")).to_be_checked()
    expect(page.locator("#columns-problems")).to_be_empty()
    page.get_by_role("button", name="Read the whole file").click()

    expect(page.get_by_role("button", name="Start the training")).to_be_visible(timeout=TRAINING_MS)
    expect(page.get_by_role("main")).to_contain_text("Severe haemorrhages")
    page.get_by_role("button", name="Start the training").click()
    expect(page.get_by_role("main")).to_contain_text("Accepted as version site-0001", timeout=TRAINING_MS)
    address = page.url
    page.get_by_role("link", name="Propose for service").click()
    decide(page, "Propose", "Fits the births of the test")
    expect(page.locator("#proposal")).to_contain_text("Waiting for a second person", timeout=TRAINING_MS)
    approve(page, stack, page.url)
    expect(page.get_by_role("main")).to_contain_text("site-0001 serves from now on")

    assessed(page, stack, "site-0001")
    before = page.url

    page.context.clear_cookies()
    log_in(page, stack, "steward")
    page.goto(f"{stack.url}/models/haemorrhage/")
    expect(page.get_by_role("main")).to_contain_text("Fits the births of the test")
    page.get_by_role("link", name=f"Return to version {shipped}").click()
    decide(page, "Return to version", "The test is over")
    expect(page.get_by_role("main")).to_contain_text(f"Version {shipped} serves again")
    page.goto(address)
    expect(page.get_by_role("link", name="Propose for service")).to_be_visible()

    assessed(page, stack, shipped)
    page.goto(before)
    expect(page.get_by_role("main")).to_contain_text("haemorrhage site-0001")
