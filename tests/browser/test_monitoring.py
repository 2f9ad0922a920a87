"""Drift as a steward meets it: a notice, the windows of a unit, days of their own, an alert acknowledged."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from functools import partial

import pytest
from django.urls import reverse
from playwright.sync_api import Browser, expect
from pytest_django.live_server_helper import LiveServer

from clinic.accounts.roles import Role
from predictions import jobs
from predictions.models import JobState
from predictions.monitoring import windows
from predictions.monitoring.days import today
from predictions.monitoring.models import Alert, Report
from tests import drifting, factories
from tests.browser.visiting import DESKTOP, TABLET, Visit, opened

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def stewards(live_server: LiveServer, browser: Browser) -> Iterator[tuple[Visit, Visit]]:
    """Return the windows of two stewards, one in French on a tablet; a new device came to the unit."""
    unit = factories.unit("radiology")
    reader = factories.staff("reader", Role.RADIOLOGIST, unit)
    child = factories.patient(unit, family_name="Lighthouse")
    people = [factories.staff(name, Role.STEWARD) for name in ("steward", "responsable")]
    drifting.write(reader, child, unit, drifting.radiograph, n=300, since=40, seed=1)
    moved = partial(drifting.radiograph, maker="philips")
    drifting.write(reader, child, unit, moved, n=200, since=28, seed=2)
    while row := windows.begin("chest_xray", unit):
        _do(row)
    with ExitStack() as stack:
        yield (
            stack.enter_context(opened(browser, live_server.url, people[0], size=DESKTOP)),
            stack.enter_context(opened(browser, live_server.url, people[1], language="fr", size=TABLET)),
        )


def test_a_new_device_is_noticed_looked_at_and_acknowledged(stewards: tuple[Visit, Visit]) -> None:
    english, french = stewards
    wrong: list[str] = []
    english.go(reverse("notices"))
    english.page.get_by_role("link", name="Look at it").first.click()
    # The notice leads to the window that it is about, and that to the history of the unit.
    expect(english.page.get_by_role("heading", name="How they spread")).to_be_visible()
    english.page.get_by_role("link", name="All windows of the unit").click()
    said = "Maker of the device: more “philips” than in the reference"
    expect(english.page.get_by_text(said).first).to_be_visible()
    wrong += english.judge("monitoring-unit")
    alert = Alert.objects.get(key="drift:maker")
    english.page.locator(f"#alert-{alert.pk} summary").click()
    english.page.locator(f"#comment-{alert.pk}").fill("A new device in room 2, from Monday on")
    english.page.locator(f"#alert-{alert.pk}").get_by_role("button", name="Acknowledge").click()
    expect(english.page.locator(f"#alert-{alert.pk}")).to_contain_text("A new device in room 2")
    for label, back in (
        ("First day of the window", 26),
        ("Last day of the window", 21),
        ("First day of the reference", 42),
        ("Last day of the reference", 35),
    ):
        day = today() - timedelta(days=back)
        english.page.get_by_label(label).first.fill(day.isoformat())
    english.page.get_by_role("button", name="Compare").click()
    expect(english.page.locator("#report")).to_contain_text("Waiting for the worker")
    report = Report.objects.exclude(asked_by=None).get()
    _do(report)
    # The page asks by itself.
    expect(english.page.get_by_role("heading", name="How they spread")).to_be_visible()
    expect(english.page.get_by_role("row", name="Maker of the device")).to_contain_text("moved")
    wrong += english.judge("monitoring-report")
    french.go(reverse("monitoring_report", args=[report.pk]))
    expect(french.page.get_by_role("heading", name="Distributions")).to_be_visible()
    expect(french.page.get_by_role("row", name="Fabricant de l’appareil")).to_contain_text("déplacé")
    wrong += french.judge("monitoring-report-fr")
    french.go(reverse("monitoring"))
    wrong += french.judge("monitoring-list-fr")
    assert not wrong


def _do(row: Report) -> None:
    jobs.work("monitoring", row.pk)
    row.refresh_from_db()
    assert row.state == JobState.DONE, row.problems
