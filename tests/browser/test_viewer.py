"""The viewer of an X-ray, driven by mouse, fingers and keyboard; what is on the screen is what counts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from django.urls import reverse
from playwright.sync_api import expect

from tests.browser.reading_room import xray
from tests.browser.viewer_room import SPACING, Reader, Room, chest, grey_of, patches, wedge
from tests.browser.visiting import DESKTOP, until

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


@pytest.mark.parametrize("script", ["", NO_CARD], ids=["webgl2", "software"])
def test_grey_levels_are_those_of_the_analyser(room: Room, script: str) -> None:
    files = [
        wedge(),
        wedge(VOILUTFunction="SIGMOID"),
        wedge(VOILUTFunction="LINEAR_EXACT", PhotometricInterpretation="MONOCHROME1"),
    ]
    reader = room.read(xray(room.charlie, room.child, files), script=script, size=DESKTOP)
    drawn_by = "software" if script else "webgl2"
    expect(reader.page.locator("[data-pane]").first).to_have_attribute("data-renderer", drawn_by)
    for dataset in files:
        function = dataset.get("VOILUTFunction", "LINEAR")
        expect(reader.page.locator("[data-status]")).to_have_text("")
        reader.settle()
        for shown in ({"centre": 2500, "width": 3001}, {"centre": 1800, "width": 900}):
            reader.page.get_by_label("Centre").fill(str(shown["centre"]))
            reader.page.get_by_label("Width").fill(str(shown["width"]))
            reader.page.get_by_label("Width").press("Enter")
            reader.settle()
            reader.draws(lambda: patches(reader), grey_of(dataset, function, **shown), 1.01)
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
    assert until(visit.page, lambda: held)
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
    expect(reader.corner("level")).to_have_text("C 128 · W 255")
    reader.drag(0, -40)
    expect(reader.corner("level")).not_to_have_text("C 128 · W 255")
    expect(reader.corner("readout")).to_contain_text("grey")


def test_the_window_follows_mouse_wheel_keys_fields_and_presets(room: Room) -> None:
    reader = room.read(xray(room.charlie, room.child, [chest()]))
    sent = "C 2,048 · W 4,096"
    expect(reader.corner("level")).to_have_text(sent)
    dark = reader.at(0.32, 0.45)
    reader.drag(0, -40)
    brighter = until(reader.page, lambda: bool(np.all(reader.at(0.32, 0.45) > dark)))
    assert brighter, "dragging up must brighten"
    expect(reader.corner("level")).to_contain_text("W 4,096")
    reader.drag(-40, 0)
    expect(reader.corner("level")).not_to_contain_text("W 4,096")
    reader.press("1")
    expect(reader.corner("level")).to_have_text(sent)
    reader.drag(80, 0, button="right")
    expect(reader.corner("level")).to_contain_text("C 2,048")
    expect(reader.corner("level")).not_to_have_text(sent)
    reader.press(" ", "Shift+ArrowUp")
    expect(reader.corner("level")).to_contain_text("W 4,096")
    expect(reader.corner("level")).not_to_have_text(sent)
    reader.press("1")
    reader.page.keyboard.down("Shift")
    reader.page.mouse.wheel(0, 200)
    reader.page.keyboard.up("Shift")
    reader.settle()
    expect(reader.corner("level")).not_to_contain_text("W 4,096")
    shown = []
    for key in "1234":
        reader.press(key)
        shown.append(reader.page.get_by_label("Preset").evaluate("list => list.selectedOptions[0].text"))
    names = ["Window 1", "Dark parts (lungs)", "Bright parts (bone)", "Full range"]
    assert shown == [f"{at + 1} · {name}" for at, name in enumerate(names)]
    reader.page.get_by_label("Preset").select_option(label="2 · Dark parts (lungs)")
    reader.settle()
    width = reader.page.get_by_label("Width")
    assert until(reader.page, lambda: float(width.input_value()) < 2500)


def test_zoom_move_turn_mirror_invert_and_reset(room: Room) -> None:
    reader = room.read(xray(room.charlie, room.child, [chest()]))
    fitted, upright = reader.says("zoom"), reader.inside()
    reader.press("+", "+")
    assert reader.says("zoom") > fitted
    reader.press("=")
    expect(reader.corner("zoom")).to_have_text(fitted)
    box = reader.stage.bounding_box()
    reader.page.mouse.move(box["x"] + 0.7 * box["width"], box["y"] + 0.3 * box["height"])
    before = reader.says("readout").split(":")[0]
    reader.page.mouse.wheel(0, -400)
    reader.settle()
    expect(reader.corner("zoom")).not_to_have_text(fitted)
    after = reader.says("readout").split(":")[0]
    apart = np.subtract(*(np.array(place.split(", "), int) for place in (before, after)))
    assert np.abs(apart).max() <= 1, "the point under the pointer must stay there"
    reader.drag(60, 30, button="middle", start=(0.7, 0.3))
    assert reader.says("readout").split(":")[0] == after, "what is dragged stays under the pointer"
    reader.press(" ")
    reader.draws(reader.inside, upright, 0)
    reader.press("h")
    expect(reader.corner("flags")).to_have_text("Mirrored")
    reader.draws(lambda: reader.inside()[:, ::-1], upright, 2)
    reader.press("v")
    expect(reader.corner("flags")).to_have_text("Turned 180°")
    reader.press(" ", "i")
    expect(reader.corner("flags")).to_have_text("Inverted")
    middle = upright[upright.shape[0] // 2, upright.shape[1] // 2]
    reader.draws(lambda: 255 - reader.at(0.5, 0.5), middle, 1)
    reader.press("i", "r", "r", "r", "l", "l", "l")
    expect(reader.corner("flags")).to_have_text("")
    reader.press("r", "h")
    expect(reader.corner("flags")).to_have_text("Turned 90° · Mirrored")
    reader.press(" ", "h", "r")
    expect(reader.corner("flags")).to_have_text("Mirrored · Turned 90°")
    reader.press(" ", "v")
    expect(reader.corner("flags")).to_have_text("Mirrored top to bottom")
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

    assert until(reader.page, lambda: edges() == "RLHF")
    reader.press("h")
    assert until(reader.page, lambda: edges() == "LRHF")
    reader.press(" ", "r")
    assert until(reader.page, lambda: edges() == "FHRL")
    reader.press("PageDown")
    assert until(reader.page, lambda: edges() == "")


def test_keys_act_from_the_start_and_never_where_something_is_typed(room: Room) -> None:
    reader = room.read(xray(room.charlie, room.child, [chest()]))
    expect(reader.stage).to_be_focused()
    reader.page.keyboard.press("h")
    reader.settle()
    expect(reader.corner("flags")).to_have_text("Mirrored")
    reader.page.get_by_role("link", name="Worklist").press("h")
    comment = reader.page.get_by_label("Comment")
    comment.fill("r i h 1 + o")
    comment.press("h")
    reader.settle()
    expect(reader.corner("flags")).to_have_text("")
    reader.page.get_by_role("button", name="Invert").press("h")
    reader.settle()
    expect(reader.corner("flags")).to_have_text("Mirrored")
    reader.page.get_by_label("Centre").press("i")
    expect(reader.corner("flags")).to_have_text("Mirrored")
    reader.page.get_by_role("button", name="Invert").press("?")
    keys = reader.page.get_by_role("dialog", name="Keys of the viewer")
    expect(keys).to_be_visible()
    reader.page.keyboard.press("h")
    keys.get_by_label("Keys of a single character act").uncheck()
    reader.page.keyboard.press("Escape")
    expect(keys).to_be_hidden()
    expect(reader.corner("flags")).to_have_text("Mirrored")
    reader.page.reload()
    expect(reader.page.locator("[data-status]").first).to_have_text("")
    reader.settle()
    before = reader.says("flags")
    reader.press("v")
    assert reader.says("flags") == before, "switched off for this browser"


def test_a_width_that_cannot_be_is_not_left_in_its_field(room: Room) -> None:
    reader = room.read(xray(room.charlie, room.child, [chest()]))
    width = reader.page.get_by_label("Width")
    for wrong in ("0", "-5"):
        width.fill(wrong)
        width.press("Enter")
        expect(width).to_have_value("1")
    assert not reader.page.get_by_label("Centre").input_value().endswith(".00")


def test_a_graphics_card_that_is_lost_takes_nothing_away(room: Room) -> None:
    reader = room.read(xray(room.charlie, room.child, [chest()]))
    reader.press("o", "2", "r", "+")
    before = reader.inside()
    reader.page.evaluate("""
        document.querySelector("canvas.film").getContext("webgl2").getExtension("WEBGL_lose_context").loseContext()
    """)
    expect(reader.page.locator("[data-renderer=software]")).to_have_count(1)
    expect(reader.page.locator("canvas.film")).to_be_visible()
    reader.draws(reader.inside, before, 2)


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
    expect(reader.corner("readout")).to_contain_text("value")
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
    twice = pytest.approx(2 * zoom, rel=0.05)
    assert until(reader.page, lambda: float(reader.says("zoom").split()[1]) == twice)
    level = reader.says("level")
    fingers("touchStart", (x, y))
    fingers("touchMove", (x + 30, y + 30))
    fingers("touchEnd")
    reader.settle()
    expect(reader.corner("level")).not_to_have_text(level)
