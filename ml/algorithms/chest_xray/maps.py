"""What the tuned end of the network reads: the maps before it, of images and altered copies, kept on disk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
import onnxruntime

from ml.algorithms.chest_xray import backbone, stretched
from ml.algorithms.chest_xray.augment import FAMILIES
from ml.algorithms.chest_xray.features import CACHE, CHUNK, altered, families_drawn
from ml.algorithms.chest_xray.view import model_view
from ml.training import data as training_data
from ml.training.progress import progress

NETWORK = "efficientnet_lite0"
LAST_FIXED = "stack_6"
"""The layer up to which nothing is tuned; stack 7 and the last convolution follow it."""
STRETCHED = "stretched"
"""Recipe of :mod:`ml.algorithms.chest_xray.stretched`."""
ALTERING = ("augment", "view", "nuisance", "backbone", "efficientnet_lite", "stretched")
"""Modules on which maps depend: another version of them is another cache."""


class Maps:
    """Turns images into the maps before the end of the network, and into the averages of all stages.

    Parameters
    ----------
    stages
        Stages of EfficientNet-Lite0 whose averages are wanted.
    weights
        ImageNet weights; random ones for ``None``.
    data
        Fingerprint of the images.
    """

    def __init__(
        self, stages: Sequence[str], weights: Path | None, data: str, *, cache: Path = CACHE
    ) -> None:
        here = Path(__file__).parent
        code = training_data.fingerprint(*(here / f"{module}.py" for module in ALTERING))
        origin = training_data.fingerprint(weights) if weights else "random"
        self._folder = cache / f"maps-{code[:8]}-{origin[:8]}-{data[:8]}-{len(stages)}"
        self._folder.mkdir(parents=True, exist_ok=True)
        network = backbone.build({NETWORK: stages}, {NETWORK: weights})
        averaged = backbone.pooled(network).output
        both = keras.Model(network.input, [averaged, network.get_layer(LAST_FIXED).output])
        backbone.export(both, self._folder / "both.onnx")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        providers = ["CPUExecutionProvider"]
        self._session = onnxruntime.InferenceSession(str(self._folder / "both.onnx"), options, providers)

    def copies(
        self, name: str, pixels: np.ndarray, recipe: str, seed: int, every: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return features and maps of one altered copy of every ``every``-th image.

        Parameters
        ----------
        name
            Name of the image set, part of the cache key.
        pixels
            Shape (n, side, side), uint8.
        recipe, seed
            As :meth:`ml.algorithms.chest_xray.features.Extractor.copies` takes them, or
            :data:`STRETCHED`.

        Returns
        -------
        tuple of ndarray
            Averages of the stages, (m, features) float32; maps of the image and of its mirror image,
            (m, 2, 7, 7, 192) float16.
        """
        rows = np.arange(0, len(pixels), every)
        starts = range(0, len(rows), CHUNK)
        said = f"maps of {name} {recipe} {seed}"
        chunks = [
            self._chunk(f"{name}-{recipe}-{seed}-{every}-{start}", pixels, recipe, seed, rows[start:][:CHUNK])
            for start in progress(starts, said, total=len(starts), unit="chunk")
        ]
        features, maps = zip(*chunks, strict=True)
        return np.concatenate(features), np.concatenate(maps)

    def _chunk(
        self, name: str, pixels: np.ndarray, recipe: str, seed: int, rows: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        path = self._folder / f"{name}.npz"
        if path.exists():
            with np.load(path, allow_pickle=False) as kept:
                return kept["features"], kept["maps"]
        found = [self.of_view(model_view(_copy(pixels[row], recipe, seed, row))) for row in rows]
        features, maps = (np.stack(part) for part in zip(*found, strict=True))
        # Written aside and renamed: an interrupted run must not leave half a file behind.
        unfinished = path.with_suffix(".part.npz")
        np.savez(unfinished, features=features, maps=maps)
        unfinished.rename(path)
        return features, maps

    def of_view(self, view: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return averages, (features,), and maps, (2, 7, 7, 192), of one model view, (224, 224) uint8."""
        name = self._session.get_inputs()[0].name
        averaged, maps = self._session.run(None, {name: view[None, ..., None].astype(np.float32)})
        return averaged[0], maps.astype(np.float16)


def _copy(image: np.ndarray, recipe: str, seed: int, index: int) -> np.ndarray:
    if recipe == STRETCHED:
        return stretched.stretched(image, np.random.default_rng([seed, index]))
    return altered(image, recipe, seed, index)


def altered_by(recipe: str, seed: int, n: int) -> dict[str, np.ndarray]:
    """Return per family which of ``n`` images a copy learned from alters by it: (n,) of bool."""
    if recipe == "clean":
        return {family: np.zeros(n, bool) for family in FAMILIES}
    if recipe != STRETCHED:
        return families_drawn(seed, n)
    each = [stretched.drawn(np.random.default_rng([seed, index])) for index in range(n)]
    return {family: np.array([family in drawn for drawn in each]) for family in FAMILIES}
