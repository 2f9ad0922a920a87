"""The images of the bench: training, held out, and held out under shift; whole patients on either side."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from PIL import Image

from ml.algorithms.chest_xray import dataset, heads
from ml.algorithms.chest_xray.augment import augment

FOLDS = 4
SHIFT_SEED = 100


@dataclass(frozen=True)
class Split:
    """Images of 224 × 224 pixels, uint8, their classes and patients.

    Parameters
    ----------
    shifted
        Altered copies of ``held_out`` one after the other, in its order.
    """

    train: np.ndarray
    train_y: np.ndarray
    held_out: np.ndarray
    shifted: np.ndarray
    y: np.ndarray
    patients: np.ndarray


def split(data: Path, params: Mapping[str, Any]) -> Split:
    """Draw patients for the bench and hold a quarter of them out.

    Parameters
    ----------
    params
        ``seed``, ``images`` (how many at least, 0 for all) and ``shifts`` (altered copies).
    """
    images = dataset.kermany(data, "train")
    chosen = _patients(images.patients, params["images"], params["seed"])
    parts = heads.folds(images.y[chosen], images.patients[chosen], FOLDS, params["seed"])
    inside, outside = (chosen[part] for part in parts[0])
    held_out = images.pixels[outside]
    shifted = [
        augment(image, "shift", np.random.default_rng([params["seed"] + SHIFT_SEED + copy, index]))
        for copy in range(params["shifts"])
        for index, image in enumerate(held_out)
    ]
    return Split(
        images.pixels[inside], images.y[inside], held_out, np.stack(shifted), images.y[outside],
        images.patients[outside],
    )  # fmt: skip


def _patients(patients: np.ndarray, images: int, seed: int) -> np.ndarray:
    """Return the indices of whole patients, drawn until there are enough images."""
    unique, counts = np.unique(patients, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(unique))
    enough = np.searchsorted(np.cumsum(counts[order]), images or len(patients)) + 1
    return np.flatnonzero(np.isin(patients, unique[order[:enough]]))


def resized(pixels: np.ndarray, side: int) -> np.ndarray:
    """Return images of (n, side, side, 1), float32 grey levels."""
    small = [Image.fromarray(image).resize((side, side), Image.Resampling.BILINEAR) for image in pixels]
    return np.stack([np.asarray(image, np.float32) for image in small])[..., None]


class Batches(keras.utils.PyDataset):
    """Training images in another order, and as other altered copies, in every epoch."""

    def __init__(
        self,
        images: np.ndarray,
        y: np.ndarray,
        *,
        side: int,
        batch: int,
        altered: bool,
        balanced: bool,
        seed: int,
    ) -> None:
        super().__init__()
        self.images, self.y, self.side, self.batch, self.altered, self.seed = (
            images,
            y,
            side,
            batch,
            altered,
            seed,
        )
        share = np.bincount(y, minlength=2) / len(y)
        self.weights = (0.5 / share)[y] if balanced else np.ones(len(y))
        self.epoch = 0
        self.order = self._shuffled()

    def __len__(self) -> int:
        return math.ceil(len(self.y) / self.batch)

    def __getitem__(self, number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        chosen = self.order[number * self.batch : (number + 1) * self.batch]
        pixels = self.images[chosen]
        if self.altered:
            chances = (np.random.default_rng([self.seed, self.epoch, index]) for index in chosen)
            pixels = [augment(image, "train", chance) for image, chance in zip(pixels, chances, strict=True)]
        return resized(pixels, self.side), np.eye(2)[self.y[chosen]], self.weights[chosen]

    def start(self, epoch: int) -> None:
        """Turn to an epoch; a resumed run continues with the copies it would have seen."""
        self.epoch, self.order = epoch, self._shuffled()

    def _shuffled(self) -> np.ndarray:
        return np.random.default_rng([self.seed, self.epoch]).permutation(len(self.y))
