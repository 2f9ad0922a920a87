"""From the log-in to the signature, as each user would, in a real browser against the running product."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from ml.algorithms.haemorrhage.examples import ADMISSIONS, as_of
from predictions.demo.people import CHILD, SLEEPER, patients
from tests import dicom_builder
from tests.browser.people import (
    agree_and_sign,
    assess,
    conclude,
    fill_in,
    log_in,
    open_record,
    read_first,
    send_file,
    start,
    wait_for,
)
from tests.chest_phantom import phantom
from tests.servers import LiveStack

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
ORIGINAL = SHARED / "chest_xray" / "originals" / "PNEUMONIA_person1271_bacteria_3231.jpeg"

pytestmark = pytest.mark.browser


def test_a_midwife_assesses_and_the_physician_signs(page: Page, live_stack: LiveStack):
    _title, values = ADMISSIONS["previous_haemorrhage"]
    log_in(page, live_stack, "midwife")
    open_record(page, live_stack, "204812")
    start(page, "haemorrhage")
    fill_in(page, _as_typed(values))
    assess(page)

    main = page.get_by_role("main")
    expect(main).to_contain_text("in 100 women like her")
    expect(main).to_contain_text("previous postpartum haemorrhage", ignore_case=True)
    expect(main).to_contain_text("raises the figure most", ignore_case=True)
    expect(main.get_by_role("button", name="Sign", exact=True)).to_have_count(0)
    address = page.url

    page.context.clear_cookies()
    log_in(page, live_stack, "physician")
    page.goto(address)
    agree_and_sign(page)
    expect(page.get_by_role("main")).not_to_contain_text("AI draft")
    expect(page.get_by_role("button", name="Sign", exact=True)).to_have_count(0)


def test_letters_in_a_laboratory_value_are_refused_at_the_field(page: Page, live_stack: LiveStack):
    _title, values = ADMISSIONS["typical"]
    log_in(page, live_stack, "midwife")
    open_record(page, live_stack, "204811")
    start(page, "haemorrhage")
    fill_in(page, _as_typed(values) | {"haemoglobin": "ten"})
    page.get_by_role("button", name="Assess").click()
    field = page.locator('input[name="haemoglobin"]')
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_value("ten")
    expect(page.locator("#q-haemoglobin")).to_contain_text("number")


@pytest.mark.shared
def test_a_radiologist_reads_an_original_film_and_signs(page: Page, live_stack: LiveStack):
    log_in(page, live_stack, "radiologist")
    open_record(page, live_stack, CHILD)
    start(page, "Chest X-ray")
    send_file(page, ORIGINAL)
    wait_for(page, "to sign")
    main = page.get_by_role("main")
    expect(main).not_to_contain_text("probability of pneumonia")
    expect(page.locator("body")).to_have_class(re.compile("reading-room"))
    expect(page.locator("[data-stage]").first).to_be_visible()
    expect(main).to_contain_text("names no patient")
    read_first(page, "Pneumonia")
    expect(main).to_contain_text("in 100: probability of pneumonia")
    conclude(page, "Opacity of the right lower lobe.")
    agree_and_sign(page)
    expect(main).to_contain_text("Opacity of the right lower lobe.")


@pytest.mark.shared
def test_a_dicom_of_the_same_child_is_read_and_one_of_somebody_else_is_not(
    page: Page, live_stack: LiveStack, tmp_path: Path
):
    child = next(p for p in patients(live_stack.day) if p.record_number == CHILD)
    about = {"record_number": CHILD, "birth_date": child.birth_date, "sex": child.sex, "age": "004Y"}
    name = f"{child.family_name}^{child.given_name}"
    own = dicom_builder.write(dicom_builder.dx_from_jpeg(ORIGINAL, name=name, **about), tmp_path / "own.dcm")
    other = dicom_builder.write(
        dicom_builder.dx_from_jpeg(ORIGINAL, name="AUTRE^PERSONNE", **about), tmp_path / "other.dcm"
    )
    log_in(page, live_stack, "radiologist")
    open_record(page, live_stack, CHILD)
    start(page, "Chest X-ray")
    send_file(page, own)
    wait_for(page, "to sign")
    expect(page.get_by_role("main")).to_contain_text("agrees with the record")
    read_first(page, "Pneumonia")
    conclude(page, "Pneumonia.")
    agree_and_sign(page)

    open_record(page, live_stack, CHILD)
    start(page, "Chest X-ray")
    send_file(page, other)
    wait_for(page, "refused")
    expect(page.get_by_role("main")).to_contain_text("disagree on the name")
    expect(page.get_by_role("main")).not_to_contain_text("probability of pneumonia")


@pytest.mark.shared
def test_an_adult_of_another_name_in_a_secondary_capture_is_refused_for_each_reason(
    page: Page, live_stack: LiveStack
):
    film = next((SHARED / "chest_xray" / "dicom").glob("*.dcm"))
    log_in(page, live_stack, "radiologist")
    open_record(page, live_stack, CHILD)
    start(page, "Chest X-ray")
    send_file(page, film)
    wait_for(page, "refused")
    reasons = page.locator(".reasons")
    for words in ("Secondary Capture", "adult", "disagree on"):
        expect(reasons).to_contain_text(words, ignore_case=True)
    expect(page.get_by_role("main")).not_to_contain_text("probability of pneumonia")


def test_a_picture_that_is_no_chest_film_gets_no_score(page: Page, live_stack: LiveStack, tmp_path: Path):
    path = tmp_path / "notes.dcm"
    path.write_text("this is not an image")
    log_in(page, live_stack, "radiologist")
    open_record(page, live_stack, CHILD)
    start(page, "Chest X-ray")
    send_file(page, path)
    expect(page.locator("[data-problems]")).to_contain_text("DICOM")
    expect(page).to_have_url(page.url)

    small = dicom_builder.dx_from_jpeg(phantom(40, 40), record_number=CHILD)
    page.reload()
    send_file(page, dicom_builder.write(small, tmp_path / "small.dcm"))
    wait_for(page, "refused")
    expect(page.get_by_role("main")).not_to_contain_text("probability of pneumonia")


def test_the_simulated_night_of_the_demo_is_staged_and_marked(page: Page, live_stack: LiveStack):
    log_in(page, live_stack, "technician")
    open_record(page, live_stack, SLEEPER)
    start(page, "Sleep")
    send_file(page, live_stack.folder / "demo" / "simulated_night.edf")
    wait_for(page, "to sign")
    main = page.get_by_role("main")
    expect(main).to_contain_text("simulated", ignore_case=True)
    expect(main.get_by_role("img", name="Hypnogram").first).to_be_visible()
    expect(main.get_by_role("button", name="Sign", exact=True)).to_have_count(0)


@pytest.mark.shared
def test_a_technician_sends_a_real_night_and_the_physician_signs(page: Page, live_stack: LiveStack):
    log_in(page, live_stack, "technician")
    open_record(page, live_stack, SLEEPER)
    start(page, "Sleep")
    send_file(page, SHARED / "sleep" / "ucddb" / "ucddb018_night.edf")
    wait_for(page, "to sign")
    main = page.get_by_role("main")
    expect(main).to_contain_text("Total sleep time")
    expect(main).not_to_contain_text("simulated", ignore_case=True)
    address = page.url
    page.context.clear_cookies()
    log_in(page, live_stack, "physician")
    page.goto(address)
    agree_and_sign(page)


def test_an_administrator_finds_who_opened_a_record(page: Page, live_stack: LiveStack):
    log_in(page, live_stack, "midwife")
    open_record(page, live_stack, "204813")
    page.context.clear_cookies()
    log_in(page, live_stack, "admin")
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{live_stack.url}/audit/")
    page.get_by_label("Patient", exact=False).first.fill("204813")
    page.get_by_role("main").get_by_role("button", name="Search").click()
    main = page.get_by_role("main")
    expect(main).to_contain_text("Alix")
    expect(main).to_contain_text("opened")
    assert errors == [], "the search has a field named action, which hides the form's own"


def test_somebody_from_another_unit_finds_nothing_and_gets_404(page: Page, live_stack: LiveStack):
    log_in(page, live_stack, "midwife")
    open_record(page, live_stack, "204811")
    address = page.url
    page.context.clear_cookies()
    log_in(page, live_stack, "technician")
    answer = page.goto(address)
    assert answer is not None
    assert answer.status == 404
    page.goto(f"{live_stack.url}/patients/")
    page.get_by_label("Record number").fill("204811")
    page.get_by_role("main").get_by_role("button", name="Search").click()
    expect(page.get_by_role("main")).to_contain_text("Nobody in your units matches")


def _as_typed(values: dict) -> dict[str, str]:
    """Write an example admission the way a midwife types it, with times of today."""
    moved = as_of(values, datetime.now().astimezone() - timedelta(minutes=30))
    return {name: _typed(value) for name, value in json.loads(json.dumps(moved)).items() if value is not None}


def _typed(value: object) -> str:
    try:
        return datetime.fromisoformat(str(value)).astimezone().strftime("%Y-%m-%d %H:%M")
    except ValueError:
        return str(value)
