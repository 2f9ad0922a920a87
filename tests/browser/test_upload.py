"""Sending the images of a study: chosen, listed, removed one by one, refused by name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.urls import reverse
from playwright.sync_api import Browser, expect
from pytest_django.live_server_helper import LiveServer

from clinic.accounts.models import User
from clinic.accounts.roles import Role
from patients.models import Patient
from predictions.models import Study
from tests import factories
from tests.browser.visiting import TABLET, Visit, opened
from tests.chest_phantom import phantom
from tests.dicom_builder import dx_from_jpeg, write

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

CHOOSE = "Drop the images of the study here, or choose them"


@pytest.fixture
def child() -> Patient:
    patient = factories.patient(factories.unit("radiology"), invented=True)
    factories.encounter(patient)
    return patient


@pytest.fixture
def charlie(child: Patient) -> User:
    return factories.staff("charlie", Role.RADIOLOGIST, child.units.get())


@pytest.fixture
def desk(browser: Browser, live_server: LiveServer, charlie: User, child: Patient) -> Iterator[Visit]:
    with opened(browser, live_server.url, charlie, size=TABLET, touch=True) as window:
        window.go(reverse("study_new", args=["chest_xray", child.pk]))
        yield window


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    front, side, wrong = (tmp_path / name for name in ("front.dcm", "side.dcm", "notes.dcm"))
    write(dx_from_jpeg(phantom(), bits=12), front)
    write(dx_from_jpeg(phantom(seed=1), view_position="LL"), side)
    wrong.write_text("no image at all")
    return [front, side, wrong]


def test_images_are_gathered_listed_and_removed_one_by_one(desk: Visit, files: list[Path]) -> None:
    page, listed = desk.page, desk.page.get_by_role("list", name="Files to send").get_by_role("listitem")
    page.get_by_label(CHOOSE).set_input_files([files[0], files[2]])
    page.get_by_label(CHOOSE).set_input_files([files[1], files[0]])
    expect(listed).to_have_count(3)
    expect(listed.nth(2)).to_contain_text("side.dcm")
    assert desk.judge("upload-tablet") == []
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("File 2: This is not a JPEG, PNG or DICOM file")
    expect(page.get_by_role("alert")).to_contain_text("(sent as notes.dcm)")
    remove = page.get_by_role("button", name="Remove 2: notes.dcm")
    remove.press("Enter")
    expect(listed).to_have_count(2)
    expect(page.get_by_role("button", name="Remove 2: side.dcm")).to_be_focused()
    page.get_by_role("button", name="Send", exact=True).click()
    page.wait_for_url("**/studies/*-*/")
    assert [file.original_name for file in Study.objects.get().files.all()] == ["front.dcm", "side.dcm"]


def test_a_ninth_file_is_refused_before_anything_is_sent(desk: Visit, tmp_path: Path) -> None:
    nine = [tmp_path / f"{number}.png" for number in range(9)]
    for number, path in enumerate(nine):
        path.write_bytes(bytes([number]))
    desk.page.get_by_label(CHOOSE).set_input_files(nine)
    expect(desk.page.get_by_role("alert")).to_contain_text("One study takes 8 files at most")
    requests: list[str] = []
    desk.page.on("request", lambda request: requests.append(request.method))
    desk.page.get_by_role("button", name="Send", exact=True).click()
    expect(desk.page.get_by_role("alert")).to_be_visible()
    assert "POST" not in requests
