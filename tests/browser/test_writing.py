"""A report that is being written: no window, cut line, ended session, click or reload loses a word of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Browser, Page, Route, expect
from pytest_django.live_server_helper import LiveServer

from clinic.accounts.models import User
from clinic.accounts.roles import Role
from predictions import first_read, reading
from predictions.models import Study
from predictions.states import State
from tests import factories
from tests.browser.house import _xray
from tests.browser.visiting import Visit, opened, until

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def charlie(transactional_db: None) -> User:
    """Return the radiologist."""
    return factories.staff("charlie", Role.RADIOLOGIST, factories.unit("radiology"))


@pytest.fixture
def study(charlie: User) -> Study:
    """Return an X-ray that Charlie saw as normal before the answer."""
    made = _xray(charlie, factories.patient(factories.unit("radiology")))
    first_read.commit(user=charlie, study=made, impression="normal", confidence="sure")
    return made


@pytest.fixture
def window(browser: Browser, live_server: LiveServer, charlie: User, study: Study) -> Iterator[Visit]:
    """Return Charlie's window with the study open."""
    with opened(browser, live_server.url, charlie) as window:
        window.go(reverse("study", args=[study.pk]))
        yield window


def typing(page: Page, name: str, text: str) -> None:
    """Type into a part of the report and stay in it."""
    page.locator(f"#reading-{name}").focus()
    page.keyboard.type(text)


def put(page: Page, name: str, text: str) -> None:
    """Put a text into a part of the report at once, so that no save falls between two of its letters."""
    page.locator(f"#reading-{name}").focus()
    page.keyboard.insert_text(text)


def line(name: str) -> str:
    """Return where the line at a part says that it is not saved."""
    return f".reading-part:has(#reading-{name}) .reading-line"


def is_saved(page: Page) -> None:
    """Wait until the page says so, and nothing says the contrary."""
    expect(page.locator("#reading-saved")).to_contain_text("saved, ")
    expect(page.locator(".reading-line")).to_have_count(0)
    expect(page.locator("written-report")).to_have_js_property("unsaved", False)


def copies(page: Page) -> int:
    """Return how many texts the tab keeps."""
    return page.evaluate("Object.keys(sessionStorage).filter((key) => key.startsWith('unsaved:')).length")


def test_two_windows_never_write_over_each_other(window: Visit, charlie: User, study: Study) -> None:
    page, other = window.page, window.page.context.new_page()
    other.goto(page.url)
    typing(other, "lungs", "Upper lobe.")
    is_saved(other)
    for text in ("Heart ", "normal, ", "thymus seen."):
        typing(page, "heart", text)
        expect(page.locator(line("heart"))).to_contain_text("Another window")
        expect(page.locator("#reading-saved")).not_to_contain_text("saved, ")
        page.wait_for_timeout(1000)
    assert reading.current(study)["heart"] == ""
    page.get_by_role("radio", name="Agree", exact=True).check()
    page.get_by_role("button", name="Sign", exact=True).click()
    expect(page.locator(".review")).to_contain_text("in another window")
    expect(page.locator("#reading-heart")).to_have_value("Heart normal, thymus seen.")
    study.refresh_from_db()
    assert study.state == State.READY
    page.locator(".reading-part:has(#reading-lungs)").get_by_role("radio", name="Take the other").check()
    expect(page.locator("#reading-lungs")).to_have_value("Upper lobe.")
    page.locator(".reading-part:has(#reading-heart)").get_by_role("radio", name="Keep the text here").check()
    wrong = window.judge("reading-two-windows")
    page.get_by_role("button", name="Save what I chose").click()
    is_saved(page)
    kept = reading.current(study)
    assert (kept["lungs"], kept["heart"]) == ("Upper lobe.", "Heart normal, thymus seen.")
    assert until(page, lambda: copies(page) == 0)
    assert not wrong, "\n".join(wrong)


def test_normal_fills_what_is_empty_and_leaves_what_is_typed(window: Visit, study: Study) -> None:
    page = window.page
    page.evaluate("document.querySelectorAll('[data-for]').forEach((button) => button.click())")
    typing(page, "impression", " But small.")
    expect(page.locator("#reading-lungs")).to_have_value("No focal opacity. Normal aeration on both sides.")
    expect(page.locator("#reading-pleura")).to_have_value("No effusion, no pneumothorax.")
    typed = page.input_value("#reading-impression")
    assert typed.endswith(" But small.")
    page.get_by_role("button", name="All normal").click()
    assert page.input_value("#reading-impression") == typed
    is_saved(page)
    assert reading.current(study)["impression"] == typed


def test_a_cut_line_says_so_at_the_field_and_sends_again(window: Visit, study: Study) -> None:
    page = window.page
    page.context.set_offline(True)
    typing(page, "pleura", "Effusion.")
    expect(page.locator(line("pleura"))).to_contain_text("No connection")
    page.context.set_offline(False)
    is_saved(page)
    assert reading.current(study)["pleura"] == "Effusion."
    assert until(page, lambda: copies(page) == 0)


def test_a_save_whose_answer_never_came_is_not_taken_for_another_window(window: Visit, study: Study) -> None:
    page = window.page
    lost = []

    def lose(route: Route) -> None:
        lost.append(route.fetch())
        route.abort()

    page.route("**/report/", lose, times=1)
    put(page, "pleura", "Effusion")
    expect(page.locator(line("pleura"))).to_contain_text("No connection")
    put(page, "pleura", " on the left.")
    is_saved(page)
    assert [one.fields["pleura"] for one in study.reading_reports.all()] == [
        "Effusion",
        "Effusion on the left.",
    ]


def test_an_ended_session_keeps_the_text_until_the_same_person_is_back(
    window: Visit, charlie: User, study: Study
) -> None:
    page, context = window.page, window.page.context
    Session.objects.all().delete()
    typing(page, "pleura", "Effusion.")
    expect(page.locator(line("pleura")).get_by_role("link")).to_have_attribute("target", "_blank")
    dora = factories.staff("dora", Role.PHYSICIAN, factories.unit("radiology"))
    for user, said in ((dora, "Somebody else"), (charlie, "")):
        client = Client()
        client.force_login(user)
        cookies = {key: morsel.value for key, morsel in client.cookies.items()}
        context.add_cookies([{"name": k, "value": v, "url": window.url} for k, v in cookies.items()])
        page.evaluate("dispatchEvent(new Event('focus'))")
        if said:
            expect(page.locator(line("pleura"))).to_contain_text(said)
    is_saved(page)
    assert page.input_value("#reading-pleura") == "Effusion."
    assert [report.author for report in study.reading_reports.all()] == [charlie]


def test_what_is_typed_while_the_page_still_loads_is_saved(window: Visit, study: Study) -> None:
    page = window.page
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/report*.js", hold)
    page.goto(page.url, wait_until="commit")
    page.locator("#reading-lungs").focus()
    page.keyboard.type("Typed early.")
    assert until(page, lambda: held)
    held.pop().continue_()
    is_saved(page)
    assert reading.current(study)["lungs"] == "Typed early."


def test_a_reload_right_after_a_key_loses_nothing(window: Visit, study: Study) -> None:
    page = window.page
    typing(page, "lungs", "Consolidation.")
    page.reload()
    expect(page.locator("#reading-lungs")).to_have_value("Consolidation.")
    is_saved(page)
    typing(page, "heart", "Large.")
    page.get_by_role("link", name="Worklist").first.click()
    page.wait_for_load_state("load")
    # The save outlives its page, so nothing on the next one tells when it has arrived.
    assert until(page, lambda: reading.current(study)["heart"] == "Large.")
    page.goto(window.url + reverse("study", args=[study.pk]))
    is_saved(page)
    held: list[Route] = []
    page.route("**/report/", lambda route: held.append(route))  # noqa: PLW0108
    typing(page, "heart", " Thymus.")
    assert copies(page) == 1
    page.locator("details.menu summary").click()
    page.get_by_role("button", name="Log out").click()
    page.wait_for_url("**/login/**")
    assert until(page, lambda: copies(page) == 0)
