"""An erasure as people meet it: asked for at one screen, approved at another, its log read since."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from django.urls import reverse
from playwright.sync_api import Browser, expect
from pytest_django.live_server_helper import LiveServer

from clinic.accounts.roles import Role
from patients.models import Erasure, ErasureState, Patient
from predictions import erasing
from tests import factories, studies
from tests.browser.visiting import DESKTOP, TABLET, Visit, loaded, opened

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def windows(live_server: LiveServer, browser: Browser) -> Iterator[tuple[Visit, Visit, Patient]]:
    """Return the window of a physician in French on a tablet, an administrator's, and their patient."""
    unit = factories.unit("maternity")
    physician = factories.staff("bob", Role.PHYSICIAN, unit)
    admin = factories.staff("admin", Role.ADMIN)
    patient = factories.patient(unit, invented=True)
    study = studies.ready(physician, patient)
    studies.written(study, b"a report")
    with ExitStack() as stack:
        yield (
            stack.enter_context(opened(browser, live_server.url, physician, language="fr", size=TABLET)),
            stack.enter_context(opened(browser, live_server.url, admin, size=DESKTOP)),
            patient,
        )


def test_one_asks_another_approves_and_the_log_stays(windows: tuple[Visit, Visit, Patient]) -> None:
    physician, admin, patient = windows
    wrong: list[str] = []
    physician.go(reverse("patient", args=[patient.pk]))
    physician.page.get_by_role("link", name="Effacement et séquestre").click()
    expect(physician.page.get_by_role("button", name="Demander l’effacement")).to_be_visible()
    wrong += physician.judge("erasure-ask")
    physician.page.get_by_label("Fondement").select_option("request")
    physician.page.locator("#erasure-reason").fill("Demandé par courrier")
    physician.page.get_by_role("button", name="Demander l’effacement").click()
    expect(physician.page).not_to_have_url(physician.url + reverse("patient_erasure", args=[patient.pk]))
    wanted = Erasure.objects.get()
    erasing.work(wanted.pk)
    physician.page.reload()
    wrong += physician.judge("erasure-requested")
    with physician.page.expect_download() as download:
        physician.page.get_by_role("link", name="Récupérer l’export").click()
    assert download.value.suggested_filename.endswith(".zip")
    admin.go(reverse("erasures"))
    wrong += admin.judge("erasures")
    admin.page.get_by_role("row").nth(1).get_by_role("link").click()
    expect(admin.page.get_by_role("button", name="Approve the erasure")).to_be_visible()
    wrong += admin.judge("erasure-decide")
    assert patient.family_name not in admin.page.content()
    admin.page.get_by_role("button", name="Approve the erasure").click()
    expect(admin.page.get_by_role("button", name="Approve the erasure")).to_have_count(0)
    loaded(admin.page)
    erasing.work(wanted.pk)
    admin.page.reload()
    wrong += admin.judge("erasure-done")
    wanted.refresh_from_db()
    assert wanted.state == ErasureState.DONE
    assert not Patient.objects.exists()
    physician.go(reverse("erasure", args=[wanted.pk]))
    wrong += physician.judge("erasure-done-fr")
    assert not wrong


def test_a_legal_hold_is_placed_seen_and_released(windows: tuple[Visit, Visit, Patient]) -> None:
    physician, admin, patient = windows
    physician.go(reverse("patient_erasure", args=[patient.pk]))
    physician.page.locator("#hold-reason").fill("Une plainte est en cours")
    physician.page.get_by_role("button", name="Mettre sous séquestre").click()
    expect(physician.page.get_by_role("button", name="Demander l’effacement")).to_have_count(0)
    wrong = physician.judge("hold-placed")
    admin.go(reverse("erasures"))
    wrong += admin.judge("hold-listed")
    admin.page.get_by_role("button", name="Release").click()
    expect(admin.page.get_by_text("The legal hold was released.")).to_be_visible()
    assert not wrong
