"""The signals in the scoring room: those of the file, filtered as scipy does, drawn while a key is held."""

from __future__ import annotations

import sys

import edfio
import numpy as np
import pytest
from playwright.sync_api import expect
from scipy import signal as dsp

from predictions.storage import storage
from tests.browser.scoring_lab import Lab, at_epoch, drawn, values
from tests.browser.scoring_nights import twenty_channels
from tests.browser.visiting import until

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

ALL_CHANNELS = """
{
  const room = document.querySelector("scoring-room");
  const shown = new Set(room.montage.traces.map((trace) => trace.plus));
  for (const number of room.montage.channels.keys()) if (!shown.has(number)) room.montage.add(number, null);
  room.refiltered();
}
"""
WRITTEN = """() => {
  const room = document.querySelector("scoring-room");
  const own = CanvasRenderingContext2D.prototype.fillText;
  const found = [];
  CanvasRenderingContext2D.prototype.fillText = function (text, x, y) {
    found.push({ text, from: x, to: x + this.measureText(text).width, y });
    return own.call(this, text, x, y);
  };
  room.paint();
  CanvasRenderingContext2D.prototype.fillText = own;
  return found;
}"""
FILTERED = """async ({ samples, limits, rate }) => {
  const { filtered, sections } = await import("/static/js/scoring/filters.js");
  return [...filtered(sections(limits, rate), samples)];
}"""
FRAMES = """
{
  const room = document.querySelector("scoring-room");
  const gaps = [];
  const paints = [];
  let late = 0;
  let last = performance.now();
  room.painted = (milliseconds) => { paints.push(milliseconds); late += room.traces.late ? 1 : 0; };
  const frame = (now) => { gaps.push(now - last); last = now; requestAnimationFrame(frame); };
  requestAnimationFrame(frame);
  const sorted = (list) => [...list].sort((a, b) => a - b);
  const share = (list, q) => Number(sorted(list)[Math.floor(q * (list.length - 1))].toFixed(1));
  window.frames_measured = () => ({
    pages: paints.length, paint_median_ms: share(paints, 0.5), paint_p95_ms: share(paints, 0.95),
    frame_median_ms: share(gaps, 0.5), frame_p95_ms: share(gaps, 0.95), pages_from_envelope: late,
  });
}
null;
"""


def test_filters_of_the_browser_are_those_of_scipy(lab: Lab) -> None:
    page = lab.enter().page
    walk = np.cumsum(np.random.default_rng(4).normal(size=4000))
    for rate, low, high, mains in ((256, 0.3, 35, 50), (256, 10, 100, 0), (200, 0.3, 70, 60)):
        sections = [dsp.butter(2, low, "high", fs=rate, output="sos")[0]]
        sections.append(dsp.butter(2, high, "low", fs=rate, output="sos")[0])
        if mains:
            sections.append(np.concatenate(dsp.iirnotch(mains, 30, fs=rate)))
        padding = 3 * (2 * len(sections) + 1)
        expected = dsp.sosfiltfilt(np.array(sections), walk, padlen=padding)
        limits = {"low": low, "high": high, "mains": mains}
        found = page.evaluate(FILTERED, {"samples": walk.tolist(), "limits": limits, "rate": rate})
        np.testing.assert_allclose(found, expected, atol=1e-4)


def test_the_samples_on_the_screen_are_those_of_the_file(lab: Lab) -> None:
    page = lab.enter().page
    page.keyboard.press("f")
    expect(page.locator("[data-do=filters]")).to_have_attribute("aria-pressed", "false")
    with storage.local(lab.study.file.name) as path:
        signal = edfio.read_edf(path).get_signal("EEG F4-M1")
    found = values(page)
    assert found["label"] == "EEG F4-M1"
    rate = round(signal.sampling_frequency)
    np.testing.assert_allclose(found["values"], signal.data[: 30 * rate : 500], atol=0.02)


@pytest.mark.long
def test_twenty_channels_are_drawn_while_an_arrow_key_is_held(
    lab: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    """Prints how long frames took; a machine without a graphics card proves nothing about sixty a second."""
    visit = lab.enter(study=twenty_channels(lab.terry, lab.nina))
    page = visit.page
    page.evaluate(ALL_CHANNELS)
    expect(page.locator(".trace-label")).to_have_count(20)
    drawn(page)
    page.evaluate(FRAMES)
    for _press in range(60):
        page.keyboard.down("ArrowRight")
        page.wait_for_timeout(25)
    page.keyboard.up("ArrowRight")
    found = page.evaluate("window.frames_measured()")
    with capsys.disabled():
        sys.stdout.write(f"\n20 channels at 256 Hz, arrow held: {found}\n")
    drawn(page)
    at_epoch(page, 61, of=80)


ENVELOPE = """(seconds) => {
  const { envelopes, montage } = document.querySelector("scoring-room");
  const own = montage.traces.find((trace) => trace.number === null);
  const level = envelopes.trace(own, seconds);
  const read = (value) => Array.from({ length: level.bins }, (_, bin) => value(bin));
  const { plus, minus } = own;
  return { seconds: level.seconds, low: read(level.min), high: read(level.max), plus, minus };
}"""
ADDED = """
{
  const room = document.querySelector("scoring-room");
  const [plus, minus] = room.montage.given;
  room.montage.add(plus.plus, minus.plus);
  room.refiltered();
}
"""
INKED = """() => {
  const canvas = document.querySelector("[data-traces]");
  const { montage, traces } = document.querySelector("scoring-room");
  const lane = traces.lane * (canvas.width / canvas.clientWidth);
  const at = montage.traces.findIndex((trace) => trace.number === null);
  const top = Math.round(34 * (canvas.width / canvas.clientWidth) + at * lane);
  const { data } = canvas.getContext("2d").getImageData(0, top, canvas.width, Math.floor(lane));
  const columns = new Set();
  for (let i = 3; i < data.length; i += 4) if (data[i]) columns.add(((i - 3) / 4) % canvas.width);
  return columns.size / canvas.width;
}"""


def test_a_derivation_of_ones_own_is_drawn_on_a_page_of_an_hour(lab: Lab) -> None:
    page = lab.enter().page
    page.evaluate(ADDED)
    drawn(page)
    page.locator("[data-field=page]").select_option("3600")
    drawn(page)
    assert until(page, lambda: page.evaluate(INKED) > 0.98)
    fine, coarse = (page.evaluate(ENVELOPE, seconds) for seconds in (0, 5))
    assert (fine["seconds"], coarse["seconds"]) == (0.25, 4)
    with storage.local(lab.study.file.name) as path:
        recorded = edfio.read_edf(path)
    plus, minus = (recorded.signals[fine[side]] for side in ("plus", "minus"))
    rate = round(plus.sampling_frequency)
    sections = [
        dsp.butter(2, edge, kind, fs=rate, output="sos")[0] for edge, kind in ((0.3, "high"), (35, "low"))
    ]
    whole = dsp.sosfiltfilt(np.array(sections), plus.data - minus.data)
    quarters = whole[: len(whole) // (rate // 4) * (rate // 4)].reshape(-1, rate // 4)
    # Stretches are filtered with half a minute on both sides: what is further away has faded.
    np.testing.assert_allclose(fine["low"][: len(quarters)], quarters.min(axis=1), atol=0.1)
    np.testing.assert_allclose(fine["high"][: len(quarters)], quarters.max(axis=1), atol=0.1)
    longer = quarters[: len(quarters) // 16 * 16].reshape(-1, 16 * quarters.shape[1])
    np.testing.assert_allclose(coarse["high"][: len(longer)], longer.max(axis=1), atol=0.1)


def test_amplitudes_times_and_marks_can_be_read_off(lab: Lab) -> None:
    page = lab.enter().page
    expect(page.locator(".trace-label")).to_have_count(13)
    expect(page.locator(".trace-span").first).to_be_visible()
    expect(page.locator(".trace-span").first).to_have_text("100 µV")
    expect(page.locator("[data-do=guides]")).to_have_attribute("aria-pressed", "true")
    assert page.evaluate("document.querySelector('scoring-room').ruler.format(-0.01, 1)") == "0.0"
    page.keyboard.press("a")
    page.keyboard.press("x")
    written = {one["text"]: one for one in page.evaluate(WRITTEN)}
    assert written["Artefact"]["to"] < written["Arousal"]["from"]
    page.locator("[data-field=page]").select_option("5")
    drawn(page)
    times = [one for one in page.evaluate(WRITTEN) if one["text"].count(":") == 2]
    assert len(times) >= 4
