"""Held-out scores on the pages: curves, where a point follows from, and a proposal that is refused."""

from __future__ import annotations

import shutil
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from clinic.accounts.models import User
from ml import held_out
from ml import package as packages
from predictions.versions.models import Proposal, Stage
from tests import promotions
from tests.test_versions_gate import copied

pytestmark = pytest.mark.django_db

CRASHES = "accident_severity"
CHART = '<svg xmlns="http://www.w3.org/2000/svg" class="chart"'


def page(user: User, name: str, *address: Any, language: str = "en") -> str:
    user.language = language
    user.save()
    client = Client()
    client.force_login(user)
    response = client.get(reverse(name, args=address))
    assert response.status_code == 200
    return response.content.decode()


def test_the_night_model_shows_what_its_confidence_is_worth_and_on_whom_it_was_measured(alice: User) -> None:
    said = page(alice, "model", "sleep")
    assert said.count(CHART) == 3
    assert "n = 162,076 epochs, 125 nights of 64 subjects" in said
    assert "never met its subject" in said
    assert "Expected calibration error 0.014 (0.009 to 0.022)" in said
    assert "follows from these 162,076 scores" in said
    french = page(alice, "model", "sleep", language="fr")
    assert "125 nuits de 64 sujets" in french
    assert "Erreur de calibration attendue 0,014 (0,009 à 0,022)" in french
    assert "il en est recalculé avant toute mise en service" in french


def test_the_image_model_shows_its_curves_on_images_altered_as_its_head_never_met(alice: User) -> None:
    said = page(alice, "model", "chest_xray")
    assert said.count(CHART) == 5
    assert "n = 5,216 images, 3,875 events" in said
    assert "altered by a family its head never met, out of fold" in said
    assert "follows from these 26,080 scores" in said
    assert "Area under the curve 0.99" in said


def test_an_older_version_without_scores_says_that_it_has_no_curve(alice: User) -> None:
    said = page(alice, "version", "sleep", "1.2.0")
    assert CHART not in said
    assert "No curve in this package." in said


def test_curves_of_a_package_stay_beside_the_scores_its_point_follows_from(steward: User) -> None:
    said = page(steward, "model", CRASHES)
    assert said.count(CHART) == 5
    assert "held-out 20 %" in said
    assert "follows from 8,424 other scores" in said
    assert "the 80 % of every choice" in said


def proposed(steward: User, version: str) -> Proposal:
    made = promotions.proposed(steward, packages.load(CRASHES, version))
    assert (made.stage, made.open) == (Stage.REFUSED, False)
    assert [criterion.code for criterion in made.found.failed] == ["operating_point"]
    return made


def test_a_proposal_with_scores_of_another_package_is_refused_and_names_the_file(steward: User) -> None:
    candidate = copied(CRASHES, "9.0.0", lambda said: said.update(data=said["data"] | {"n": 1}))
    serving = packages.load(CRASHES)
    file = serving.folder.with_name("1.1.0.held_out.json")
    shutil.copy(file, candidate.folder.with_name("9.0.0.held_out.json"))
    made = proposed(steward, "9.0.0")
    said = page(steward, "proposal", CRASHES, made.pk, language="fr")
    assert "9.0.0.held_out.json" in said
    assert "d’un autre paquet" in said
    assert "ne sont pas utilisés" in page(steward, "version", CRASHES, "9.0.0", language="fr")


def test_a_proposal_that_moves_its_point_is_refused_with_both_points_on_its_page(steward: User) -> None:
    candidate = copied(CRASHES, "9.0.0", lambda said: said["thresholds"].update(best_f1=0.5))
    held_out.publish(candidate, held_out.of(candidate))
    said = page(steward, "proposal", CRASHES, proposed(steward, "9.0.0").pk)
    assert "Derived anew, its operating point is 0.2317; its manifest says 0.5000." in said
    assert "Read from its manifest" not in said
