"""A steward and a physician run a version beside the one in service, and end it."""

from __future__ import annotations

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Browser, expect
from pytest_django.live_server_helper import LiveServer

from clinic.accounts.roles import Role
from predictions.deployments.models import Allocation, Deployment, Mode, ShadowAnswer
from predictions.models import JobState
from tests import deploying, factories, outputs
from tests.browser.visiting import TABLET, opened

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_two_persons_deploy_a_version_one_ends_it_and_a_shadow_is_compared(
    browser: Browser, live_server: LiveServer
) -> None:
    unit = factories.unit("maternity")
    steward = factories.staff("steward", Role.STEWARD)
    bob = factories.staff("bob", Role.PHYSICIAN, unit, language="fr")
    deploying.version()
    deploying.version("9.9.2")
    shadow = deploying.deployed(Mode.SHADOW, of="9.9.2", steward=steward)
    deploying.judged()
    for said in (True, True, False):
        _followed(shadow, said)
    wrong: list[str] = []
    with opened(browser, live_server.url, steward) as visit:
        page = visit.page
        page.goto(live_server.url + reverse("models"))
        page.get_by_role("navigation", name="Running the models").get_by_role(
            "link", name="Deployments"
        ).click()
        page.get_by_role("link", name="Deploy a version").click()
        expect(page.get_by_label("Share of the patients, for a canary")).to_be_attached()
        wrong += visit.judge("deployments-new")
        page.get_by_label("Version", exact=True).select_option(f"haemorrhage/{deploying.NEW}")
        page.locator("input[value=canary]").check()
        page.get_by_label("Why").fill("It found more in the shadow")
        page.get_by_role("button", name="Deploy").click()
        expect(page.get_by_role("alert").filter(has_text="whole number of per cent")).to_be_visible()
        page.get_by_label("Share of the patients, for a canary").fill("20")
        page.get_by_role("button", name="Deploy").click()
        expect(page.get_by_text("Sent to the unit for a decision.")).to_be_visible()
        expect(page.get_by_text("two persons decide")).to_be_visible()
        address = page.url
        page.goto(live_server.url + reverse("deployment", args=[shadow.pk]))
        expect(page.locator("#agreement")).to_contain_text("2/3")
        wrong += visit.judge("deployments-shadow")
    with opened(browser, live_server.url, bob, size=TABLET, language="fr") as visit:
        page = visit.page
        page.goto(address)
        wrong += visit.judge("deployments-decide-fr")
        canary = Deployment.objects.get(mode=Mode.CANARY)
        page.get_by_label("Point de fonctionnement, tel qu’écrit").fill(deploying.threshold(canary))
        page.get_by_role("button", name="Approuver").click()
        expect(page.get_by_text("le déploiement est en cours")).to_be_visible()
        page.locator("#end-deployment").click()
        expect(page.get_by_text("la prochaine étude va à la version en service").first).to_be_visible()
        wrong += visit.judge("deployments-ended-fr")
        silent = outputs.answered("haemorrhage")
        ending = Deployment.objects.exclude(pk=shadow.pk).get()
        Allocation.objects.create(study=silent, deployment=ending, silent=True, at=timezone.now())
        page.goto(live_server.url + reverse("study", args=[silent.pk]))
        expect(page.get_by_text("Cette étude fait partie d’une évaluation silencieuse.")).to_be_visible()
        wrong += visit.judge("deployments-silent-fr")
        page.locator("#assessment").fill("Je la surveillerais de près")
        page.get_by_role("button", name="Signer").click()
        expect(page.get_by_text("Je la surveillerais de près", exact=True)).to_be_visible()
        expect(page.locator(".answer-figure").first).to_be_visible()
    assert wrong == []


def _followed(shadow: Deployment, same: bool) -> None:
    study = outputs.answered("haemorrhage")
    serving = study.prediction.result
    said = {"score": serving["risk"], "decision": serving["flagged"]}
    other = {"score": serving["risk"] + 0.05, "decision": serving["flagged"] == same}
    ShadowAnswer.objects.filter(deployment=shadow, study=study).update(
        state=JobState.DONE,
        serving_ms=41.0,
        timings_ms={"total": 19.0},
        refused=False,
        compared={"serving": said, "shadow": other, "same": same},
    )
