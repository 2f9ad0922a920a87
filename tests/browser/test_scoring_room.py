"""The scoring room, driven by mouse, fingers and keyboard as a sleep technician does."""

from __future__ import annotations

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from clinic.accounts.roles import Role
from predictions.models import Scoring
from predictions.workspaces.sleep.scoring import scored
from tests import factories, nights
from tests.browser.scoring_lab import Lab, at_epoch, drawn, events, saved, values
from tests.browser.scoring_nights import sent
from tests.browser.visiting import DESKTOP, TABLET, ZOOMED
from tests.sleep_files import Channel, recording
from tests.test_pages_study import answered

PHONE = (360, 640)

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SWIPE = """([from, to]) => {
  const canvas = document.querySelector("[data-traces]");
  const box = canvas.getBoundingClientRect();
  const touch = (type, x) => canvas.dispatchEvent(new PointerEvent(type, {
    pointerType: "touch", pointerId: 7, clientX: box.left + x, clientY: box.top + 90, bubbles: true,
  }));
  touch("pointerdown", from);
  touch("pointermove", (from + to) / 2);
  touch("pointerup", to);
}"""


def test_the_room_is_drawn_in_both_languages_and_themes(lab: Lab) -> None:
    wrong = []
    looks = (("en", "light", DESKTOP), ("fr", "dark", TABLET))
    for language, theme, size in looks:
        visit = lab.enter(language=language, theme=theme, size=size)
        for _step in range(40):
            visit.page.keyboard.press("ArrowRight")
        drawn(visit.page)
        expect(visit.page.locator("[data-why] [data-epoch='40']")).to_be_visible()
        wrong += visit.judge(f"scoring-{language}-{theme}-{size[0]}")
    for size in (PHONE, ZOOMED):
        visit.page.set_viewport_size({"width": size[0], "height": size[1]})
        wrong += visit.judge(f"scoring-fr-dark-{size[0]}")
    assert not wrong, "\n".join(wrong)


def test_thirty_epochs_are_scored_by_keys_and_taken_back(lab: Lab) -> None:
    page = lab.enter().page
    typed = ["w", "0", "1", "2", "3", "r", "4", "?"] * 4
    stages = {"w": "W", "0": "W", "1": "N1", "2": "N2", "3": "N3", "r": "R", "4": "R", "?": "?"}
    for key in typed[:30]:
        page.keyboard.press(key)
    at_epoch(page, 31)
    saved(page)
    kept = events(lab)
    assert [event.value for event in kept] == [stages[key] for key in typed[:30]]
    assert [event.epoch for event in kept] == list(range(30))
    for _times in range(3):
        page.keyboard.press("Control+z")
    saved(page)
    at_epoch(page, 28)
    page.keyboard.press("Control+y")
    saved(page)
    [scoring] = Scoring.objects.filter(study=lab.study)
    draft = lab.study.prediction.result["stages"]
    expected = [stages[key] for key in typed[:28]] + draft[28:]
    assert list(scored(scoring).stages) == expected
    expect(page.locator("[data-statistic=tst]")).not_to_be_empty()


@pytest.mark.long
def test_pages_turn_by_every_way(lab: Lab) -> None:
    page = lab.enter().page
    press = page.keyboard.press
    for keys, place in (
        (["ArrowRight"], 2),
        (["Shift+ArrowRight"], 12),
        (["ArrowLeft"], 11),
        (["End"], 120),
        (["Shift+ArrowLeft"], 110),
        (["Home"], 1),
    ):
        for key in keys:
            press(key)
        at_epoch(page, place)
    drawn(page)
    stages = lab.study.prediction.result["stages"]
    press("Control+ArrowRight")
    change = next(at for at, stage in enumerate(stages) if stage != stages[0])
    at_epoch(page, change + 1)
    press("Home")
    press("u")
    doubtful = lab.study.prediction.result["uncertain"]
    at_epoch(page, min(doubtful) + 1)
    box = page.locator("[data-overview=hypnogram]").bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.5, box["y"] + 40)
    at_epoch(page, 61)
    for seconds in ("5", "120", "3600"):
        page.locator("[data-field=page]").select_option(seconds)
        drawn(page)
    page.locator("[data-field=page]").select_option("5")
    press("ArrowRight")
    at_epoch(page, 61)
    for _pages in range(5):
        press("ArrowRight")
    at_epoch(page, 62)


def test_marks_lights_and_comments_are_kept(lab: Lab) -> None:
    page = lab.enter().page
    page.keyboard.press("a")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("x")
    page.keyboard.press("l")
    box = page.locator("[data-traces]").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 80)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 60, steps=3)
    page.mouse.up()
    expect(page.locator("[data-said]")).to_contain_text("3.00 s")
    page.keyboard.press("a")
    page.keyboard.press("c")
    page.get_by_role("textbox", name="Comment").fill("Alpha intrusion")
    page.get_by_role("button", name="Keep the comment").click()
    expect(page.locator("[data-epoch-comment]")).to_have_text("Alpha intrusion")
    page.keyboard.press("End")
    page.keyboard.press("o")
    saved(page)
    [scoring] = Scoring.objects.filter(study=lab.study)
    night_now = scored(scoring)
    assert [mark["onset_s"] for mark in night_now.arousals] == [0, pytest.approx(45, abs=0.1)]
    assert night_now.arousals[1]["duration_s"] == pytest.approx(3, abs=0.1)
    assert [mark["epoch"] for mark in night_now.artefacts] == [1]
    assert (night_now.lights_off, night_now.lights_on) == (30, 3600)
    assert [comment["text"] for comment in night_now.comments] == ["Alpha intrusion"]


def test_a_lost_connection_and_a_reload_in_the_middle_lose_nothing(lab: Lab) -> None:
    page = lab.enter().page
    page.keyboard.press("1")
    saved(page)
    page.route("**/scoring/events/", lambda route: route.abort())
    for key in ("2", "3", "2", "r", "c"):
        page.keyboard.press(key)
    page.get_by_role("textbox", name="Comment").fill("Snoring")
    page.get_by_role("button", name="Keep the comment").click()
    expect(page.locator("[data-save]")).to_contain_text("5 not sent yet")
    assert len(events(lab)) == 1
    page.reload()
    drawn(page)
    expect(page.locator("[data-save]")).to_contain_text("5 not sent yet")
    page.keyboard.press("Home")
    expect(page.locator("[data-epoch-stage]")).to_have_text("N1")
    page.keyboard.press("ArrowRight")
    expect(page.locator("[data-epoch-stage]")).to_have_text("N2")
    page.unroute("**/scoring/events/")
    saved(page)
    assert [(event.epoch, event.value) for event in events(lab)] == [
        (0, "N1"),
        (1, "N2"),
        (2, "N3"),
        (3, "N2"),
        (4, "R"),
        (5, ""),
    ]


def test_filters_gains_and_keys_are_chosen_and_stay(lab: Lab) -> None:
    page = lab.enter().page
    before = values(page)
    page.keyboard.press("f")
    expect(page.locator("[data-do=filters]")).to_have_attribute("aria-pressed", "false")
    assert values(page) != before
    page.keyboard.press("f")
    page.locator("[data-field=mains]").select_option("50")
    page.keyboard.press("+")
    expect(page.locator("[data-gain]")).to_have_text("× 1.40")
    page.keyboard.press("h")
    page.get_by_role("button", name="Change: Wake").click()
    page.keyboard.press("q")
    page.get_by_role("button", name="Close").click()
    page.keyboard.press("q")
    expect(page.locator("[data-epoch-number]")).to_contain_text("Epoch 2 /")
    page.locator("[data-do=channels]").first.click()
    page.locator("[data-field=plus]").select_option(label="EEG F4-M1")
    page.locator("[data-field=minus]").select_option(label="EEG O2-M1")
    page.get_by_role("button", name="Add", exact=True).click()
    page.locator("[data-show='Thorax']").uncheck()
    page.get_by_role("button", name="Close").click()
    page.reload()
    drawn(page)
    names = page.locator(".trace-name")
    expect(names.filter(has_text="EEG F4-M1-EEG O2-M1")).to_have_count(1)
    expect(names.get_by_text("Thorax", exact=True)).to_have_count(0)
    expect(page.locator("[data-gain]")).to_have_text("× 1.40")
    expect(page.locator("[data-field=mains]")).to_have_value("50")
    page.keyboard.press("q")
    saved(page)
    assert [event.value for event in events(lab)] == ["W", "W"]


def test_two_scorers_work_apart_and_are_compared_and_the_physician_signs(lab: Lab) -> None:
    technician = lab.enter().page
    for key in ("1", "1", "1"):
        technician.keyboard.press(key)
    saved(technician)
    technician.get_by_role("button", name="Finish my scoring").click()
    expect(technician.get_by_role("button", name="Go on scoring")).to_be_visible()
    visit = lab.enter(lab.sandra)
    physician = visit.page
    draft = lab.study.prediction.result["stages"]
    expect(physician.locator("[data-epoch-stage]")).to_have_text(draft[0])
    physician.keyboard.press("2")
    saved(physician)
    physician.get_by_role("button", name="Finish my scoring").click()
    expect(physician.get_by_role("button", name="Go on scoring")).to_be_visible()
    visit.go(reverse("scoring_comparison", args=[lab.study.pk]))
    assert visit.judge("scoring-compared") == []
    line = physician.get_by_role("region", name="Epochs that differ").first
    line.get_by_role("link", name="1", exact=True).click()
    expect(physician.locator("[data-epoch-number]")).to_contain_text("Epoch 1 /")
    visit.go(reverse("study", args=[lab.study.pk]))
    assert visit.judge("sleep-overview") == []
    physician.get_by_role("radio", name="Agree", exact=True).check()
    chosen = physician.get_by_role("group", name="Hypnogram that you sign").get_by_role("radio")
    expect(chosen.nth(1)).to_be_attached()
    # Whoever could have met a colleague's finished scoring says whose counts.
    physician.get_by_role("radio", name=lab.sandra.label).check()
    physician.get_by_role("button", name="Sign", exact=True).click()
    expect(physician.locator(".study-line")).to_contain_text("signed by")
    physician.get_by_label("Form", exact=True).select_option("csv")
    physician.get_by_role("button", name="Write the document").click()
    expect(physician.locator("#documents")).to_contain_text("CSV")
    drawn(lab.enter(lab.sandra).page)
    late = lab.enter()
    late.page.keyboard.press("w")
    expect(late.page.locator("[data-notice]")).to_contain_text("is signed")
    expect(late.page.locator("[data-do=W]")).to_be_disabled()
    lab.study.refresh_from_db()
    reported = lab.study.signatures.get().hypnogram
    assert reported.content["stages"][:3] == ["N2", *draft[1:3]]


@pytest.mark.long
def test_every_state_of_the_room_can_be_read(lab: Lab) -> None:
    """Zoomed to 400 %, printed, without signals, with a gap, with very long names, and read only."""
    names = ("EEG C3-A2", "EEG O2-A1", "EOG LOC-A2", "EXTRAORDINARILYLO")
    halves = [*range(300), *range(420, 720)]
    gap = recording([Channel(name, 100) for name in names], records=600, onsets=halves, interrupted=True)
    interrupted = sent(lab.terry, lab.nina, gap)
    earlier = answered(lab.sandra, lab.nina, "sleep", nights.before())
    zoomed = lab.enter(study=interrupted, language="fr", size=ZOOMED)
    wrong = zoomed.judge("scoring-zoomed-gap")
    visit = lab.enter(study=interrupted)
    for _epochs in range(11):
        visit.page.keyboard.press("ArrowRight")
    drawn(visit.page)
    expect(visit.page.locator("[data-epoch-stage]")).to_have_text("?")
    wrong += visit.judge("scoring-gap")
    visit.page.locator("[data-field=page]").select_option("600")
    drawn(visit.page)
    wrong += visit.judge("scoring-gap-600")
    visit.page.emulate_media(media="print")
    wrong += visit.judge("scoring-print")
    visit = lab.enter(lab.sandra, study=earlier, theme="dark")
    wrong += visit.judge("scoring-earlier")
    visit.page.keyboard.press("w")
    saved(visit.page)
    nurse = factories.staff("mia", Role.MIDWIFE, factories.unit("sleep"))
    visit = lab.enter(nurse)
    expect(visit.page.locator("[data-notice]")).to_contain_text("You may look at this night")
    visit.page.keyboard.press("h")
    wrong += visit.judge("scoring-keys")
    visit.page.keyboard.press("Escape")
    visit.page.locator("[data-do=channels]").first.click()
    wrong += visit.judge("scoring-channels")
    assert not wrong, "\n".join(wrong)


@pytest.mark.long
def test_a_tablet_turns_pages_with_a_finger_and_scores_with_buttons(lab: Lab) -> None:
    visit = lab.enter(size=TABLET, touch=True)
    page = visit.page
    page.locator(".stage-button", has_text="N2").tap()
    expect(page.locator("[data-epoch-number]")).to_contain_text("Epoch 2 /")
    saved(page)
    page.evaluate(SWIPE, [500, 200])
    expect(page.locator("[data-epoch-number]")).to_contain_text("Epoch 3 /")
    page.evaluate(SWIPE, [200, 500])
    expect(page.locator("[data-epoch-number]")).to_contain_text("Epoch 2 /")
    assert [event.value for event in events(lab)] == ["N2"]
