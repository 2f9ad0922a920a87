"""A steward sends a test from the bench and reads how it went, marked as a test, in both languages."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect
from pytest_django.live_server_helper import LiveServer

from clinic.accounts.roles import Role
from predictions import jobs
from predictions.models import Study
from predictions.testbench.models import BenchRun
from tests import factories
from tests.browser.visiting import DESKTOP, TABLET, loaded, opened

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_phantom_is_sent_refused_and_told(browser: Browser, live_server: LiveServer) -> None:
    steward = factories.staff("steward", Role.STEWARD)
    with opened(browser, live_server.url, steward) as visit:
        page = visit.page
        visit.go("/models/")
        rooms = page.get_by_role("navigation", name="Running the models")
        rooms.get_by_role("link", name="Test bench").click()
        expect(page.get_by_label("Phantom image")).to_be_attached()
        loaded(page)
        page.get_by_label("Phantom image").check()
        page.get_by_label("Seed").fill("5")
        page.get_by_role("button", name="Send the test").click()
        expect(page.get_by_role("main")).to_contain_text("Waiting for a worker")
        wrong = visit.judge("waiting")
        # In place of the worker; the page that asks every second sees the end by itself.
        jobs.work("testbench", BenchRun.objects.get().pk)
        expect(page.get_by_role("heading", name="Refused by the algorithm")).to_be_visible()
        main = page.get_by_role("main")
        expect(main).to_contain_text("as expected")
        expect(main).to_contain_text("there is no patient behind it")
        expect(page.get_by_role("row", name="Reading, network and gate")).to_be_visible()
        page.get_by_role("link", name="All tests").click()
        expect(page.get_by_role("region", name="Tests sent")).to_contain_text("as expected")
        for size in (DESKTOP, TABLET):
            page.set_viewport_size({"width": size[0], "height": size[1]})
            wrong += visit.judge(f"list-{size[0]}")
    with opened(browser, live_server.url, steward, language="fr") as visit:
        visit.go(f"/testbench/{BenchRun.objects.get().pk}/")
        expect(visit.page.get_by_role("heading", name="Image de fantôme")).to_be_visible()
        wrong += visit.judge("run-fr")
    assert not wrong
    assert not Study.objects.exists()
