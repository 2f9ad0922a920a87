"""The viewer of an X-ray, driven by mouse, fingers and keyboard; what is on the screen is what counts."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect
from pydicom.dataset import Dataset
from pytest_django.live_server_helper import LiveServer

from clinic.accounts.models import User
from clinic.accounts.roles import Role
from ml.algorithms.chest_xray import heatmap
from ml.algorithms.chest_xray.simulate import write_film
from ml.algorithms.chest_xray.voi import window
from patients.models import Patient
from predictions import first_read, intake
from predictions.models import Confidence, Impression, Study
from tests import factories, studies
from tests.browser.house import _xray
from tests.browser.reading_room import xray
from tests.browser.visiting import DESKTOP, ZOOMED, Visit, opened
from tests.chest_phantom import phantom
from tests.dicom_builder import dx_from_jpeg

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

NO_CARD = """
const real = HTMLCanvasElement.prototype.getContext;
HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
  return kind === "webgl2" ? null : real.call(this, kind, ...rest);
};
"""
SHIFTS = """
window.shifted = [];
const named = (node) => node?.nodeType === Node.TEXT_NODE ? node.parentElement : node;
new PerformanceObserver((list) => {
  const moved = list.getEntries().flatMap((entry) => entry.sources.map((source) => named(source.node)));
  const outside = moved.filter((one) => !one?.closest(".corner"));
  window.shifted.push(...outside.map((one) => one?.outerHTML.slice(0, 80)));
}).observe({ type: "layout-shift", buffered: true });
"""
SPACING = 0.2
WEDGE = 8
PATCH = 60
EDGE = 40
SMALL = (1000, 560)
"""A small window: what is seen is read pixel by pixel."""


@dataclass
class Room:
    """A radiologist, a child, and windows to read in."""

    url: str
    charlie: User
    child: Patient
    open_window: Any

    def read(self, study: Study, **look: Any) -> Reader:
        """Open a study and wait until it is drawn at its full depth."""
        visit = self.open_window(**look)
        visit.go(reverse("study", args=[study.pk]))
        expect(visit.page.locator("canvas.film").first).to_be_visible()
        expect(visit.page.locator("[data-status]").first).to_have_text("")
        return Reader(visit)


@dataclass
class Reader:
    """Somebody in front of an open study."""

    visit: Visit

    @property
    def page(self) -> Page:
        """The page."""
        return self.visit.page

    @property
    def stage(self) -> Locator:
        """The main image."""
        return self.page.locator("[data-stage]").first

    def press(self, *keys: str) -> None:
        """Press keys with the focus on the image."""
        self.stage.focus()
        for key in keys:
            self.page.keyboard.press(key)
        self.settle()

    def settle(self) -> None:
        """Wait for the next drawing."""
        self.page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def says(self, name: str, pane: int = 0) -> str:
        """Return what stands in a corner of the image: level, zoom, flags, title, readout, said."""
        return self.page.locator(f"[data-{name}]").nth(pane).text_content() or ""

    def drag(
        self, dx: int, dy: int, *, button: str = "left", start: tuple[float, float] = (0.5, 0.5)
    ) -> None:
        """Drag over the image from a place given in shares of it."""
        box = self.stage.bounding_box()
        x, y = box["x"] + start[0] * box["width"], box["y"] + start[1] * box["height"]
        self.page.mouse.move(x, y)
        self.page.mouse.down(button=button)
        self.page.mouse.move(x + dx / 2, y + dy / 2)
        self.page.mouse.move(x + dx, y + dy)
        self.page.mouse.up(button=button)
        self.settle()

    def seen(self, pane: int = 0) -> np.ndarray:
        """Return what is on the screen where an image is, (height, width, 3)."""
        shot = self.page.locator("canvas.film").nth(pane).screenshot()
        return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB")).astype(int)

    def inside(self, pane: int = 0) -> np.ndarray:
        """Return the same without the border, where something is written."""
        return self.seen(pane)[EDGE:-EDGE, EDGE:-EDGE]

    def coloured(self, pane: int = 0) -> bool:
        """Return whether there is any colour over an image."""
        return bool(np.ptp(self.inside(pane), axis=2).max() > 5)

    def at(self, x: float, y: float) -> np.ndarray:
        """Return the colour at a share of an image that fits the pane upright."""
        seen, film = self.seen(), self.page.evaluate("document.querySelector('xray-viewer').main.film.info")
        scale = min(seen.shape[1] / film["width"], seen.shape[0] / film["height"])
        column = seen.shape[1] / 2 + (x - 0.5) * film["width"] * scale
        row = seen.shape[0] / 2 + (y - 0.5) * film["height"] * scale
        return seen[int(row), int(column)]


@pytest.fixture
def room(live_server: LiveServer, browser: Browser) -> Iterator[Room]:
    """Return an empty reading room."""
    radiology = factories.unit("radiology")
    charlie = factories.staff("charlie", Role.RADIOLOGIST, radiology)
    child = factories.patient(radiology, invented=True)
    with ExitStack() as stack:

        def open_window(*, script: str = "", size: tuple[int, int] = SMALL, **look: Any) -> Visit:
            visit = stack.enter_context(opened(browser, live_server.url, charlie, size=size, **look))
            if script:
                visit.page.add_init_script(script)
            return visit

        yield Room(live_server.url, charlie, child, open_window)


def chest(**about: Any) -> Dataset:
    """Return a small film with a spacing at the detector."""
    dataset = dx_from_jpeg(phantom(480, 560), bits=12, **about)
    dataset.ImagerPixelSpacing = [SPACING, SPACING]
    return dataset


def wedge(**change: Any) -> Dataset:
    """Return a film of 64 patches from black to white, with a window that clips at both ends."""
    steps = np.linspace(0, 255, WEDGE * WEDGE).reshape(WEDGE, WEDGE)
    dataset = dx_from_jpeg(np.kron(steps, np.ones((PATCH, PATCH))), bits=12)
    dataset.RescaleSlope, dataset.RescaleIntercept, dataset.RescaleType = 2, -1000, "US"
    dataset.WindowCenter, dataset.WindowWidth = 2500, 3001
    for keyword, value in change.items():
        setattr(dataset, keyword, value)
    return dataset


def grey_of(dataset: Dataset, function: str, **shown: float) -> np.ndarray:
    """Return the grey level of each patch by the analyser's own formula."""
    stored = dataset.pixel_array[PATCH // 2 :: PATCH, PATCH // 2 :: PATCH].astype(float)
    grey = window(stored * 2 - 1000, function=function, **shown)
    return 255 - grey if dataset.PhotometricInterpretation == "MONOCHROME1" else grey


def patches(reader: Reader) -> np.ndarray:
    """Return the grey level of each patch on the screen."""
    seen = reader.seen()
    side = min(seen.shape[:2])
    top, left = (seen.shape[0] - side) / 2, (seen.shape[1] - side) / 2
    middle = (np.arange(WEDGE) + 0.5) * side / WEDGE
    return seen[(top + middle).astype(int)][:, (left + middle).astype(int), 0]


@pytest.mark.parametrize("script", ["", NO_CARD], ids=["webgl2", "software"])
def test_grey_levels_are_those_of_the_analyser(room: Room, script: str) -> None:
    files = [
        wedge(),
        wedge(VOILUTFunction="SIGMOID"),
        wedge(VOILUTFunction="LINEAR_EXACT", PhotometricInterpretation="MONOCHROME1"),
    ]
    reader = room.read(xray(room.charlie, room.child, files), script=script, size=DESKTOP)
    renderer = reader.page.locator("[data-pane]").get_attribute("data-renderer")
    assert renderer == ("software" if script else "webgl2")
    for dataset in files:
        function = dataset.get("VOILUTFunction", "LINEAR")
        expect(reader.page.locator("[data-status]")).to_have_text("")
        reader.settle()
        for shown in ({"centre": 2500, "width": 3001}, {"centre": 1800, "width": 900}):
            reader.page.get_by_label("Centre").fill(str(shown["centre"]))
            reader.page.get_by_label("Width").fill(str(shown["width"]))
            reader.page.get_by_label("Width").press("Enter")
            reader.settle()
            np.testing.assert_allclose(patches(reader), grey_of(dataset, function, **shown), atol=1.01)
        reader.press("PageDown")


def test_the_image_comes_with_the_page_and_nothing_moves_when_its_numbers_arrive(room: Room) -> None:
    study = xray(room.charlie, room.child, [chest()])
    visit = room.open_window(script=SHIFTS)
    held: list[Any] = []
    visit.page.route("**/artefacts/**", lambda route: held.append(route))  # noqa: PLW0108
    visit.go(reverse("study", args=[study.pk]))
    glance = visit.page.locator("[data-glance]")
    expect(glance).to_have_js_property("complete", True)
    assert glance.evaluate("image => image.naturalWidth") > 500
    expect(visit.page.locator("[data-status]")).to_have_text("Loading the full depth…")
    assert [route.request.url.rsplit("/", 1)[1] for route in held] == ["pixels_0.gz"]
    held[0].continue_()
    expect(visit.page.locator("[data-status]")).to_have_text("")
    expect(visit.page.locator("[data-level]")).to_have_text("C 2,048 · W 4,096")
    assert visit.page.evaluate("window.shifted") == []


def test_where_the_numbers_do_not_come_the_picture_is_read_and_says_so(room: Room) -> None:
    study = xray(room.charlie, room.child, [chest()])
    visit = room.open_window()
    visit.page.route("**/pixels_0.gz", lambda route: route.abort())
    visit.go(reverse("study", args=[study.pk]))
    expect(visit.page.locator("[data-status]")).to_contain_text("Shown is the 8-bit picture")
    reader = Reader(visit)
    assert reader.says("level") == "C 128 · W 255"
    reader.drag(0, -40)
    assert reader.says("level") != "C 128 · W 255"
    assert "grey" in reader.says("readout")


def test_the_window_follows_mouse_wheel_keys_fields_and_presets(room: Room) -> None:
    reader = room.read(xray(room.charlie, room.child, [chest()]))
    sent = "C 2,048 · W 4,096"
    assert reader.says("level") == sent
    dark = reader.at(0.32, 0.45)
    reader.drag(0, -40)
    assert (reader.at(0.32, 0.45) > dark).all(), "dragging up must brighten"
    assert "W 4,096" in reader.says("level")
    reader.drag(-40, 0)
    assert "W 4,096" not in reader.says("level")
    reader.press("1")
    assert reader.says("level") == sent
    reader.drag(80, 0, button="right")
    assert "C 2,048" in reader.says("level")
    assert reader.says("level") != sent
    reader.press(" ", "Shift+ArrowUp")
    assert "W 4,096" in reader.says("level")
    assert reader.says("level") != sent
    reader.press("1")
    reader.page.keyboard.down("Shift")
    reader.page.mouse.wheel(0, 200)
    reader.page.keyboard.up("Shift")
    reader.settle()
    assert "W 4,096" not in reader.says("level")
    shown = []
    for key in "1234":
        reader.press(key)
        shown.append(reader.page.get_by_label("Preset").evaluate("list => list.selectedOptions[0].text"))
    names = ["Window 1", "Dark parts (lungs)", "Bright parts (bone)", "Full range"]
    assert shown == [f"{at + 1} · {name}" for at, name in enumerate(names)]
    reader.page.get_by_label("Preset").select_option(label="2 · Dark parts (lungs)")
    reader.settle()
    assert float(reader.page.get_by_label("Width").input_value()) < 2500


def test_zoom_move_turn_mirror_invert_and_reset(room: Room) -> None:
    reader = room.read(xray(room.charlie, room.child, [chest()]))
    fitted, upright = reader.says("zoom"), reader.inside()
    reader.press("+", "+")
    assert reader.says("zoom") > fitted
    reader.press("=")
    assert reader.says("zoom") == fitted
    box = reader.stage.bounding_box()
    reader.page.mouse.move(box["x"] + 0.7 * box["width"], box["y"] + 0.3 * box["height"])
    before = reader.says("readout").split(":")[0]
    reader.page.mouse.wheel(0, -400)
    reader.settle()
    assert reader.says("zoom") != fitted
    after = reader.says("readout").split(":")[0]
    apart = np.subtract(*(np.array(place.split(", "), int) for place in (before, after)))
    assert np.abs(apart).max() <= 1, "the point under the pointer must stay there"
    reader.drag(60, 30, button="middle", start=(0.7, 0.3))
    assert reader.says("readout").split(":")[0] == after, "what is dragged stays under the pointer"
    reader.press(" ")
    assert (reader.inside() == upright).all()
    reader.press("h")
    assert reader.says("flags") == "Mirrored"
    np.testing.assert_allclose(reader.inside()[:, ::-1], upright, atol=2)
    reader.press("v")
    assert reader.says("flags") == "Turned 180°"
    reader.press(" ", "i")
    assert reader.says("flags") == "Inverted"
    np.testing.assert_allclose(
        255 - reader.at(0.5, 0.5), upright[upright.shape[0] // 2, upright.shape[1] // 2], atol=1
    )
    reader.press("i", "r", "r", "r", "l", "l", "l")
    assert reader.says("flags") == ""
    reader.press("r", "h")
    assert reader.says("flags") == "Turned 90° · Mirrored"
    reader.press(" ", "h", "r")
    assert reader.says("flags") == "Mirrored · Turned 90°"
    reader.press(" ", "v")
    assert reader.says("flags") == "Mirrored top to bottom"
    reader.press(" ")
    reader.press("z")
    reader.drag(0, -80)
    assert reader.says("zoom") > fitted


def test_the_sides_of_the_patient_turn_with_the_image_and_are_never_guessed(room: Room) -> None:
    told, untold = chest(), chest()
    told.PatientOrientation = ["L", "F"]
    reader = room.read(xray(room.charlie, room.child, [told, untold]))

    def edges() -> str:
        return "".join(reader.says(f"edge-{edge}") for edge in ("left", "right", "top", "bottom"))

    assert edges() == "RLHF"
    reader.press("h")
    assert edges() == "LRHF"
    reader.press(" ", "r")
    assert edges() == "FHRL"
    reader.press("PageDown")
    assert edges() == ""


def test_keys_act_from_the_start_and_never_where_something_is_typed(room: Room) -> None:
    reader = room.read(xray(room.charlie, room.child, [chest()]))
    expect(reader.stage).to_be_focused()
    reader.page.keyboard.press("h")
    reader.settle()
    assert reader.says("flags") == "Mirrored"
    reader.page.get_by_role("link", name="Worklist").press("h")
    comment = reader.page.get_by_label("Comment")
    comment.fill("r i h 1 + o")
    comment.press("h")
    reader.settle()
    assert reader.says("flags") == ""
    reader.page.get_by_role("button", name="Invert").press("h")
    reader.settle()
    assert reader.says("flags") == "Mirrored"
    reader.page.get_by_label("Centre").press("i")
    assert reader.says("flags") == "Mirrored"
    reader.page.get_by_role("button", name="Invert").press("?")
    keys = reader.page.get_by_role("dialog", name="Keys of the viewer")
    expect(keys).to_be_visible()
    reader.page.keyboard.press("h")
    keys.get_by_label("Keys of a single character act").uncheck()
    reader.page.keyboard.press("Escape")
    expect(keys).to_be_hidden()
    assert reader.says("flags") == "Mirrored"
    reader.page.reload()
    expect(reader.page.locator("[data-status]").first).to_have_text("")
    before = reader.says("flags")
    reader.press("v")
    assert reader.says("flags") == before, "switched off for this browser"


def test_a_width_that_cannot_be_is_not_left_in_its_field(room: Room) -> None:
    reader = room.read(xray(room.charlie, room.child, [chest()]))
    width = reader.page.get_by_label("Width")
    for wrong in ("0", "-5"):
        width.fill(wrong)
        width.press("Enter")
        reader.settle()
        assert width.input_value() == "1"
    assert not reader.page.get_by_label("Centre").input_value().endswith(".00")


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
    tinted = reader.at(*place)
    strongest = heatmap.ramp()[-1].astype(int)
    np.testing.assert_allclose(tinted, plain + 0.6 * (strongest - plain), atol=2)
    other = reader.at(0.78, 0.75)
    assert other.max() - other.min() == 0
    reader.press("3")
    assert np.ptp(reader.at(*place)) > 30, "a window must not take the map away"
    reader.press("1", "h")
    np.testing.assert_allclose(reader.at(1 - place[0], place[1]), tinted, atol=2)
    reader.press("h", "m")
    assert np.ptp(reader.at(*place)) == 0, "the other map has its evidence on the other side"
    assert np.ptp(reader.at(0.78, 0.75)) > 30
    reader.press(*"]]]]")
    np.testing.assert_allclose(reader.at(0.78, 0.75), strongest, atol=2)
    reader.press("m")
    assert np.ptp(reader.at(0.78, 0.75)) == 0, "after the last map comes none"


def test_a_graphics_card_that_is_lost_takes_nothing_away(room: Room) -> None:
    reader = room.read(xray(room.charlie, room.child, [chest()]))
    reader.press("o", "2", "r", "+")
    before = reader.inside()
    reader.page.evaluate("""
        document.querySelector("canvas.film").getContext("webgl2").getExtension("WEBGL_lose_context").loseContext()
    """)
    expect(reader.page.locator("[data-renderer=software]")).to_have_count(1)
    expect(reader.page.locator("canvas.film")).to_be_visible()
    for _ in range(20):
        # The software draws in frames of its own, however many the machine has time for.
        reader.settle()
        if np.allclose(reader.inside(), before, atol=2):
            break
    np.testing.assert_allclose(reader.inside(), before, atol=2)


def test_lengths_are_measured_by_mouse_and_by_keyboard(room: Room) -> None:
    bare = chest()
    del bare.ImagerPixelSpacing
    reader = room.read(xray(room.charlie, room.child, [chest(), bare]))
    scale = float(reader.says("zoom").split()[1])
    reader.press("d")
    reader.drag(200, 0, start=(0.3, 0.5))
    said = reader.page.locator("xray-viewer [data-said]").text_content()
    assert said.endswith(" mm (at the detector, shorter in the patient)")
    assert float(said.split()[0]) == pytest.approx(200 / scale * SPACING, rel=0.02)
    expect(reader.page.locator("[data-marks] text")).to_have_text(said)
    reader.press("Delete")
    expect(reader.page.locator("[data-marks] text")).to_have_count(0)
    reader.press("ArrowLeft", "Enter", *["ArrowRight"] * 10, "Enter")
    said = reader.page.locator("xray-viewer [data-said]").text_content()
    assert float(said.split()[0]) == pytest.approx(80 / scale * SPACING, rel=0.03)
    assert "value" in reader.says("readout")
    reader.press("Delete", "Escape", "Enter", *["ArrowRight"] * 10, "Enter")
    said = reader.page.locator("xray-viewer [data-said]").text_content()
    assert float(said.split()[0]) == pytest.approx(80 / scale * SPACING, rel=0.03), "from the first press"
    reader.press("Delete", "Escape", "Enter", *["ArrowRight"] * 100, "Enter")
    said = reader.page.locator("xray-viewer [data-said]").text_content()
    width = reader.page.evaluate("document.querySelector('xray-viewer').main.film.info.width")
    assert float(said.split()[0]) == pytest.approx(width / 2 * SPACING, rel=0.03), "not beyond the picture"
    reader.press("Delete", "Escape", "PageDown")
    expect(reader.page.locator("[data-title]")).to_contain_text("2 · Frontal")
    expect(reader.page.locator("[data-status]")).to_have_text("")
    reader.drag(100, 0)
    expect(reader.page.locator("[data-marks] text")).to_contain_text("px (the file gives no spacing)")


def test_an_earlier_image_lies_beside_and_moves_along_when_linked(room: Room) -> None:
    earlier = xray(room.charlie, room.child, [chest(study_date=date(2026, 1, 7))], days_ago=90)
    study = xray(room.charlie, room.child, [chest()])
    reader = room.read(study)
    beside = reader.page.get_by_role("group", name="Earlier chest X-ray")
    expect(beside).to_be_hidden()
    reader.press("p")
    expect(beside).to_be_visible()
    link = reader.page.get_by_role("link", name="Frontal AP · 2026-01-07")
    assert link.get_attribute("href") == reverse("study", args=[earlier.pk])
    expect(reader.page.locator("[data-status]").nth(1)).to_have_text("")
    reader.press("+")
    assert reader.says("zoom") != reader.says("zoom", 1)
    reader.press("k", "+")
    assert reader.says("zoom") == reader.says("zoom", 1)
    beside.focus()
    reader.page.keyboard.press("i")
    reader.settle()
    assert (reader.says("flags"), reader.says("flags", 1)) == ("", "Inverted")
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
    assert reader.coloured()


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
    reader.settle()
    assert (reader.says("level"), reader.says("zoom")) == shown, "the set-up must survive"
    assert not reader.coloured(), "the map stays off until it is asked for"
    reader.press("o")
    assert reader.coloured()
    visit.page.get_by_label("Impression").fill("Opacity of the right lower lobe.")
    visit.page.get_by_role("radio", name="Agree", exact=True).check(force=True)
    visit.page.get_by_role("button", name="Sign", exact=True).click()
    expect(visit.page.locator(".study-line")).to_contain_text("signed by")
    expect(visit.page.locator("[data-stage]")).to_be_visible()


def test_two_fingers_zoom_and_one_windows(room: Room) -> None:
    reader = room.read(xray(room.charlie, room.child, [chest()]), size=(768, 1024), touch=True)
    box = reader.stage.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    touch = reader.page.context.new_cdp_session(reader.page)

    def fingers(kind: str, *places: tuple[float, float]) -> None:
        points = [{"x": px, "y": py, "id": at} for at, (px, py) in enumerate(places)]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    zoom = float(reader.says("zoom").split()[1])
    fingers("touchStart", (x - 40, y), (x + 40, y))
    fingers("touchMove", (x - 60, y), (x + 60, y))
    fingers("touchMove", (x - 80, y), (x + 80, y))
    fingers("touchEnd")
    reader.settle()
    assert float(reader.says("zoom").split()[1]) == pytest.approx(2 * zoom, rel=0.05)
    level = reader.says("level")
    fingers("touchStart", (x, y))
    fingers("touchMove", (x + 30, y + 30))
    fingers("touchEnd")
    reader.settle()
    assert reader.says("level") != level


def test_a_result_of_an_older_package_is_shown_with_its_map(room: Room) -> None:
    study = _xray(room.charlie, room.child)
    visit = room.open_window()
    visit.go(reverse("study", args=[study.pk]))
    expect(visit.page.locator("[data-status]")).to_contain_text("Shown is the 8-bit picture")
    reader = Reader(visit)
    assert reader.says("level") == "C 128 · W 255"
    reader.press("i")
    assert reader.says("flags") == "Inverted"


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
    assert (reader.says("edge-left"), reader.says("edge-bottom")) == ("R", "F")
    methods = reader.page.get_by_label("Which map").locator("option")
    assert methods.all_text_contents() == ["No map", "Evidence (class activation)", "Regions (SHAP)"]
    for _method in range(2):
        reader.press("m")
        assert reader.coloured()
    reader.visit.judge("viewer-analysed")
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
    assert not reader.page.evaluate("document.documentElement.scrollWidth > innerWidth + 1")
    reader.page.emulate_media(media="print")
    expect(reader.page.locator("[data-glance]").first).to_be_visible()
    expect(reader.page.locator("canvas.film").first).to_be_hidden()
    assert not wrong, "\n".join(wrong)
