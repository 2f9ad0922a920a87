"""A midwife has a table answered: columns named, progress followed, the result taken, all of it gone."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from pytest_django.live_server_helper import LiveServer

from clinic.accounts.models import User
from predictions.batches.models import Batch
from tests.batches import admissions, table, work_off
from tests.browser.visiting import DESKTOP, FITTING_MS, TABLET, opened, until

pytestmark = pytest.mark.browser
COVERED = """() => { const bar = document.querySelector(".send-bar").getBoundingClientRect();
  return [...document.querySelectorAll(".naming select")].filter((field) => {
    const box = field.getBoundingClientRect(); return box.bottom > bar.top && box.top < bar.bottom;
  }).map((field) => field.name); }"""


def test_a_table_is_named_followed_taken_and_deleted(
    live_server: LiveServer, browser: Browser, alice: User, tmp_path: Path
) -> None:
    """Two columns are not called as their fields: one is guessed, the other named by hand."""
    called = {"haemoglobin": "Hémoglobine", "reference": "N° dossier"}
    sent = [*admissions(120), {"admission_at": "yesterday", "reference": "LIGHTHOUSE"}]
    rows = [{called.get(name, name): value for name, value in row.items()} for row in sent]
    source = tmp_path / "in.csv"
    source.write_bytes(table(rows, delimiter=";", encoding="utf-16"))
    wrong = []
    with opened(browser, live_server.url, alice, language="fr") as visit:
        page = visit.page
        visit.go("/batches/")
        expect(page.get_by_role("main")).to_contain_text("Vous n’avez envoyé aucun lot")
        page.get_by_role("link", name="Hémorragie").click()
        expect(page.get_by_role("main")).to_contain_text("n’entrent dans aucun dossier")
        page.get_by_label("Déposez la table ici").set_input_files(source)
        page.get_by_role("button", name="Envoyer", exact=True).click()

        page.wait_for_url("**/columns/")
        expect(page.get_by_label("Hémoglobine", exact=False).first).to_have_value("haemoglobin")
        expect(page.get_by_role("main")).to_contain_text("Deviné d’après le nom")
        number = page.locator("tr", has_text="N° dossier").get_by_role("combobox")
        number.select_option("parity")
        page.get_by_role("button", name="Lancer").click()
        expect(page.get_by_role("alert").first).to_contain_text("L’envoi n’est pas possible")
        expect(page.locator("tr", has_text="N° dossier")).to_contain_text("plusieurs colonnes")
        page.set_viewport_size(dict(zip(("width", "height"), TABLET, strict=True)))
        assert until(page, lambda: page.evaluate(COVERED) == [], FITTING_MS), (
            "the bar with the button lies over a field"
        )
        expect(page.get_by_role("main")).to_contain_text("il désigne une personne")
        wrong += visit.judge("batch_columns")
        page.set_viewport_size(dict(zip(("width", "height"), DESKTOP, strict=True)))
        page.locator("tr", has_text="N° dossier").get_by_role("combobox").select_option("reference")
        page.get_by_role("button", name="Lancer").click()

        expect(page.locator("#pending")).to_contain_text("Lecture de ce qui a été envoyé")
        batch = Batch.objects.get()
        work_off(batch, most=2)
        expect(page.locator("#pending")).to_contain_text("100 lignes sur 121")
        wrong += visit.judge("batch_pending")
        work_off(batch)
        expect(page.get_by_role("heading", name="Résultat")).to_be_visible()
        expect(page.get_by_role("main")).to_contain_text("120 sur 121")
        expect(page.get_by_role("row", name="121")).to_contain_text("refusé")
        expect(page.get_by_role("row", name="121")).to_contain_text("LIGHTHOUSE")
        with page.expect_download() as download:
            page.get_by_role("link", name="Télécharger en CSV").click()
        taken = list(csv.DictReader(download.value.path().read_text("utf-8-sig").splitlines()))
        assert [taken[0]["reference"], taken[-1]["status"]] == ["R00000", "refused"]
        page.set_viewport_size(dict(zip(("width", "height"), TABLET, strict=True)))
        wrong += visit.judge("batch_tablet")
        page.get_by_role("button", name="Supprimer le lot maintenant").click()
        expect(page.get_by_role("main")).to_contain_text("Le lot est supprimé")
    assert not Batch.objects.exists()
    assert not wrong
