"""A study in the viewer: its maps, its other images and the earlier ones, before and after the first read."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from playwright.sync_api import expect

from ml.algorithms.chest_xray import heatmap
from ml.algorithms.chest_xray.simulate import write_film
from predictions import first_read, intake
from predictions.models import Confidence, Impression, Study
from tests import factories, studies
from tests.browser.house import _xray
from tests.browser.reading_room import xray
from tests.browser.viewer_room import Reader, Room, chest
from tests.browser.visiting import DESKTOP, ZOOMED, fits, until

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_paper_has_the_whole_report_and_the_sides_of_the_picture(room: Room) -> None:
    told = chest()
    told.PatientOrientation = ["L", "F"]
    reader = room.read(xray(room.charlie, room.child, [told]))
    reader.press("h")
    reader.page.emulate_media(media="print")
    reader.page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    left = reader.page.locator("[data-edge-left]").first
    expect(left).to_be_visible()
    expect(left).to_have_text("R")
    picture, letter = reader.page.locator("[data-glance]").first.bounding_box(), left.bounding_box()
    assert abs(picture["x"] - letter["x"]) < 2
    folded = "getComputedStyle(document.querySelector('.report'), '::details-content').contentVisibility"
    assert reader.page.evaluate(folded) == "visible"


def test_the_map_stays_on_its_place_of_the_image_through_every_change(room: Room) -> None:
    reader = room.read(xray(room.charlie, room.child, [chest()]))
    place = (0.22, 0.75)
    plain = reader.at(*place)
    assert plain.max() - plain.min() == 0, "the map must be off"
    reader.press("o")
    expect(reader.page.locator(".colour-scale:visible")).to_have_count(1)
    strongest = heatmap.ramp()[-1].astype(int)
    reader.draws(lambda: reader.at(*place), plain + 0.6 * (strongest - plain), 2)
    tinted = reader.at(*place)
    other = reader.at(0.78, 0.75)
    assert other.max() - other.min() == 0
    reader.press("3")
    assert np.ptp(reader.at(*place)) > 30, "a window must not take the map away"
    reader.press("1", "h")
    reader.draws(lambda: reader.at(1 - place[0], place[1]), tinted, 2)
    reader.press("h", "m")
    assert until(reader.page, lambda: np.ptp(reader.at(0.78, 0.75)) > 30)
    assert np.ptp(reader.at(*place)) == 0, "the other map has its evidence on the other side"
    reader.press(*"]]]]")
    reader.draws(lambda: reader.at(0.78, 0.75), strongest, 2)
    reader.press("m")
    assert np.ptp(reader.at(0.78, 0.75)) == 0, "after the last map comes none"


def test_an_earlier_image_lies_beside_and_moves_along_when_linked(room: Room) -> None:
    earlier = xray(room.charlie, room.child, [chest(study_date=date(2026, 1, 7))], days_ago=90)
    study = xray(room.charlie, room.child, [chest()])
    reader = room.read(study)
    beside = reader.page.get_by_role("group", name="Earlier chest X-ray")
    expect(beside).to_be_hidden()
    reader.press("p")
    expect(beside).to_be_visible()
    link = reader.page.get_by_role("link", name="Frontal AP · 2026-01-07")
    expect(link).to_have_attribute("href", reverse("study", args=[earlier.pk]))
    expect(reader.page.locator("[data-status]").nth(1)).to_have_text("")
    reader.press("+")
    assert reader.says("zoom") != reader.says("zoom", 1)
    reader.press("k", "+")
    expect(reader.corner("zoom", 1)).to_have_text(reader.says("zoom"))
    beside.focus()
    reader.page.keyboard.press("i")
    reader.settle()
    expect(reader.corner("flags", 1)).to_have_text("Inverted")
    assert reader.says("flags") == ""
    reader.press("o")
    assert not reader.coloured(1), "the map is of this image, not of the earlier one"
    reader.press("p")
    expect(beside).to_be_hidden()


def test_a_refused_image_of_a_study_is_shown_and_has_no_map(room: Room) -> None:
    files = [chest(), chest(view_position="LL")]
    reader = room.read(xray(room.charlie, room.child, files, unscored=[1]))
    reader.press("o")
    lateral = reader.page.get_by_role("button", name="2 · Lateral LL")
    lateral.click()
    expect(lateral).to_have_attribute("aria-pressed", "true")
    expect(reader.page.get_by_text("There is no map of this image: it was not scored.")).to_be_visible()
    expect(reader.page.locator("[data-status]")).to_have_text("")
    assert not reader.coloured()
    answer = reader.page.locator(".answer")
    expect(answer).to_contain_text("2 · Lateral LL · 2026-05-02: not scored – This is a lateral view.")
    reader.press("PageUp")
    assert reader.becomes_coloured()


def test_nothing_of_the_answer_is_on_the_page_before_the_first_read(room: Room) -> None:
    study = xray(room.charlie, room.child, [chest(), chest()], read=False)
    visit = room.open_window()
    asked: list[str] = []
    visit.page.on("request", lambda request: asked.append(request.url))
    visit.go(reverse("study", args=[study.pk]))
    expect(visit.page.locator("[data-status]")).to_have_text("")
    reader = Reader(visit)
    reader.press("o", "m")
    assert not reader.coloured()
    page = visit.page.content()
    assert not [
        word for word in ("map_", "probability", "PNEUMONIA", "SHAP", "in 100", "log odds") if word in page
    ]
    assert not [url for url in asked if "map_" in url]
    reader.press("2", "+")
    shown = (reader.says("level"), reader.says("zoom"))
    visit.page.get_by_role("radio", name="Pneumonia").check(force=True)
    visit.page.get_by_role("radio", name="Sure", exact=True).check(force=True)
    visit.page.get_by_role("button", name="Commit my first impression").click()
    expect(visit.page.locator(".answer-figure")).to_be_visible()
    expect(visit.page.locator("[data-status]")).to_have_text("")
    expect(reader.corner("level")).to_have_text(shown[0])
    expect(reader.corner("zoom")).to_have_text(shown[1])
    assert not reader.coloured(), "the map stays off until it is asked for"
    reader.press("o")
    assert reader.becomes_coloured()
    visit.page.get_by_label("Impression").fill("Opacity of the right lower lobe.")
    visit.page.get_by_role("radio", name="Agree", exact=True).check(force=True)
    visit.page.get_by_role("button", name="Sign", exact=True).click()
    expect(visit.page.locator(".study-line")).to_contain_text("signed by")
    expect(visit.page.locator("[data-stage]")).to_be_visible()


def test_a_result_of_an_older_package_is_shown_with_its_map(room: Room) -> None:
    study = _xray(room.charlie, room.child)
    visit = room.open_window()
    visit.go(reverse("study", args=[study.pk]))
    expect(visit.page.locator("[data-status]")).to_contain_text("Shown is the 8-bit picture")
    reader = Reader(visit)
    expect(reader.corner("level")).to_have_text("C 128 · W 255")
    reader.press("i")
    expect(reader.corner("flags")).to_have_text("Inverted")


def test_what_the_analyser_made_of_two_files_is_read_here(room: Room, tmp_path: Path) -> None:
    toddler = factories.patient(*room.charlie.units.all(), birth_date=date(2023, 2, 1), invented=True)
    films = {"frontal": 0.9, "lateral": 0.0}
    for view, opacity in films.items():
        write_film(
            tmp_path / f"{view}.dcm",
            identity=toddler.identity,
            taken_at=datetime(2026, 5, 2, 9, 30),
            view=view,
            opacity=opacity,
            study="1.2.826.0.1.3680043.8.498.1",
        )
    upload = [SimpleUploadedFile(f"{view}.dcm", (tmp_path / f"{view}.dcm").read_bytes()) for view in films]
    sent = {"algorithm": "chest_xray", "upload": upload, "idempotency_key": "k"}
    study = studies.analysed(intake.submit(user=room.charlie, patient=toddler, **sent))
    read = {"impression": Impression.PNEUMONIA, "confidence": Confidence.SURE}
    first_read.commit(user=room.charlie, study=study, **read)
    reader = room.read(study)
    expect(reader.corner("edge-left")).to_have_text("R")
    expect(reader.corner("edge-bottom")).to_have_text("F")
    methods = reader.page.get_by_label("Which map").locator("option")
    expect(methods).to_have_text(["No map", "Evidence (class activation)", "Regions (SHAP)"])
    for _method in range(2):
        reader.press("m")
        assert reader.becomes_coloured()
    assert reader.visit.judge("viewer-analysed") == []
    reader.press("PageDown")
    expect(reader.page.locator("[data-title]")).to_contain_text("2 · Lateral LL")
    expect(reader.page.locator("[data-status]")).to_have_text("")
    assert not reader.coloured()


@pytest.mark.parametrize(
    ("language", "size"), [("en", DESKTOP), pytest.param("fr", (1024, 768), marks=pytest.mark.long)]
)
def test_every_state_is_accessible(room: Room, language: str, size: tuple[int, int]) -> None:
    xray(room.charlie, room.child, [chest(study_date=date(2026, 1, 7))], days_ago=90)
    blind = xray(room.charlie, room.child, [chest()], read=False)
    study = xray(room.charlie, room.child, [chest(), chest(view_position="LL")], unscored=[1])
    reader = room.read(blind, language=language, size=size)
    wrong = reader.visit.judge(f"viewer-blind-{language}")
    reader.visit.go(reverse("study", args=[study.pk]))
    expect(reader.page.locator("[data-status]").first).to_have_text("")
    reader.press("o", "p")
    wrong += reader.visit.judge(f"viewer-prior-{language}")
    reader.press("?")
    wrong += reader.visit.judge(f"viewer-help-{language}")
    reader.page.keyboard.press("Escape")
    reader.page.set_viewport_size({"width": ZOOMED[0], "height": ZOOMED[1]})
    assert fits(reader.page)
    reader.page.emulate_media(media="print")
    expect(reader.page.locator("[data-glance]").first).to_be_visible()
    expect(reader.page.locator("canvas.film").first).to_be_hidden()
    assert not wrong, "\n".join(wrong)


def test_what_is_said_above_the_image_stands_one_below_the_other_with_room_between(room: Room) -> None:
    first, second, third = (xray(room.charlie, room.child, [chest()], days_ago=days) for days in (3, 2, 1))
    Study.objects.filter(pk=second.pk).update(repeats=first, repeats_with="1.0.0")
    Study.objects.filter(pk=third.pk).update(repeats=second, repeats_with="1.1.0")
    page = room.read(second, size=DESKTOP, language="fr").page
    notes = page.locator(".study-head > .note")
    expect(notes).to_have_count(2)
    above, below = (notes.nth(place).bounding_box() for place in (0, 1))
    assert above["x"] == below["x"]
    assert below["y"] - (above["y"] + above["height"]) >= 4
    page.goto(f"{room.url}{reverse('worklist')}")
    counts = page.locator(".filters .counts a")
    expect(counts.first).to_be_visible()
    assert len({round(count.bounding_box()["height"]) for count in counts.all()}) == 1, "no count breaks"
