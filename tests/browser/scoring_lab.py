"""A sleep laboratory for driving its scoring room in a browser."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from playwright.sync_api import Page, expect

from clinic.accounts.models import User
from patients.models import Patient
from predictions.models import ScoringEvent, Study
from tests.browser.visiting import Visit, until

VALUES = """() => {
  const { montage, signals } = document.querySelector("scoring-room");
  const found = signals.get(0, montage.request(montage.traces[0]).key);
  const values = found && [...found.data].filter((_, at) => at % 500 === 0);
  return found && { label: montage.traces[0].label, values };
}"""


@dataclass
class Lab:
    """A sleep laboratory with one analysed night."""

    url: str
    terry: User
    sandra: User
    nina: Patient
    study: Study
    open_window: Any

    def enter(self, who: User | None = None, study: Study | None = None, **look: Any) -> Visit:
        """Open the scoring room and wait until signals are drawn."""
        visit = self.open_window(who or self.terry, **look)
        visit.go(reverse("scoring_room", args=[(study or self.study).pk]))
        drawn(visit.page)
        return visit


def drawn(page: Page) -> None:
    """Wait until the page in sight is complete."""
    expect(page.locator("scoring-room[data-stands]")).to_be_attached()
    expect(page.locator(".trace-state")).to_have_text("")


def at_epoch(page: Page, number: int, of: int = 120) -> None:
    """Wait until an epoch is in hand."""
    expect(page.locator("[data-epoch-number]")).to_have_text(f"Epoch {number} / {of}")


def values(page: Page) -> dict[str, Any]:
    """Return the first trace of the first page as it is filtered now, once a worker has done that."""
    assert until(page, lambda: page.evaluate(VALUES)), "no samples came"
    return page.evaluate(VALUES)


def saved(page: Page) -> None:
    """Wait until everything has been sent."""
    expect(page.locator("[data-save]")).to_have_text("✓ saved")


def events(lab: Lab) -> list[ScoringEvent]:
    """Return the acts kept of the night, in their order; having looked is none."""
    return list(ScoringEvent.objects.filter(scoring__study=lab.study).exclude(kind="seen").order_by("number"))
