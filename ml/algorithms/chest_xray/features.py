"""Features of every image and every altered copy, computed once and kept below ``var/cache``."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnxruntime

from ml.algorithms.chest_xray import backbone
from ml.algorithms.chest_xray.augment import FAMILIES, augment, drawn
from ml.algorithms.chest_xray.nuisance import stored_again
from ml.algorithms.chest_xray.view import model_view
from ml.training import data as training_data
from ml.training.progress import progress

CACHE = Path(__file__).resolve().parents[3] / "var" / "cache" / "chest_xray"
CHUNK = 256
ALTERING = ("augment", "view", "nonchest", "nuisance", "backbone", "efficientnet_lite")
"""Modules on which features depend: another version of them is another cache."""
FIXED = {
    "clean": lambda image: image,
    "inverted": lambda image: 255 - image,
    "upside_down": lambda image: image[::-1, ::-1],
}
"""Copies without chance."""


class Extractor:
    """Turns images into features, remembering what it has computed before.

    Every stage of a network is computed and kept; only those asked for are returned, so that another
    choice of stages costs nothing.

    Parameters
    ----------
    networks
        Per network the stages wanted, as :func:`ml.algorithms.chest_xray.backbone.build` takes them.
    weights
        Per network its ImageNet weights, or ``None`` for random ones.
    data
        Fingerprint of the images.
    """

    def __init__(
        self,
        networks: Mapping[str, Sequence[str]],
        weights: Mapping[str, Path | None],
        data: str,
        *,
        cache: Path = CACHE,
    ) -> None:
        backbone.check(networks)
        self._parts = [
            _Network(name, stages, weights[name], data, cache) for name, stages in networks.items()
        ]

    @property
    def whole(self) -> np.ndarray:
        """Which features are averages over the whole image, not over its middle: (features,) of bool."""
        return np.concatenate([part.whole for part in self._parts])

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
        return np.concatenate([part.copies(name, pixels, recipe, seed) for part in self._parts], axis=1)


class _Network:
    """One network's features and their cache."""

    def __init__(
        self, name: str, stages: Sequence[str], weights: Path | None, data: str, cache: Path
    ) -> None:
        here = Path(__file__).parent
        identity = {
            "network": name,
            "weights": weights and training_data.fingerprint(weights),
            "data": data,
            "code": training_data.fingerprint(*(here / f"{module}.py" for module in ALTERING)),
        }
        canonical = json.dumps(identity, sort_keys=True).encode()
        self.name, self.folder = name, cache / hashlib.sha256(canonical).hexdigest()[:16]
        self.folder.mkdir(parents=True, exist_ok=True)
        model = backbone.build({name: backbone.STAGES[name]}, {name: weights})
        widths = [2 * stage.shape[-1] for stage in model.outputs]
        ends = np.cumsum(widths)
        ranges = {
            stage: np.arange(end - width, end)
            for stage, end, width in zip(backbone.STAGES[name], ends, widths, strict=True)
        }
        self.columns = np.concatenate([ranges[stage] for stage in stages])
        self.whole = np.concatenate([np.arange(len(ranges[s])) < len(ranges[s]) // 2 for s in stages])
        exported = self.folder / "pooled.onnx"
        backbone.export(backbone.pooled(model), exported)
        self.session = onnxruntime.InferenceSession(str(exported), providers=["CPUExecutionProvider"])

    def copies(self, name: str, pixels: np.ndarray, recipe: str, seed: int) -> np.ndarray:
        starts = range(0, len(pixels), CHUNK)
        said = f"{self.name} of {name} {recipe} {seed}"
        chunks = progress(starts, said, total=len(starts), unit="chunk")
        return np.concatenate([self._chunk(name, pixels, recipe, seed, start) for start in chunks])

    def _chunk(self, name: str, pixels: np.ndarray, recipe: str, seed: int, start: int) -> np.ndarray:
        path = self.folder / f"{name}-{recipe}-{seed}-{start}.npy"
        if path.exists():
            return np.load(path, allow_pickle=False)[:, self.columns]
        numbered = enumerate(pixels[start : start + CHUNK], start)
        views = np.stack([model_view(altered(image, recipe, seed, index)) for index, image in numbered])
        found = backbone.features(self.session, views)
        # Written aside and renamed: an interrupted training must not leave half a file behind.
        unfinished = path.with_suffix(".part.npy")
        np.save(unfinished, found)
        unfinished.rename(path)
        return found[:, self.columns]


def families_drawn(seed: int, n: int) -> dict[str, np.ndarray]:
    """Return per family which of ``n`` images the training copy of a seed alters by it: (n,) of bool."""
    drawn_each = [drawn(np.random.default_rng([seed, index])) for index in range(n)]
    return {family: np.array([family in each for each in drawn_each]) for family in FAMILIES}


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
