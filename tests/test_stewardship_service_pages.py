"""What pages say of the version that serves: who decided it, what it was learned from, where it fails."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from clinic.accounts.models import User
from ml import package as packages
from ml.package import Package
from predictions.models import Prediction, Study
from predictions.stewardship import serving
from predictions.stewardship.models import ServingDecision, Training
from predictions.workspaces.haemorrhage import associations
from tests import promotions, trainings

pytestmark = pytest.mark.django_db

ALGORITHM = "haemorrhage"
BACK = ("serving_roll_back", [ALGORITHM])


@pytest.fixture
def desk(client: Client, steward: User) -> Client:
    """Return the browser of a steward who reads English."""
    client.force_login(steward)
    return client


@pytest.fixture
def serving_now(steward: User) -> Training:
    """Return a training whose package serves."""
    training = trainings.accepted(steward)
    promotions.served(steward, packages.load(ALGORITHM, training.package_version))
    return training


def send(desk: Client, name: str, *args: Any, **form: str) -> str:
    return desk.post(reverse(name, args=[ALGORITHM, *args]), form, follow=True).content.decode()


def test_a_way_back_taken_in_another_tab_is_told_with_who_and_why(
    desk: Client, steward: User, serving_now: Training
) -> None:
    shipped = serving.former(ALGORITHM).replaced_version
    form = {"replacing": serving_now.package_version}
    send(desk, "serving_roll_back", reason="flags too many", **form)
    second = send(desk, "serving_roll_back", reason="the same from another tab", **form)
    assert "version ?" not in second
    assert "instead of ." not in second
    assert f"Version {shipped} serves already: decided by {steward.label}" in second
    assert "because “flags too many”" in second
    assert ServingDecision.objects.count() == 2


def test_a_way_back_that_leads_elsewhere_by_now_is_asked_again_with_its_version(
    desk: Client, steward: User, serving_now: Training
) -> None:
    other = trainings.accepted(steward, 2)
    promotions.served(steward, packages.load(ALGORITHM, other.package_version), reason="newer")
    asked = send(desk, "serving_roll_back", reason="back", replacing=serving_now.package_version)
    assert "Another version was put into service" in asked
    assert f"Return to version {serving_now.package_version}?" in asked


def test_a_version_that_served_is_not_said_to_wait(
    desk: Client, steward: User, serving_now: Training
) -> None:
    address = reverse("training", args=[ALGORITHM, serving_now.pk])
    form = {"replacing": serving_now.package_version, "reason": "back"}
    desk.post(reverse(BACK[0], args=BACK[1]), form)
    page = desk.get(address).content.decode()
    assert "It has served, and was replaced" in page
    assert "It waits" not in page


def test_a_package_that_this_version_cannot_serve_is_not_offered(
    desk: Client, steward: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = trainings.accepted(steward)
    address = reverse("training", args=[ALGORITHM, training.pk])
    offered = reverse("version_propose", args=[ALGORITHM, training.package_version])
    assert offered in desk.get(address).content.decode()
    needs = tmp_path / ALGORITHM / packages.NEEDS
    needs.parent.mkdir()
    needs.write_text('{"learned_since.json": []}', "utf-8")
    monkeypatch.setattr(packages, "ALGORITHMS", tmp_path)
    packages._verified.cache_clear()
    page = desk.get(address)
    packages._verified.cache_clear()
    assert page.status_code == 200
    assert offered not in page.content.decode()


def learned(tier: str, *, synthetic: bool) -> Package:
    """Put a package into service whose manifest says that it was learned here."""
    made = trainings.learned(ALGORITHM, f"site-{tier}-{synthetic}", tier=tier, synthetic=synthetic)
    packages.name_champion(ALGORITHM, made.version)
    return made


def test_a_package_trained_here_has_a_card_of_its_own(client: Client, alice: User) -> None:
    client.force_login(alice)
    address = reverse("model", args=[ALGORITHM])
    before = client.get(address).content.decode()
    assert "Trained here" not in before
    assert "Model card (in English)</summary>" in before
    learned("intercept_slope", synthetic=False)
    page = client.get(address).content.decode()
    for said in (
        "Words of the tier", "2023-01-01 – 2024-11-30", "weighed", "1000 mL of blood or more",
        "95 births from 2024-06-09 to 2024-11-30", "(0.67 – 1.29)", "In service before",
        "70 happened to women it did not flag",
    ):  # fmt: skip
        assert said in page, said
    assert "Model card (in English)</summary>" not in page
    assert "Background: card of the published model" in page
    assert "Simulated births: nothing learned" not in page
    learned("refit", synthetic=True)
    assert "Simulated births: nothing learned" in client.get(address).content.decode()


@pytest.mark.parametrize(
    ("tier", "synthetic", "words"),
    [
        ("intercept", False, associations.FITTED),
        ("refit", False, associations.LEARNED),
        ("refit", True, associations.SIMULATED),
    ],
)
def test_reasons_are_said_to_come_from_where_the_model_learned(
    tier: str, synthetic: bool, words: Any
) -> None:
    study = Study(algorithm=ALGORITHM)
    shipped = packages.champion_version(ALGORITHM)
    assert associations.words(Prediction(study=study, package_version=shipped)) == associations.PUBLISHED
    made = learned(tier, synthetic=synthetic)
    assert associations.words(Prediction(study=study, package_version=made.version)) == words
    assert associations.words(Prediction(study=study, package_version="site-gone")) == associations.UNKNOWN
