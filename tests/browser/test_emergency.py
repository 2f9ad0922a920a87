"""An emergency in the browser: opened, said on every page of the patient, ended, and gone by itself."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Browser, expect
from pytest_django.live_server_helper import LiveServer

from clinic.accounts.models import User
from clinic.accounts.roles import Role, Scope
from ml.algorithms.haemorrhage.examples import EXAMPLES, as_of
from patients import emergency
from patients.models import EmergencyAccess, Patient
from predictions.models import Study
from tests import factories, studies
from tests.browser.visiting import DESKTOP, TABLET, Visit, opened

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

WHY = "Brought in bleeding, nobody of maternity answers"


@pytest.fixture
def charlie(transactional_db: None) -> User:
    """Return a radiologist, who has no patient in the maternity unit."""
    return factories.staff(
        "charlie", Role.RADIOLOGIST, factories.unit("radiology"), password=factories.PASSWORD
    )


@pytest.fixture
def claire(transactional_db: None) -> Patient:
    """Return a patient of the maternity unit."""
    return factories.patient(factories.unit("maternity"))


@pytest.fixture
def study(claire: Patient) -> Study:
    """Return an analysed study of hers."""
    alice = factories.staff("alice", Role.MIDWIFE, factories.unit("maternity"))
    return studies.analysed(studies.waiting(alice, claire, values=as_of(EXAMPLES[0], timezone.now())))


@pytest.fixture
def window(browser: Browser, live_server: LiveServer, charlie: User) -> Iterator[Visit]:
    """Return his tablet."""
    with opened(browser, live_server.url, charlie, size=TABLET, touch=True) as window:
        yield window


def test_a_record_is_opened_read_and_closed_again(window: Visit, claire: Patient, study: Study) -> None:
    page = window.page
    page.goto(window.url + reverse("patient_search"))
    page.get_by_role("link", name="Open in an emergency").click()
    # The search has such a field too, and the focus in it.
    expect(page).to_have_url(window.url + reverse("emergency_new"))
    expect(page.get_by_label("Record number")).to_be_focused()
    page.get_by_label("Record number").press_sequentially(claire.record_number)
    page.get_by_label("Danger to life").check()
    page.get_by_label("In your words").fill(WHY)
    page.get_by_role("button", name="Open the record for four hours").click()
    bar = page.get_by_role("region", name="Emergency access")
    expect(bar).to_contain_text("3 h 59 min left")
    page.goto(window.url + reverse("study", args=[study.pk]))
    expect(bar).to_be_visible()
    expect(page.get_by_role("button", name="Sign")).to_have_count(0)
    bar.get_by_role("button", name="End it now").click()
    expect(page.get_by_text("the record is closed to you again")).to_be_visible()
    assert page.goto(window.url + reverse("study", args=[study.pk])).status == 404


def test_a_finger_hits_what_stands_in_the_bar_of_a_tablet(window: Visit) -> None:
    page = window.page
    page.goto(window.url + reverse("patient_search"))
    inside = page.locator(".topbar :is(.brand, .nav a, .segments button, summary)")
    sizes = inside.evaluate_all("all => all.map(one => one.getBoundingClientRect().toJSON())")
    assert len(sizes) >= 8
    assert min(min(one["width"], one["height"]) for one in sizes) >= 40


def test_the_screen_is_emptied_when_the_time_is_over(window: Visit, charlie: User, claire: Patient) -> None:
    emergency.open(charlie, claire, WHY)
    page = window.page
    page.clock.install()
    window.go(reverse("patient", args=[claire.pk]))
    expect(page.get_by_text("LANTERN, Claire")).to_be_visible()
    EmergencyAccess.objects.update(expires_at=timezone.now())
    page.clock.fast_forward("04:00:00")
    page.wait_for_url(window.url + reverse("patient_search"))
    expect(page.get_by_text("LANTERN, Claire")).to_have_count(0)


@pytest.mark.parametrize(("language", "size"), [("fr", DESKTOP), ("en", TABLET)], ids=["fr", "en"])
def test_the_pages_of_it_look_right(
    browser: Browser,
    live_server: LiveServer,
    charlie: User,
    claire: Patient,
    study: Study,
    language: str,
    size: tuple[int, int],
) -> None:
    lead = factories.staff("bob", Role.PHYSICIAN, factories.unit("maternity"), password=factories.PASSWORD)
    admin = factories.staff("admin", Role.ADMIN, password=factories.PASSWORD)
    factories.unit("maternity").leads.add(lead)
    emergency.open(charlie, claire, WHY, category="life")
    factories.token(lead, Scope.READ, Scope.SUBMIT)
    of_record = reverse("patient", args=[claire.pk])
    seen = {
        charlie: [reverse("emergency_new"), of_record, reverse("study", args=[study.pk])],
        lead: [reverse("notices"), of_record, reverse("token_list"), reverse("token_new")],
        admin: [reverse("token_list_all"), reverse("unit_edit", args=["maternity"])],
    }
    wrong: list[str] = []
    for person, pages in seen.items():
        with opened(browser, live_server.url, person, language=language, size=size) as window:
            for number, address in enumerate(pages):
                window.go(address)
                wrong += window.judge(f"emergency-{person.username}-{number}-{language}")
    assert not wrong
