"""The scoring room when something stands in the way: no connection, a reload, a refusal, another window."""

from __future__ import annotations

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from predictions.models import Scoring
from predictions.workspaces.sleep.scoring import scored
from tests.browser.scoring_lab import Lab, at_epoch, drawn, events, saved

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

WHY = "[data-why]"


def stages(lab: Lab) -> list[str]:
    """Return the stages as the one scoring of the night leaves them."""
    return list(scored(Scoring.objects.get(study=lab.study)).stages)


def step_to(page: Page, place: int) -> None:
    """Page from the beginning to an epoch."""
    page.keyboard.press("Home")
    for _step in range(place - 1):
        page.keyboard.press("ArrowRight")


def test_what_to_check_first_is_a_fifth_and_b_leads_to_it(lab: Lab) -> None:
    page = lab.enter().page
    expect(page.get_by_role("heading", name="Check first")).to_be_visible()
    expect(page.locator("[data-budget-count]")).to_have_text("0 of 24 looked at")
    first = lab.study.prediction.result["review"]["order"][0]
    page.keyboard.press("b")
    at_epoch(page, first + 1)


def test_steps_of_before_a_reload_are_taken_back_in_sight(lab: Lab) -> None:
    page = lab.enter().page
    draft = lab.study.prediction.result["stages"]
    other = ["1" if draft[at] == "N3" else "3" for at in range(3)]
    named = {"1": "N1", "3": "N3"}
    for key in other:
        page.keyboard.press(key)
    saved(page)
    page.reload()
    drawn(page)
    page.keyboard.press("End")
    page.keyboard.press("Control+z")
    expect(page.locator("[data-turned]")).to_have_text(f"Taken back: {named[other[2]]} of epoch 3.")
    at_epoch(page, 3)
    expect(page.locator("[data-epoch-stage]")).to_have_text(draft[2])
    # Two steps at once, one forward again: in their order.
    for keys in ("Control+z", "Control+z", "Control+y"):
        page.keyboard.press(keys)
    saved(page)
    expect(page.locator("[data-turned]")).to_contain_text("epoch 2")
    assert stages(lab)[:3] == [named[other[0]], *draft[1:3]]
    page.keyboard.press("Control+z")
    expect(page.locator("[data-turned]")).to_have_text(f"Taken back: {named[other[0]]} of epoch 1.")
    expect(page.locator("[data-do=undo]")).to_be_disabled()
    page.keyboard.press("Control+z")
    expect(page.locator("[data-turned]")).to_have_text("There is nothing to take back.")


def test_without_a_connection_no_other_epoch_is_explained(lab: Lab) -> None:
    page = lab.enter().page
    expect(page.locator(f"{WHY} [data-epoch='0']")).to_be_visible()
    page.route("**/epochs/**", lambda route: route.abort())
    step_to(page, 40)
    expect(page.locator(WHY)).to_have_text("Not available without a connection.")
    page.keyboard.press("Home")
    expect(page.locator(f"{WHY} [data-epoch='0']")).to_be_visible()
    page.keyboard.press("End")
    expect(page.locator(WHY)).to_have_text("Not available without a connection.")
    page.unroute("**/epochs/**")
    page.evaluate("window.dispatchEvent(new Event('online'))")
    expect(page.locator(f"{WHY} [data-epoch='119']")).to_be_visible()


def test_why_an_act_was_refused_stays_to_be_read(lab: Lab) -> None:
    page = lab.enter().page
    page.keyboard.press("End")
    page.keyboard.press("l")
    saved(page)
    page.keyboard.press("Home")
    page.keyboard.press("o")
    refused = page.locator("[data-refused]")
    expect(refused).to_contain_text("Lights off would come after lights on")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("1")
    saved(page)
    page.wait_for_timeout(1600)
    saved(page)
    expect(refused).to_contain_text("Lights off would come after lights on")
    refused.get_by_role("button", name="Put away").click()
    expect(refused).to_be_hidden()


def test_a_key_of_another_act_is_swapped_only_when_that_is_wanted(lab: Lab) -> None:
    page = lab.enter().page
    page.keyboard.press("h")
    page.get_by_role("button", name="Change: Arousal").click()
    page.keyboard.press("w")
    expect(page.locator("[data-key-status]")).to_contain_text("W is the key of “Wake”")
    page.get_by_role("button", name="Cancel").click()
    wake = page.get_by_role("listitem").filter(has_text="Wake")
    expect(wake.locator("kbd")).to_have_text(["W", "0"])
    page.get_by_role("button", name="Change: Arousal").click()
    page.keyboard.press("w")
    page.get_by_role("button", name="Swap").click()
    expect(wake.locator("kbd")).to_have_text(["0", "A"])
    page.get_by_role("button", name="Close").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("w")
    page.keyboard.press("a")
    saved(page)
    assert [(event.kind, event.value) for event in events(lab)] == [("arousal", "on"), ("stage", "W")]


def test_the_key_that_follows_a_closed_window_counts_before_the_page_is_drawn_again(lab: Lab) -> None:
    page = lab.enter().page
    page.keyboard.press("h")
    page.get_by_role("button", name="Close").evaluate(
        """close => {
            close.focus();
            close.click();
            document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key: "a", bubbles: true }));
        }"""
    )
    saved(page)
    assert [(event.kind, event.value) for event in events(lab)] == [("arousal", "on")]


def test_a_second_window_of_the_scorer_shows_what_the_first_did(lab: Lab) -> None:
    first, second = lab.enter().page, lab.enter().page
    key = "1" if lab.study.prediction.result["stages"][0] != "N1" else "2"
    first.keyboard.press(key)
    saved(first)
    second.wait_for_timeout(2100)
    second.evaluate("window.dispatchEvent(new Event('focus'))")
    expect(second.locator("[data-epoch-stage]")).to_have_text(f"N{key}")


def test_the_room_says_whose_night_it_shows_and_what_else_to_begin_with(lab: Lab) -> None:
    page = lab.enter().page
    state = page.locator("[data-scorer-state]")
    expect(state).to_contain_text("This is the draft.")
    page.keyboard.press("1")
    saved(page)
    page.get_by_role("button", name="Finish my scoring").click()
    expect(page.get_by_role("button", name="Go on scoring")).to_be_visible()
    visit = lab.enter(lab.sandra)
    expect(visit.page.locator("[data-scorer-state]")).to_contain_text("This is the draft.")
    visit.page.get_by_role("button", name=f"Begin with the scoring of {lab.terry.label}").click()
    began = f"It began with the finished scoring of {lab.terry.label}."
    expect(visit.page.locator("[data-scorer-state]")).to_contain_text(began)
    visit.go(reverse("scoring_room", args=[lab.study.pk]))
    expect(visit.page.locator("[data-epoch-stage]")).to_have_text("N1")


def test_a_scoring_begun_by_mistake_is_withdrawn_and_the_draft_shown_again(lab: Lab) -> None:
    page = lab.enter().page
    draft = lab.study.prediction.result["stages"]
    page.keyboard.press("1" if draft[0] == "N3" else "3")
    saved(page)
    page.get_by_role("button", name="Withdraw my scoring").click()
    expect(page.locator("[data-scorer-state]")).to_contain_text("This is the draft.")
    expect(page.locator("[data-epoch-stage]")).to_have_text(draft[0])
    page.keyboard.press("End")
    expect(page.locator("[data-epoch-number]")).to_have_text("Epoch 120 / 120")
    page.wait_for_timeout(1500)
    (withdrawn,) = Scoring.objects.filter(study=lab.study)
    assert (withdrawn.finished, withdrawn.unfinished) == (False, True), "and looking on begins no other"
