"""The audit in a browser: an alarm on every page, an emergency found, the list for the patient taken out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.db import connection
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Browser, expect
from pytest_django.live_server_helper import LiveServer

from clinic.accounts.roles import Role
from clinic.audit.guards import GUARDS
from clinic.audit.models import Action, Event
from clinic.audit.recording import WORKER, record
from patients.models import Patient
from predictions import disclosing
from predictions.models import Disclosure
from tests import factories
from tests.browser.visiting import DESKTOP, TABLET, Visit, opened

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def claire(transactional_db: None) -> Patient:
    """Return a patient whose record was opened in an emergency, and nobody sealed that."""
    maternity = factories.unit("maternity")
    patient = factories.patient(maternity)
    alice = factories.staff("alice", Role.MIDWIFE, maternity)
    bob = factories.staff("bob", Role.PHYSICIAN, factories.unit("sleep"))
    record(Action.VIEW, actor=alice, patient=patient.pk, kind="patient")
    record(Action.BREAK_GLASS, actor=bob, patient=patient.pk, kind="patient")
    looked = record(Action.VIEW, actor=bob, patient=patient.pk, kind="study")
    record(Action.PREDICT, actor_label=WORKER, patient=patient.pk, kind="study")
    GUARDS.remove(connection)
    Event.objects.filter(pk=looked.pk).update(emergency=uuid4(), at=timezone.now() - timedelta(minutes=3))
    GUARDS.install(connection)
    return patient


@pytest.fixture(params=[DESKTOP, TABLET], ids=["desktop", "tablet"])
def window(
    request: pytest.FixtureRequest, browser: Browser, live_server: LiveServer, claire: Patient
) -> Iterator[Visit]:
    """Return the window of an administrator."""
    admin = factories.staff("admin", Role.ADMIN, language="fr")
    with opened(browser, live_server.url, admin, language="fr", size=request.param) as window:
        yield window


def test_an_administrator_looks_and_hands_out(window: Visit, claire: Patient) -> None:
    page = window.page
    window.go(reverse("audit_search"))
    expect(page.get_by_role("alert").first).to_contain_text("ne sont pas scellés depuis plus d’une minute")
    page.get_by_label("Accès en urgence uniquement").check()
    page.get_by_role("button", name="Rechercher").click()
    rows = page.locator("table.audit tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("accès en urgence")
    assert window.judge("audit search") == []
    with page.expect_download() as export:
        page.get_by_role("button", name="FHIR, un événement par ligne (NDJSON)").click()
    assert Path(export.value.path()).read_text().count('"AuditEvent"') == 2

    window.go(reverse("audit_patient", args=[claire.pk]))
    page.get_by_role("link", name="Liste des accès pour le patient").click()
    expect(page).not_to_have_url(window.url + reverse("audit_patient", args=[claire.pk]))
    expect(page.get_by_role("row").filter(has_text="URGENCE")).to_have_count(2)
    assert window.judge("access list") == []
    page.get_by_role("button", name="Établir le PDF").click()
    expect(page.get_by_text("Liste des accès (PDF) · en cours d’écriture")).to_be_visible()
    disclosing.render(Disclosure.objects.get().pk)  # as a worker would
    link = page.get_by_role("link", name="Liste des accès (PDF)")
    expect(link).to_be_visible()
    with page.expect_download() as pdf:
        link.click()
    assert Path(pdf.value.path()).read_bytes().startswith(b"%PDF")
