"""The steward's pages in every state as people see them: axe, a silent console, nothing sideways."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse
from playwright.sync_api import Browser, expect
from pytest_django.live_server_helper import LiveServer

from clinic.accounts.models import User
from ml import package as packages
from predictions.stewardship import run
from predictions.stewardship.models import Training
from predictions.stewardship.states import Stage, State
from tests import promotions, trainings
from tests.browser.test_model_pages import window
from tests.browser.visiting import VIOLATIONS_ALONE, fits, watched

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SCREENS = os.environ.get("VIGIE_SCREENS", "")
ALGORITHM = "haemorrhage"


def pages(steward: User) -> Mapping[str, str]:
    """Return the address of every page by name, with a training in every state."""
    serves = trainings.accepted(steward, 1)
    promotions.served(steward, packages.load(ALGORITHM, serves.package_version), reason="Fits our births")
    accepted = trainings.accepted(steward, 2)
    uploaded = trainings.uploaded(steward)
    sentence = {"en": "Worth no more than what serves.", "fr": "Ne vaut pas mieux que l’actuel."}
    rejected = trainings.JUDGED | {"accepted": False, "reasons": [sentence]}
    states = {
        "serving": serves,
        "accepted": accepted,
        "uploaded": uploaded,
        "checked": _in(
            steward,
            State.CHECKED,
            stage=Stage.REPORT,
            stored_name=uploaded.stored_name,
            report=trainings.REPORT,
        ),
        "waiting": _in(steward, State.QUEUED),
        "running": _in(steward, State.RUNNING, progress={"percent": 40, "step": sentence}),
        "rejected": _in(steward, State.REJECTED, outcome=rejected, report=trainings.REPORT),
        "failed": _in(steward, State.FAILED, problems=[run.INTERNAL.as_json()]),
        "withdrawn": _in(steward, State.WITHDRAWN, finished_at=serves.finished_at),
    }
    one = {name: reverse("training", args=[ALGORITHM, training.pk]) for name, training in states.items()}
    return one | {
        "list": reverse("training_list", args=[ALGORITHM]),
        "new": reverse("training_new", args=[ALGORITHM]),
        "columns": reverse("training_columns", args=[ALGORITHM, uploaded.pk]),
        "propose": reverse("version_propose", args=[ALGORITHM, accepted.package_version]),
        "roll-back": reverse("serving_roll_back", args=[ALGORITHM]),
        "model": reverse("model", args=[ALGORITHM]),
    }


def _in(steward: User, state: State, **fields: object) -> Training:
    return trainings.uploaded(steward, state=state, **{"stage": Stage.TRAINING, "stored_name": "", **fields})


@pytest.mark.parametrize(
    ("language", "theme", "size"),
    [
        ("en", "light", (1440, 900)),
        pytest.param("fr", "dark", (820, 1180), marks=pytest.mark.long),
        ("fr", "light", (320, 256)),
    ],
    ids=["desktop-en-light", "tablet-fr-dark", "zoomed-fr-light"],
)
def test_every_page_in_every_state(
    browser: Browser, live_server: LiveServer, steward: User,
    language: str, theme: str, size: tuple[int, int],
) -> None:  # fmt: skip
    page = window(browser, live_server, steward, language, theme, size)
    complaints = watched(page)
    wrong = []
    for name, address in pages(steward).items():
        page.goto(live_server.url + address)
        expect(page.get_by_role("main")).to_be_visible()
        if not fits(page):
            wrong.append(f"{name}: sticks out sideways")
        if size[0] > 320 and page.locator(".compared").count():
            cut = page.locator(".scroll:has(.compared)").evaluate("e => e.scrollWidth > e.clientWidth + 1")
            wrong += [f"{name}: figures are cut"] if cut else []
        if size[0] > 320:
            found = Axe().run(page, options=VIOLATIONS_ALONE).response["violations"]
            wrong += [f"{name}: {v['id']} at {v['nodes'][0]['target']}" for v in found]
        if SCREENS:
            page.screenshot(path=Path(SCREENS) / f"training-{name}-{language}-{size[0]}.png", full_page=True)
    page.context.close()
    assert wrong + complaints == []
