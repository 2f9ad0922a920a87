"""The images of the bench: a sample of whole patients, its altered copies, and how it is cut into folds."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from PIL import Image
from sklearn.cluster import KMeans

from ml.algorithms.chest_xray import augment as augmentation
from ml.algorithms.chest_xray import dataset
from ml.training import data as training_data
from ml.training.folds import stratified_folds
from ml.training.progress import progress

CLEAN = "clean"
SHIFT_SEED = 100
"""Shifted copies have seeds of their own, far from those of the training copies."""
BATCH = 128
THUMBNAIL = 16


@dataclass(frozen=True)
class Sample:
    """Images of 224 × 224 pixels, uint8, their classes and patients.

    Parameters
    ----------
    key
        Names the images and the alterations: another key is another cache.
    """

    pixels: np.ndarray
    y: np.ndarray
    patients: np.ndarray
    key: str


@dataclass(frozen=True)
class Fold:
    """Indices of the images learned from, of those that say when to stop, and of those held out.

    No patient is in two of the three.
    """

    train: np.ndarray
    stopping: np.ndarray
    held_out: np.ndarray


def sample(data: Path, common: Mapping[str, Any]) -> Sample:
    """Draw whole patients of the official training split until there are enough images.

    Parameters
    ----------
    common
        ``seed`` and ``images`` (how many at least, 0 for all).

    Raises
    ------
    ml.training.data.DataMissing
        When the images are not there.
    """
    images = dataset.kermany(data, "train")
    unique, counts = np.unique(images.patients, return_counts=True)
    order = np.random.default_rng(common["seed"]).permutation(len(unique))
    enough = np.searchsorted(np.cumsum(counts[order]), common["images"] or len(images.y)) + 1
    chosen = np.flatnonzero(np.isin(images.patients, unique[order[:enough]]))
    pixels = images.pixels[chosen]
    digest = hashlib.sha256(pixels.tobytes())
    digest.update(training_data.fingerprint(Path(augmentation.__file__)).encode())
    return Sample(pixels, images.y[chosen], images.patients[chosen], digest.hexdigest()[:16])


def patient_folds(images: Sample, common: Mapping[str, Any]) -> list[Fold]:
    """Cut the sample so that patients drawn by chance are held out together."""
    splits = stratified_folds(images.y, common["folds"], seed=common["seed"], groups=images.patients)
    return [_fold(images, inside, outside, common) for inside, outside in splits]


def cluster_folds(images: Sample, common: Mapping[str, Any]) -> list[Fold]:
    """Cut the sample so that patients whose images look alike are held out together.

    Clusters of the average thumbnail of each patient (k-means): exposure, collimation, posture. The
    held-out images then look like none that was learned from, as those of another hospital would.
    """
    unique, members = np.unique(images.patients, return_inverse=True)
    small = resized(images.pixels, THUMBNAIL).reshape(len(images.y), -1).astype(float)
    means = np.stack([small[members == one].mean(axis=0) for one in range(len(unique))])
    found = KMeans(common["folds"], n_init=4, random_state=common["seed"]).fit(means).labels_[members]
    everything = np.arange(len(images.y))
    return [
        _fold(images, everything[found != one], everything[found == one], common)
        for one in range(common["folds"])
    ]


def _fold(images: Sample, inside: np.ndarray, outside: np.ndarray, common: Mapping[str, Any]) -> Fold:
    parts = max(2, round(1 / common["stopping"]))
    groups = images.patients[inside]
    train, stopping = next(stratified_folds(images.y[inside], parts, seed=common["seed"], groups=groups))
    return Fold(inside[train], inside[stopping], outside)


def resized(pixels: np.ndarray, side: int) -> np.ndarray:
    """Return images of (n, side, side, 1), uint8 grey levels."""
    small = (Image.fromarray(image).resize((side, side), Image.Resampling.BILINEAR) for image in pixels)
    return np.stack([np.asarray(image, np.uint8) for image in small])[..., None]


class Copies:
    """Altered copies of a sample, and the maps of networks on them, each computed once and kept.

    Parameters
    ----------
    folder
        Where they are kept; grows by about a gigabyte for a few thousand images.
    seed
        Every image of every copy has chance of its own, drawn from it.
    """

    def __init__(self, images: Sample, folder: Path, seed: int) -> None:
        self.images, self.seed = images, seed
        self.folder = folder / images.key
        self.folder.mkdir(parents=True, exist_ok=True)

    def inputs(self, network: keras.Model | None, key: str, side: int, copy: str) -> list[np.ndarray]:
        """Return what the tuned part of a network gets for every image of one copy.

        Parameters
        ----------
        network
            The fixed part, applied to the images; ``None`` for the images themselves.
        key
            Names the fixed part.
        copy
            ``"clean"``, ``"train-<number>"`` or ``"shift-<number>"``.

        Returns
        -------
        list of ndarray
            Maps in half precision, (n, ...) each; without a network the images, (n, side, side, 1)
            uint8. Read from disk as needed.
        """
        if network is None:
            return [self._kept(f"{side}-{copy}", lambda: resized(self._pixels(copy), side))]
        paths = [self.folder / f"{key}-{copy}-{part}.npy" for part in range(len(network.outputs))]
        if not all(path.exists() for path in paths):
            for path, maps in zip(
                paths, _maps(network, resized(self._pixels(copy), side), copy), strict=True
            ):
                _save(path, maps)
        return [np.load(path, mmap_mode="r", allow_pickle=False) for path in paths]

    def _pixels(self, copy: str) -> np.ndarray:
        if copy == CLEAN:
            return self.images.pixels
        return self._kept(copy, lambda: np.stack(list(self._altered(copy))))

    def _altered(self, copy: str) -> Iterator[np.ndarray]:
        recipe, number = copy.split("-")
        seed = self.seed + int(number) + (SHIFT_SEED if recipe == "shift" else 0)
        for index, image in enumerate(progress(self.images.pixels, f"copy {copy}", unit="image")):
            yield augmentation.augment(image, recipe, np.random.default_rng([seed, index]))

    def _kept(self, name: str, make: Any) -> np.ndarray:
        path = self.folder / f"{name}.npy"
        if not path.exists():
            _save(path, make())
        return np.load(path, mmap_mode="r", allow_pickle=False)


def _maps(network: keras.Model, pixels: np.ndarray, copy: str) -> list[np.ndarray]:
    starts = range(0, len(pixels), BATCH)
    found: list[list[np.ndarray]] = [[] for _ in network.outputs]
    for start in progress(starts, f"maps of {copy}", unit="batch"):
        made = network.predict_on_batch(pixels[start : start + BATCH].astype(np.float32))
        for kept, part in zip(found, made if isinstance(made, Sequence) else [made], strict=True):
            kept.append(np.asarray(part, np.float16))
    return [np.concatenate(kept) for kept in found]


def _save(path: Path, array: np.ndarray) -> None:
    # Written aside and renamed: an interrupted bench must not leave half a file behind.
    unfinished = path.with_suffix(".part.npy")
    np.save(unfinished, array)
    unfinished.rename(path)
