"""Every page looked at as people see it: desktop and tablet, both languages and themes, zoomed, printed.

On each page axe must find nothing, the console must stay silent (a broken content security policy shows
there), and nothing may stick out sideways. ``VIGIE_SCREENS=FOLDER`` keeps the pictures.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Browser, expect
from pytest_django.live_server_helper import LiveServer

from clinic.accounts.models import Unit
from ml.algorithms.haemorrhage.examples import EXAMPLES, as_of
from predictions.models import Study
from predictions.states import State
from tests import studies
from tests.browser.house import House, build
from tests.browser.visiting import DESKTOP, TABLET, ZOOMED, Visit, opened

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def clinical_pages(house: House) -> dict[str, str]:
    """Return the pages of clinical staff by name."""
    new = {
        kind: reverse("study_new", args=[kind, house.claire.pk])
        for kind in ("haemorrhage", "chest_xray", "sleep")
    }
    return {
        "worklist": reverse("worklist"),
        "worklist-filtered": reverse("worklist") + "?state=running",
        "search": reverse("patient_search"),
        "patient-new": reverse("patient_new"),
        "patient": reverse("patient", args=[house.claire.pk]),
        "patient-edit": reverse("patient_edit", args=[house.claire.pk]),
        "encounter": reverse("encounter_new", args=[house.claire.pk]),
        "encounter-end": reverse("encounter_end", args=[house.claire.pk, house.claire.encounters.first().pk]),
        **{f"new-{kind}": address for kind, address in new.items()},
        **{f"study-{name}": reverse("study", args=[s.pk]) for name, s in house.studies.items()},
        "reassess": reverse("study_reassess", args=[house.studies["haemorrhage"].pk]),
        "reassess-closed": reverse("study_reassess", args=[house.studies["birth_over"].pk]),
        "blood-loss": blood_loss(house.studies["haemorrhage"]),
        "blood-loss-again": blood_loss(house.studies["birth_over"]),
        "missing": "/no-such-page/",
    }


def blood_loss(study: Study) -> str:
    """Return the address of the blood loss of the birth a study is of."""
    return reverse("blood_loss", args=[study.patient_id, study.encounter_id])


ACCOUNT_PAGES = (
    "profile",
    "account_change_password",
    "mfa_index",
    "usersessions_list",
    "account_logout",
    "models",
)
ADMIN_PAGES = ("audit_search", "staff_list", "staff_new", "unit_list", "unit_new")


@pytest.fixture
def house(live_server: LiveServer) -> House:
    """Return the house the pages are about, behind a running server."""
    return build(live_server.url)


@pytest.fixture
def visit(browser: Browser, house: House) -> Iterator[Any]:
    """Return a function that opens a window for one person, language, theme and size."""
    with ExitStack() as stack:

        def open_window(who: str, **look: Any) -> Visit:
            return stack.enter_context(opened(browser, house.url, house.staff[who] if who else None, **look))

        yield open_window


@pytest.mark.parametrize(
    ("language", "theme", "size"),
    [("en", "light", DESKTOP), ("fr", "dark", TABLET)],
    ids=["desktop-en-light", "tablet-fr-dark"],
)
def test_every_clinical_page(
    house: House, visit: Any, language: str, theme: str, size: tuple[int, int]
) -> None:
    window = visit("physician", language=language, theme=theme, size=size)
    wrong = []
    for name, address in clinical_pages(house).items():
        window.go(address)
        wrong += window.judge(f"{name}-{language}-{theme}-{size[0]}")
    assert not wrong, "\n".join(wrong)


def test_pages_of_account_models_and_administration(house: House, visit: Any) -> None:
    window = visit("admin", language="fr", theme="dark", size=DESKTOP)
    Unit.objects.filter(code="radiology").update(code="imaging")  # so that a unit is left to be created
    addresses = {name: reverse(name) for name in (*ACCOUNT_PAGES, *ADMIN_PAGES)}
    addresses |= {f"model-{name}": reverse("model", args=[name]) for name in ("haemorrhage", "german_credit")}
    addresses["unit_edit"] = reverse("unit_edit", args=["maternity"])
    addresses["staff_second_factor"] = reverse("staff_second_factor", args=[house.staff["physician"].pk])
    addresses["not-allowed"] = reverse("patient_search")
    wrong = []
    for name, address in addresses.items():
        window.go(address)
        wrong += window.judge(name)
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_door(visit: Any, theme: str) -> None:
    window = visit("", theme=theme, size=TABLET)
    window.go(reverse("account_login"))
    assert not window.judge(f"login-{theme}")


def test_nothing_is_lost_at_four_times_the_size(house: House, visit: Any) -> None:
    window = visit("physician", language="fr", size=ZOOMED)
    wrong = []
    for name, address in clinical_pages(house).items():
        window.go(address)
        if window.page.evaluate("document.documentElement.scrollWidth > innerWidth + 1"):
            wrong.append(name)
    assert not wrong, f"scroll sideways at 400 %: {wrong}"


def test_paper_shows_the_report_and_no_tools(house: House, visit: Any) -> None:
    window = visit("physician", theme="dark")
    window.go(reverse("study", args=[house.studies["chest_xray"].pk]))
    window.page.emulate_media(media="print")
    expect(window.page.locator(".nav")).to_be_hidden()
    expect(window.page.get_by_text("First impression awaited")).to_be_visible()
    expect(window.page.locator("body")).to_have_css("background-color", "rgb(255, 255, 255)")


def test_the_result_appears_by_itself(house: House, visit: Any) -> None:
    study = studies.waiting(house.staff["physician"], house.claire, values=as_of(EXAMPLES[0], timezone.now()))
    window = visit("physician")
    window.go(reverse("study", args=[study.pk]))
    expect(window.page.get_by_text("Waiting for the analyser")).to_be_visible()
    studies.analysed(study)
    expect(window.page.get_by_text("in 100 women like her").first).to_be_visible()
    expect(window.page.get_by_role("button", name="Sign", exact=True)).to_be_visible()


def test_a_click_into_the_night_opens_that_epoch(house: House, visit: Any) -> None:
    window = visit("physician")
    window.go(reverse("study", args=[house.studies["sleep"].pk]))
    plot = window.page.locator(".hypnogram")
    box = plot.bounding_box()
    plot.click(position={"x": box["width"] / 2 + 1, "y": 50})
    expect(window.page.locator("#epoch")).to_contain_text("Epoch 451")
    window.page.get_by_role("button", name="Next epoch").click()
    expect(window.page.locator("#epoch")).to_contain_text("Epoch 452")
    expect(window.page.locator("canvas.envelope")).to_be_visible()


def test_the_form_counts_and_warns_while_it_is_filled_in(house: House, visit: Any) -> None:
    window = visit("physician")
    window.go(reverse("study_new", args=["haemorrhage", house.claire.pk]))
    haemoglobin = window.page.get_by_label("Haemoglobin", exact=True)
    haemoglobin.fill("108")
    haemoglobin.press("Tab")
    window.page.get_by_role("radiogroup", name="Fibroids").get_by_role("radio", name="No", exact=True).check()
    expect(window.page.locator("#progress")).to_contain_text("3 of 25 known")
    expect(window.page.locator("#problems-haemoglobin")).to_contain_text("in g/L?")
    window.page.reload()
    expect(window.page.get_by_label("Haemoglobin", exact=True)).to_have_value("108")


def test_enter_in_a_field_goes_on_to_the_next_question_and_sends_nothing(house: House, visit: Any) -> None:
    window = visit("physician")
    before = Study.objects.count()
    window.go(reverse("study_new", args=["haemorrhage", house.claire.pk]))
    address = window.page.url
    gravidity = window.page.locator('input[name="gravidity"]')
    gravidity.fill("2")
    gravidity.press("Enter")
    expect(window.page.locator('input[name="parity"]')).to_be_focused()
    window.page.get_by_role("radiogroup", name="Fibroids").get_by_role("radio", name="No", exact=True).focus()
    window.page.keyboard.press("Enter")
    expect(window.page.locator('input[name="fibroids"]:focus')).to_have_count(0)
    assert window.page.url == address
    assert Study.objects.count() == before


def test_an_upload_refused_says_why_without_leaving(house: House, visit: Any, tmp_path: Path) -> None:
    wrong = tmp_path / "scan.dcm"
    wrong.write_text("this is no image")
    window = visit("radiologist")
    window.go(reverse("study_new", args=["chest_xray", house.claire.pk]))
    window.page.get_by_label("Drop the images of the study here, or choose them").set_input_files(wrong)
    window.page.get_by_role("button", name="Send", exact=True).click()
    expect(window.page.get_by_role("alert")).to_contain_text("This is not a JPEG, PNG or DICOM file")
    assert not Study.objects.filter(submitted_by=house.staff["radiologist"], state=State.QUEUED).exists()


def test_a_page_that_cannot_refresh_says_so(house: House, visit: Any) -> None:
    window = visit("physician")
    window.go(reverse("worklist"))
    notice = window.page.get_by_text("No connection: what you see may be out of date.")
    expect(notice).to_be_hidden()
    window.page.context.set_offline(True)
    expect(notice).to_be_visible()
    window.page.context.set_offline(False)
    expect(notice).to_be_hidden()


def test_a_session_that_ended_leads_to_the_door(house: House, visit: Any) -> None:
    window = visit("physician")
    window.go(reverse("worklist"))
    studies.waiting(house.staff["physician"], house.claire, unit=house.studies["waiting"].unit)
    window.page.context.clear_cookies()
    expect(window.page.get_by_role("heading", name="You are logged out")).to_be_visible()
    expect(window.page.locator("#list")).to_have_count(0)
    window.page.get_by_role("link", name="Log in").click()
    expect(window.page.get_by_role("heading", name="Log in")).to_be_visible()
