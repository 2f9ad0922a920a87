"""Features of every image and every altered copy, computed once and kept below ``var/cache``."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ml.algorithms.chest_xray import backbone
from ml.algorithms.chest_xray.augment import augment
from ml.algorithms.chest_xray.nuisance import stored_again
from ml.algorithms.chest_xray.view import model_view
from ml.training.progress import progress

CACHE = Path(__file__).resolve().parents[3] / "var" / "cache" / "chest_xray"
CHUNK = 512
FIXED = {
    "clean": lambda image: image,
    "inverted": lambda image: 255 - image,
    "upside_down": lambda image: image[::-1, ::-1],
}
"""Copies without chance."""


class Extractor:
    """Turns images into features, remembering what it has computed before.

    Parameters
    ----------
    model
        Pooled backbone of :func:`ml.algorithms.chest_xray.backbone.pooled`.
    identity
        Whatever the features depend on (parameters, data and weights fingerprint): another
        identity is another cache.
    """

    def __init__(self, model: Any, identity: Mapping[str, Any], *, cache: Path = CACHE) -> None:
        canonical = json.dumps(identity, sort_keys=True, default=str).encode()
        self.model = model
        self.folder = cache / hashlib.sha256(canonical).hexdigest()[:16]
        self.folder.mkdir(parents=True, exist_ok=True)

    def copies(self, name: str, pixels: np.ndarray, recipe: str, seed: int) -> np.ndarray:
        """Return the features of one altered copy of every image, shape (n, features).

        Parameters
        ----------
        name
            Name of the image set, part of the cache key.
        pixels
            Shape (n, side, side), uint8.
        recipe
            A name of :data:`FIXED`, ``"quarter_turn"``, ``"inverted_train"``, ``"stored_again"``, or
            a recipe of :mod:`ml.algorithms.chest_xray.augment`.
        seed
            Seed of the copy; every image has chance of its own, so that a chunk can be redone alone.
        """
        starts = range(0, len(pixels), CHUNK)
        chunks = progress(starts, f"features {name} {recipe} {seed}", total=len(starts), unit="chunk")
        return np.concatenate([self._chunk(name, pixels, recipe, seed, start) for start in chunks])

    def _chunk(self, name: str, pixels: np.ndarray, recipe: str, seed: int, start: int) -> np.ndarray:
        path = self.folder / f"{name}-{recipe}-{seed}-{start}.npy"
        if path.exists():
            return np.load(path, allow_pickle=False)
        numbered = enumerate(pixels[start : start + CHUNK], start)
        views = np.stack([model_view(altered(image, recipe, seed, index)) for index, image in numbered])
        found = backbone.features(self.model, views)
        # Written aside and renamed: an interrupted training must not leave half a file behind.
        unfinished = path.with_suffix(".part.npy")
        np.save(unfinished, found)
        unfinished.rename(path)
        return found


def altered(image: np.ndarray, recipe: str, seed: int, index: int) -> np.ndarray:
    """Return the copy of image ``index`` that a recipe and seed give; ``KeyError`` for an unknown one."""
    if recipe in FIXED:
        return FIXED[recipe](image)
    if recipe == "quarter_turn":
        return np.rot90(image, 1 if index % 2 else 3)
    rng = np.random.default_rng([seed, index])
    if recipe == "stored_again":
        return stored_again(image, rng)
    if recipe == "inverted_train":
        return 255 - augment(image, "train", rng)
    return augment(image, recipe, rng)
