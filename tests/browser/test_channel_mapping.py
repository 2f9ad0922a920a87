"""The channels of a recording, recognised when it is chosen and confirmed before it is sent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.urls import reverse
from playwright.sync_api import Browser, expect
from pytest_django.live_server_helper import LiveServer

from clinic.accounts.roles import Role
from patients.models import Patient
from predictions import lease, run
from predictions.models import ChannelMapping, Study
from tests import factories, nights
from tests.browser.visiting import DESKTOP, TABLET, ZOOMED, Visit, opened
from tests.sleep_files import write_edf

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LABELS = ("F4-M1", "O2-M1", "EOG gauche", "EOG droit", "Menton", "Capteur 7")
CHOOSE = "Drop the file here, or choose it"


@pytest.fixture
def sleeper() -> Patient:
    patient = factories.patient(factories.unit("sleep"), invented=True)
    factories.encounter(patient)
    return patient


@pytest.fixture
def desk(browser: Browser, live_server: LiveServer, sleeper: Patient) -> Iterator[Visit]:
    tessa = factories.staff("tessa", Role.TECHNICIAN, sleeper.units.get())
    with opened(browser, live_server.url, tessa, size=DESKTOP) as window:
        window.go(reverse("study_new", args=["sleep", sleeper.pk]))
        yield window


def test_channels_are_recognised_changed_sent_and_offered_again(desk: Visit, tmp_path: Path) -> None:
    page = desk.page
    page.get_by_label(CHOOSE).set_input_files(write_edf(tmp_path / "night.edf", LABELS, seconds=60))
    frontal = page.get_by_label("EEG, frontal or central")
    expect(frontal).to_have_value("F4-M1")
    expect(page.get_by_label("Eye movements (EOG)")).to_have_value("EOG gauche − EOG droit")
    frontal.select_option("Menton")
    group = page.get_by_role("group", name="Channels that will be read")
    expect(group).to_contain_text("its name says a muscle channel")
    expect(frontal).to_have_value("Menton")
    frontal.select_option("Capteur 7")
    expect(group).not_to_contain_text("a muscle channel")
    assert desk.judge("channels-recognised") == []
    page.set_viewport_size({"width": TABLET[0], "height": TABLET[1]})
    assert desk.judge("channels-tablet") == []
    page.get_by_role("button", name="Send").click()
    page.wait_for_url("**/studies/*/")
    study = Study.objects.get()
    assert study.options["frontal"] == "Capteur 7"
    assert study.options["eog"] == "EOG gauche − EOG droit"
    run._write(lease.claim(study.pk), nights.outcome())
    assert ChannelMapping.objects.count() == 1
    desk.go(reverse("study_new", args=["sleep", study.patient_id]))
    again = write_edf(tmp_path / "next.edf", LABELS, seconds=90)
    page.get_by_label(CHOOSE).set_input_files(again)
    expect(page.get_by_label("EEG, frontal or central")).to_have_value("Capteur 7")
    expect(group).to_contain_text("confirmed them")
    page.get_by_role("button", name="Back to what the names say").click()
    expect(page.get_by_label("EEG, frontal or central")).to_have_value("F4-M1")


def test_a_french_page_asks_in_french_on_a_small_screen(
    browser: Browser, live_server: LiveServer, sleeper: Patient, tmp_path: Path
) -> None:
    tessa = factories.staff("tessa", Role.TECHNICIAN, sleeper.units.get())
    with opened(browser, live_server.url, tessa, language="fr", theme="dark", size=ZOOMED) as desk:
        desk.go(reverse("study_new", args=["sleep", sleeper.pk]))
        night = write_edf(tmp_path / "nuit.edf", LABELS, seconds=60)
        desk.page.locator("input[type=file]").set_input_files(night)
        group = desk.page.get_by_role("group", name="Voies qui seront lues")
        expect(group.get_by_label("EEG, frontale ou centrale")).to_have_value("F4-M1")
        expect(group.get_by_label("Débit").locator("option:checked")).to_have_text("aucune")
        assert desk.judge("channels-fr-zoomed") == []


def test_a_cut_file_is_told_at_once_and_another_choice_clears_it(desk: Visit, tmp_path: Path) -> None:
    page = desk.page
    whole = write_edf(tmp_path / "whole.edf", LABELS, seconds=60)
    cut = tmp_path / "cut.edf"
    cut.write_bytes(whole.read_bytes()[:-1000])
    page.get_by_label(CHOOSE).set_input_files(cut)
    expect(page.get_by_text("The file is incomplete")).to_be_visible()
    assert desk.judge("channels-cut") == []
    page.get_by_label(CHOOSE).set_input_files(whole)
    expect(page.get_by_text("The file is incomplete")).to_have_count(0)
    expect(page.get_by_label("Chin (EMG)")).to_have_value("Menton")
