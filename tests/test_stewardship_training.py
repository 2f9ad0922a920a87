"""A training from the table to the verdict, with the real engine: accepted, not accepted, refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings
from django.test import Client
from django.urls import reverse

from clinic.accounts.models import User
from clinic.audit.models import Action, Event
from ml import package as packages
from ml.algorithms.haemorrhage.hospital import tiers
from predictions.stewardship import columns, services
from predictions.stewardship.models import Training
from predictions.stewardship.states import State
from tests import trainings

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def births(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file of synthetic births from which something is learned, its mapping beside it."""
    return trainings.simulated(tmp_path_factory.mktemp("births"))


def checked(steward: User, file: Path) -> Training:
    mapping = yaml.safe_load(file.with_name("mapping.yaml").read_text("utf-8"))
    training = trainings.uploaded(steward, file.read_bytes(), mapping=columns.normal("haemorrhage", mapping))
    return trainings.read(training)


def trained(steward: User, training: Training) -> Training:
    services.start(user=steward, training=training)
    return trainings.worked(training)


def test_an_accepted_candidate_is_kept_and_waits_and_its_table_is_gone(
    client: Client, steward: User, births: Path, django_capture_on_commit_callbacks: Any
) -> None:
    shipped = packages.champion_version("haemorrhage")
    training = checked(steward, births)
    # A worker lost after writing its package leaves one that nobody was ever told of.
    leftover = trainings.copied("haemorrhage", training.version)
    with django_capture_on_commit_callbacks(execute=True):
        training = trained(steward, training)
    assert (training.state, training.tier) == (State.ACCEPTED, "intercept_slope")
    made = packages.load("haemorrhage", "site-0001")
    assert made.sha256 != leftover.sha256
    assert (training.package_version, training.package_sha256) == (made.version, made.sha256)
    assert training.compared_version == packages.champion_version("haemorrhage") == shipped
    assert not [p for p in (Path(settings.PRIVATE_ROOT) / services.FOLDER).rglob("*") if p.is_file()]
    assert training.report["events"] > 100
    event = Event.objects.get(action=Action.ACCEPT, object_id=str(training.pk))
    assert event.payload.data["sha256"] == made.sha256

    client.force_login(steward)
    page = client.get(reverse("training", args=["haemorrhage", training.pk])).content.decode()
    for said in ("Accepted as version site-0001", "Met:", "Flag nobody", "Simulated births", "<svg"):
        assert said in page


def test_a_candidate_that_is_not_better_is_told_why_and_nothing_is_written(
    client: Client, steward: User, tmp_path: Path
) -> None:
    # Few births drawn from the very table the model in service was made of: there is nothing to gain.
    training = trained(steward, checked(steward, trainings.simulated(tmp_path, births=1000, seed=1)))
    assert training.state == State.REJECTED
    assert training.reasons
    assert not training.package_version
    assert not (packages.SITE / "haemorrhage" / training.version).exists()
    client.force_login(steward)
    page = client.get(reverse("training", args=["haemorrhage", training.pk])).content.decode()
    assert "nothing was replaced" in page
    assert training.reasons[0].en in page
    assert "Propose for service" not in page


def test_the_page_says_the_numbers_of_events_that_decide_the_tier() -> None:
    sentence = (Path(settings.BASE_DIR) / "templates/stewardship/outcome.html").read_text("utf-8")
    for number in (tiers.SLOPE_FROM, tiers.REFIT_FROM, tiers.EVENTS_PER_LEVEL, tiers.TREES_FROM):
        assert f" {number}" in sentence
