"""The tuned end of the network: it starts as the frozen one and learns from what is left to it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from ml.algorithms.chest_xray import backbone, ending, maps, stretched
from ml.algorithms.chest_xray.heads import Head
from tests.chest_phantom import phantom

# What was tried and is not served: a quarter of a minute that only its own change needs.
pytestmark = pytest.mark.long

RNG = np.random.default_rng(11)
STAGES = ("stack_6", "stack_7", "head")
RECIPE = {
    "epochs": 6, "batch": 12, "learning_rate": 5e-4, "head_learning_rate": 5e-4, "consistency": 0.0,
    "label_smoothing": 0.0,
}  # fmt: skip
WIDTH = 2 * (320 + 1280)


@pytest.fixture(scope="module")
def start() -> dict[str, list[np.ndarray]]:
    """The end of a network whose random weights let through as much as they are given (He 2015)."""
    random = ending.convolutions(backbone.build({maps.NETWORK: STAGES}, {maps.NETWORK: None}))
    inputs = {name: 9 if "depthwise" in name else kernel.shape[2] for name, (kernel, _) in random.items()}
    return {
        name: [RNG.normal(0, np.sqrt(2 / inputs[name]), kernel.shape), bias]
        for name, (kernel, bias) in random.items()
    }


def head() -> Head:
    return Head(np.zeros(WIDTH), RNG.normal(0, 0.02, WIDTH), 0.0)


def learned(kept: np.ndarray | None = None) -> ending.Learned:
    """Half of the images are ill, which the first copy shows truly and the second one turned round."""
    n = 48
    y = np.arange(n) % 2
    ill = RNG.normal(0, 1, (7, 7, 192))
    noise = [RNG.normal(0, 0.5, (n, 2, 7, 7, 192)) for _ in range(2)]
    signs = (2 * y - 1, 1 - 2 * y)
    made = [
        (each + 0.5 * sign[:, None, None, None, None] * ill).astype(np.float16)
        for each, sign in zip(noise, signs, strict=True)
    ]
    second = np.ones(n, bool) if kept is None else kept
    return ending.Learned(y.astype(float), np.ones(n), [np.zeros(n)] * 2, made, [np.ones(n, bool), second])


def scores(found: ending.Ending, given: np.ndarray) -> np.ndarray:
    return found.head.logit(found.averages(given))


def test_untuned_the_end_gives_what_the_whole_network_gives() -> None:
    network = backbone.build({maps.NETWORK: STAGES}, {maps.NETWORK: None})
    for layer in network.layers:
        if layer.weights:  # as freshly drawn they let almost nothing through
            kernel, bias = layer.get_weights()
            layer.set_weights([3 * kernel, bias + RNG.normal(0, 0.1, bias.shape)])
    image = phantom(seed=1).astype(np.float32)
    image = np.resize(image, (1, 224, 224, 1))
    before = keras.Model(network.input, network.get_layer(maps.LAST_FIXED).output)(image).numpy()
    features = backbone.pooled(network)(image).numpy()
    untuned = ending.Ending(ending.convolutions(network), Head(np.zeros(1), np.zeros(1), 0.0))
    assert np.allclose(
        untuned.features(np.zeros_like(features), before[None])[:, 2 * 192 :], features[:, 384:]
    )
    assert features[:, 384:].std() > 1e-3


def test_maps_are_of_the_copy_asked_for_and_computed_once(tmp_path: Path) -> None:
    found = maps.Maps(STAGES, None, "phantoms", cache=tmp_path)
    pixels = np.stack([np.resize(phantom(seed=seed), (224, 224)) for seed in (1, 2, 3)])
    features, before = found.copies("phantoms", pixels, "clean", 0, 2)
    assert before.shape == (2, 2, 7, 7, 192)
    assert np.array_equal(found.copies("phantoms", pixels[::-1], "clean", 0, 2)[0], features), "from the disk"
    assert not np.array_equal(found.copies("phantoms", pixels, maps.STRETCHED, 0, 2)[0], features)


def test_a_copy_altered_by_the_family_left_out_is_not_learned_from(start: dict) -> None:
    truly = learned(kept=np.zeros(48, bool))
    found = ending.tune(start, head(), truly, RECIPE, seed=1)
    right = scores(found, truly.maps[0])
    assert np.mean((right > 0) == truly.y) > 0.95
    assert np.mean((scores(found, truly.maps[1]) > 0) == truly.y) < 0.2


def test_consistency_brings_the_scores_of_two_views_together(start: dict) -> None:
    room = RNG.normal(0, 1, (7, 7, 192))
    truly, own = learned(), Head(np.zeros(WIDTH), RNG.normal(0, 0.3, WIDTH), 0.0)
    views = [(truly.maps[0] + RNG.normal(0, 0.7, (48, 1, 1, 1, 1)) * room).astype(np.float16) for _ in "ab"]

    def apart(found: ending.Ending) -> float:
        one, other = (scores(found, view) for view in views)
        return float(np.abs(one - other).mean())

    # No image counts but by what its two views are told apart.
    given = replace(truly, maps=views, weights=np.zeros(48))
    slowly = {**RECIPE, "consistency": 1.0, "learning_rate": 5e-5, "head_learning_rate": 5e-5}
    found = ending.tune(start, own, given, slowly, seed=1)
    assert apart(found) < 0.7 * apart(ending.Ending(start, own))


def test_only_the_end_and_the_weights_on_it_move(start: dict) -> None:
    before = Head(np.zeros(100 + WIDTH), np.r_[RNG.normal(0, 1, 100), np.zeros(WIDTH)], 0.3)
    given = learned()
    found = ending.tune(start, before, given, {**RECIPE, "epochs": 1}, seed=1)
    assert np.array_equal(found.head.weights[:100], before.weights[:100])
    features = RNG.normal(0, 1, (3, 100 + WIDTH))
    assert np.array_equal(found.features(features, given.maps[0][:3])[:, :100], features[:, :100])


def test_stretched_copies_are_stretched_both_ways_whatever_else_happens() -> None:
    disc = np.full((224, 224), 20, np.uint8)
    rows, columns = np.indices(disc.shape)
    disc[np.hypot(rows - 112, columns - 112) < 40] = 230
    ratios = []
    for seed in range(600):
        if len(stretched.drawn(np.random.default_rng(seed))) > 1:
            continue
        bright = stretched.stretched(disc, np.random.default_rng(seed)) > 128
        ratios.append(np.ptp(np.flatnonzero(bright.any(axis=0))) / np.ptp(np.flatnonzero(bright.any(axis=1))))
    drawn = [stretched.drawn(np.random.default_rng(seed)) for seed in range(600)]
    assert min(ratios) < 0.95
    assert max(ratios) > 1.05
    assert all(0.7 < ratio < 1.4 for ratio in ratios)
    assert all("geometry" in families for families in drawn)
    assert maps.altered_by(maps.STRETCHED, 3, 5)["geometry"].all()
