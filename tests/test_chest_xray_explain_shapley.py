"""Owen values over the regions of an image, held against the shap library and against their axioms."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import shap

from ml import package as packages
from ml.algorithms.chest_xray import masking
from ml.algorithms.chest_xray.shapley import owen_values
from ml.algorithms.chest_xray.view import model_view
from tests.chest_phantom import phantom

SIDE = 8


def game(seed: int) -> Callable[[np.ndarray], float]:
    """Return a game without symmetry, in which cells help and hinder one another."""
    rng = np.random.default_rng(seed)
    inner, outer = rng.normal(size=(12, SIDE * SIDE)), rng.normal(size=12)
    return lambda shown: float(outer @ np.tanh(inner @ shown.ravel() / 3))


def by_the_library(score: Callable[[np.ndarray], float], evaluations: int) -> np.ndarray:
    """Ask shap's partition explainer, an image of ones with its cells hidden by zeros being the coalition."""
    masker = shap.maskers.Image(np.zeros((SIDE, SIDE, 1)))

    def model(images: np.ndarray) -> np.ndarray:
        return np.array([score(image[:, :, 0] > 0) for image in images])

    explainer = shap.PartitionExplainer(model, masker)
    # Batches of two: the next region is chosen after each halving, as ours does.
    found = explainer(np.ones((1, SIDE, SIDE, 1)), max_evals=evaluations, batch_size=2, silent=True)
    return found.values[0, :, :, 0]


@pytest.mark.parametrize("evaluations", [2, 20, pytest.param(200, marks=pytest.mark.long)])
def test_the_values_are_those_of_the_shap_library(evaluations: int) -> None:
    score = game(evaluations)
    found = owen_values(score, SIDE, evaluations)
    assert found.cells == pytest.approx(by_the_library(score, evaluations), abs=1e-12)
    assert found.evaluations <= evaluations


@pytest.mark.parametrize("evaluations", [2, 17, 64])
def test_regions_and_baseline_add_up_to_the_score(evaluations: int) -> None:
    found = owen_values(game(1), SIDE, evaluations)
    assert found.baseline + found.cells.sum() == pytest.approx(found.logit, abs=1e-12)


def test_the_regions_cover_the_image_once_and_are_flat() -> None:
    found = owen_values(game(2), SIDE, 64)
    times = np.zeros((SIDE, SIDE), int)
    for region in found.regions:
        times[region.cells] += 1
        assert np.ptp(found.cells[region.cells]) == 0
    assert (times == 1).all()
    assert len(found.regions) > SIDE


def test_what_changes_nothing_is_given_nothing() -> None:
    weights = np.zeros((SIDE, SIDE))
    weights[1, 6], weights[5, 2] = 2.0, -1.0
    found = owen_values(lambda shown: float((weights * shown).sum()), SIDE, 2000)
    assert found.cells == pytest.approx(weights, abs=1e-12)


def test_the_smallest_question_is_image_against_baseline() -> None:
    assert owen_values(game(3), SIDE, 2).regions[0].bottom == SIDE
    with pytest.raises(ValueError, match="two evaluations at least"):
        owen_values(game(3), SIDE, 1)


def test_the_values_of_the_served_network_are_those_of_the_library() -> None:
    score = masking.game(packages.load("chest_xray"), model_view(phantom(224, 224).astype(np.float32)))
    found = owen_values(score, SIDE, 20)
    assert found.cells == pytest.approx(by_the_library(score, 20), abs=1e-6)
