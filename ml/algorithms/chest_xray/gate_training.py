"""What the gate learns: heads for what must not be scored, and limits that chest X-rays stay within."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml.algorithms.chest_xray import gate, nonchest
from ml.algorithms.chest_xray.dataset import Adults, Images
from ml.algorithms.chest_xray.features import Extractor
from ml.algorithms.chest_xray.heads import Cloud, Head, fit, fit_cloud, folds
from ml.algorithms.chest_xray.view import square

EVERY = 8
"""Every how many-th training image is also turned and inverted: enough to learn what that looks like."""
ADULT_YEARS = 18
APART = {
    "not_chest": ("inverted", "rotated"),
    "inverted": ("not_chest", "rotated"),
    "rotated": ("not_chest", "inverted"),
    "adult": (),
}
"""What a head is told apart from beside the chests, so that the reason given is the right one."""


@dataclass(frozen=True)
class Gate:
    """The trained gate.

    Parameters
    ----------
    heads
        In the order of ``ml.algorithms.chest_xray.gate.HEADS``.
    limits
        ``gate.json``: thresholds of the heads, largest distance, pixel limits.
    accepted
        Shares of training images accepted out of fold, as they are and under shift.
    """

    heads: list[Head]
    cloud: Cloud
    limits: dict[str, Any]
    accepted: dict[str, float]


def train_gate(
    images: Images,
    adults: Adults,
    extractor: Extractor,
    copies: Mapping[str, np.ndarray],
    params: Mapping[str, Any],
    seed: int,
) -> Gate:
    """Fit heads and limits.

    Parameters
    ----------
    copies
        Features of the training images: ``clean``, ``train`` and ``shift``, each (n, features).
    params
        ``regularisation``, ``components``, ``folds``, ``accept_clean`` and ``accept_shift``: the
        shares of training images each single limit has to let through.
    """
    refused = _refused_features(images, adults, extractor, params["adult_copies"], seed)
    chests = [copies["clean"], copies["train"], copies["shift"]]
    parts = folds(images.y, images.patients, params["folds"], seed)
    strength = params["regularisation"]

    def held_out(name: str) -> list[np.ndarray]:
        """Log odds of the clean and the shifted training images, from heads that never saw the child."""
        scores = [np.zeros(len(images.y)) for _ in range(2)]
        for inside, outside in parts:
            head = _head([copy[inside] for copy in chests], refused, name, strength)
            for score, copy in zip(scores, (chests[0], chests[2]), strict=True):
                score[outside] = head.logit(copy[outside])
        return scores

    scores = {name: held_out(name) for name in gate.HEADS}
    heads = {name: _head(chests, refused, name, strength) for name in gate.HEADS}
    scores["distance"] = _distances(chests, parts, params["components"], seed)
    limits = {name: _limit(*pair, params) for name, pair in scores.items()}
    accepted = {
        which: float(np.mean(np.all([pair[i] <= limits[name] for name, pair in scores.items()], axis=0)))
        for i, which in enumerate(("clean", "shift"))
    }
    return Gate(
        heads=list(heads.values()),
        cloud=fit_cloud(np.concatenate(chests), params["components"], seed),
        limits={
            "heads": {name: {"threshold": limits[name]} for name in gate.HEADS},
            "max_distance": limits["distance"],
            **_pixel_limits(images.pixels),
        },
        accepted=accepted,
    )


def _refused_features(
    images: Images, adults: Adults, extractor: Extractor, adult_copies: int, seed: int
) -> dict[str, np.ndarray]:
    some = images.pixels[::EVERY]
    grown = adults.pixels[adults.for_training & (adults.ages >= ADULT_YEARS)]
    strange = nonchest.for_training(seed)
    recipes = [("clean", 0), *(("train", copy + 1) for copy in range(adult_copies))]
    return {
        "not_chest": extractor.copies("not_chest", strange, "clean", seed),
        "inverted": np.concatenate(
            [extractor.copies("kermany_some", some, recipe, 0) for recipe in ("inverted", "inverted_train")]
        ),
        "rotated": np.concatenate(
            [extractor.copies("kermany_some", some, recipe, 0) for recipe in ("upside_down", "quarter_turn")]
        ),
        "adult": np.concatenate([extractor.copies("nih_gate_train", grown, *recipe) for recipe in recipes]),
    }


def _head(chests: list[np.ndarray], refused: Mapping[str, np.ndarray], name: str, strength: float) -> Head:
    """Fit one head against chests and against what the other heads are there for."""
    others = [refused[other] for other in APART[name]]
    negatives = np.concatenate([*chests, *others])
    y = np.r_[np.zeros(len(negatives), int), np.ones(len(refused[name]), int)]
    return fit(np.concatenate([negatives, refused[name]]), y, strength)


def _distances(
    chests: list[np.ndarray], parts: list[tuple[np.ndarray, np.ndarray]], components: int, seed: int
) -> list[np.ndarray]:
    """Distance of the clean and the shifted images from a cloud fitted without the child."""
    scores = [np.zeros(len(chests[0])) for _ in range(2)]
    for inside, outside in parts:
        cloud = fit_cloud(np.concatenate([copy[inside] for copy in chests]), components, seed)
        for score, copy in zip(scores, (chests[0], chests[2]), strict=True):
            score[outside] = cloud.distance(copy[outside])
    return scores


def _limit(clean: np.ndarray, shifted: np.ndarray, params: Mapping[str, Any]) -> float:
    """Return the smallest limit that lets both wanted shares through."""
    wanted = np.quantile(clean, params["accept_clean"]), np.quantile(shifted, params["accept_shift"])
    return float(max(wanted))


def _pixel_limits(pixels: np.ndarray) -> dict[str, float]:
    """Return limits a little beyond the most extreme of a thousand training images."""
    stored = [square(image) for image in pixels[::5]]
    views = [gate.pixel_view(image) for image in stored]
    clipped = [max(gate.clipped_shares(view)) for view in views]
    strokes = [gate.stroke_share(view) for view in views]
    return {
        "max_clipped": max(0.35, 1.25 * float(np.quantile(clipped, 0.999))),
        "max_strokes": max(0.01, 1.5 * float(np.quantile(strokes, 0.999))),
        "max_writing": 1.1 * float(np.quantile([gate.writing(image) for image in stored], 0.999)),
    }
