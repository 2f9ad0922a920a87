"""Agreement counted and a training set made, as a steward, a lead and an administrator meet them."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
from django.urls import reverse
from playwright.sync_api import Browser, expect
from pytest_django.live_server_helper import LiveServer

from clinic.accounts.roles import Role
from patients.models import Patient, Research
from predictions import first_read, jobs
from predictions.agreement.models import Report
from predictions.feedback.models import TrainingSet
from tests import chest_phantom, factories, outputs, studies
from tests.browser.visiting import DESKTOP, TABLET, Visit, opened

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
IMAGES = 12
READERS = 3


@dataclass
class Windows:
    """Who looks at agreement and training sets, and the patient of the first image."""

    steward: Visit
    lead: Visit
    admin: Visit
    patient: Patient


@pytest.fixture
def windows(live_server: LiveServer, browser: Browser) -> Iterator[Windows]:
    """Return the windows of a steward, of the lead of a radiology unit in French on a tablet, of an admin."""
    unit = factories.unit("radiology")
    readers = [factories.staff(f"reader-{n}", Role.RADIOLOGIST, unit) for n in range(READERS)]
    unit.leads.add(readers[0])
    patients = [
        factories.patient(unit, family_name=f"Ladder{n}", invented=True, research=Research.AGREED)
        for n in range(IMAGES)
    ]
    for n, patient in enumerate(patients):
        reader, probability = readers[n % READERS], 0.8 if n % 2 else 0.3
        study = studies.radiograph(reader, patient, probability=probability)
        seen = "pneumonia" if n % 2 == (n != 4) else "normal"
        first_read.commit(user=reader, study=study, impression=seen, confidence="sure")
        verdict = {"verdict": "disagree", "reason": "clinical"} if n == IMAGES - 1 else {}
        if n == 0:
            outputs.send(study, outputs.as_file(outputs.film(chest_phantom.phantom())))
        studies.signed(study, reader, **verdict)
    steward, admin = factories.staff("steward", Role.STEWARD), factories.staff("admin", Role.ADMIN)
    with ExitStack() as stack:
        yield Windows(
            stack.enter_context(opened(browser, live_server.url, steward, size=DESKTOP)),
            stack.enter_context(opened(browser, live_server.url, readers[0], language="fr", size=TABLET)),
            stack.enter_context(opened(browser, live_server.url, admin, size=DESKTOP)),
            patients[0],
        )


def test_counted_for_all_named_for_the_lead_and_given_back_by_two_persons(windows: Windows) -> None:
    steward, lead, admin = windows.steward, windows.lead, windows.admin
    wrong: list[str] = []
    steward.go(reverse("models"))
    steward.page.get_by_role("link", name="Agreement").click()
    expect(steward.page).to_have_url(steward.url + reverse("agreement"))
    steward.page.get_by_label("Algorithm and unit").select_option("chest_xray")
    wrong += steward.judge("agreement")
    steward.page.get_by_role("button", name="Count").click()
    expect(steward.page.locator("#agreement")).to_contain_text("Waiting for the worker")
    jobs.work("agreement", Report.objects.get().pk)
    # The page asks by itself.
    expect(steward.page.get_by_role("heading", name="Blind first reads")).to_be_visible()
    wrong += steward.judge("agreement-steward")
    assert "Ladder" not in steward.page.content()
    assert "Reader-1" not in steward.page.content()
    lead.go(reverse("agreement_report", args=[Report.objects.get().pk]))
    expect(lead.page.get_by_role("heading", name="Désaccords les plus marqués")).to_be_visible()
    lead.page.locator("details.by-person summary").first.click()
    expect(lead.page.get_by_text("Reader-1 Invented").first).to_be_visible()
    wrong += lead.judge("agreement-lead-fr")

    steward.page.get_by_role("link", name="Training sets").click()
    expect(steward.page).to_have_url(steward.url + reverse("training_sets"))
    steward.page.get_by_label("Algorithm").select_option("chest_xray")
    steward.page.get_by_label("What it is for").fill("To retrain on our own images")
    steward.page.get_by_label("Invented patients of the demo too").check()
    wrong += steward.judge("training-sets")
    steward.page.get_by_role("button", name="Ask", exact=True).click()
    expect(steward.page.get_by_role("button", name="Withdraw the request")).to_be_visible()
    assert steward.page.get_by_role("button", name="Approve").count() == 0
    lead.go(reverse("training_sets"))
    lead.page.get_by_role("table").get_by_role("link", name="1").click()
    expect(lead.page).not_to_have_url(lead.url + reverse("training_sets"))
    wrong += lead.judge("training-set-decide-fr")
    admin.go(reverse("training_sets"))
    admin.page.get_by_role("table").get_by_role("link", name="1").click()
    admin.page.get_by_role("button", name="Approve").click()
    expect(admin.page.locator("#made")).to_contain_text("Waiting for the worker")
    jobs.work("training_set", TrainingSet.objects.get().pk)
    expect(admin.page.get_by_role("heading", name="What is in it")).to_be_visible()
    wrong += admin.judge("training-set-made")
    steward.page.reload()
    wrong += steward.judge("training-set-take")
    with steward.page.expect_download() as download:
        steward.page.get_by_role("link", name="Take it out").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        assert any(name.startswith("xrays/train/VG-") for name in archive.namelist())
    lead.go(reverse("patient", args=[windows.patient.pk]))
    expect(lead.page.get_by_role("heading", name="Recherche et entraînement")).to_be_visible()
    wrong += lead.judge("patient-research-fr")
    assert not wrong
