"""Images that are no chest X-ray, for the gate: what installed packages carry, and made-up ones.

Training and test never share a source: the gate learns from scikit-learn's ``china.jpg``,
matplotlib's sample data and made-up patterns, and is tested on pydicom's images and ``flower.jpg``.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import matplotlib
import numpy as np
import pydicom
import sklearn.datasets
from PIL import Image, ImageDraw
from pydicom.pixels import pixel_array

from ml.algorithms.chest_xray.picture import full_range
from ml.algorithms.chest_xray.view import SIDE, model_view, to_uint8

MATPLOTLIB_PICTURES = ("grace_hopper.jpg", "logo2.png", "Minduka_Present_Blue_Pack.png")
MRI_SIDE = 256
PATTERNS = 240


def for_training(seed: int, crops: int = 40) -> np.ndarray:
    """Return squares that are no chest: ``crops`` windows of each picture, and patterns.

    Returns
    -------
    ndarray of uint8, shape (n, 224, 224)
    """
    rng = np.random.default_rng(seed)
    views = [_window(picture, rng) for picture in _training_pictures() for _ in range(crops)]
    views += [_square(_pattern(index, rng)) for index in range(PATTERNS)]
    return np.stack(views)


def for_testing() -> Iterator[tuple[str, np.ndarray]]:
    """Yield name and view of every image that pydicom and scikit-learn carry and training did not see."""
    yield "flower.jpg", model_view(_grey(_sklearn_images() / "flower.jpg"))
    for path in sorted((Path(pydicom.__file__).parent / "data" / "test_files").glob("*.dcm")):
        frame = _dicom_frame(path)
        if frame is not None:
            yield path.name, model_view(frame)


def _sklearn_images() -> Path:
    return Path(sklearn.datasets.__file__).parent / "images"


def _training_pictures() -> list[np.ndarray]:
    samples = Path(matplotlib.get_data_path()) / "sample_data"
    with gzip.open(samples / "s1045.ima.gz") as stream:
        mri = np.frombuffer(stream.read(), np.uint16).reshape(MRI_SIDE, MRI_SIDE)
    with np.load(samples / "topobathy.npz", allow_pickle=False) as relief:
        height = relief["topo"]
    pictures = [_grey(_sklearn_images() / "china.jpg"), full_range(mri), full_range(height)]
    return pictures + [_grey(samples / name) for name in MATPLOTLIB_PICTURES]


def _grey(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("L"), dtype=np.float32)


def _window(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Cut a window of 30 to 100 % of each side, sometimes mirrored or turned."""
    height, width = (round(side * rng.uniform(0.3, 1.0)) for side in picture.shape)
    top = rng.integers(0, picture.shape[0] - height + 1)
    left = rng.integers(0, picture.shape[1] - width + 1)
    cut = np.rot90(picture[top : top + height, left : left + width], rng.integers(0, 4))
    return _square(cut if rng.random() < 0.5 else cut[:, ::-1])


def _square(grey: np.ndarray) -> np.ndarray:
    """Squash to the network's size without its smoothing, as the training images are stored."""
    image = Image.fromarray(np.ascontiguousarray(grey, dtype=np.float32))
    return to_uint8(np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BILINEAR)))


def _pattern(index: int, rng: np.random.Generator) -> np.ndarray:
    """Draw noise, a ramp, stripes, shapes or a page of writing, by turns."""
    if index % 5 == 0:
        grain = rng.uniform(0, 255, (int(rng.integers(4, SIDE)),) * 2).astype(np.float32)
        return np.asarray(Image.fromarray(grain).resize((SIDE, SIDE), Image.Resampling.BICUBIC))
    if index % 5 == 1:
        across = np.linspace(0, rng.uniform(100, 255), SIDE)
        return np.add.outer(across, across[::-1] * rng.uniform(-1, 1)).astype(np.float32)
    if index % 5 == 2:
        phase = np.arange(SIDE) * rng.uniform(0.05, 1.0)
        return to_uint8(128 + 120 * np.sin(phase[:, None] + phase[None, :] * rng.uniform(-1, 1)))
    canvas = Image.new("L", (SIDE, SIDE), int(rng.integers(0, 256)))
    pen = ImageDraw.Draw(canvas)
    for _ in range(int(rng.integers(1, 25))):
        corner = tuple(int(place) for place in rng.integers(0, SIDE, 2))
        level = int(rng.integers(0, 256))
        if index % 5 == 3:
            size = int(rng.integers(5, 120))
            pen.ellipse((*corner, corner[0] + size, corner[1] + size), fill=level)
        else:
            pen.text(corner, "Vigie 0123456789", fill=level)
    return np.asarray(canvas, dtype=np.float32)


def _dicom_frame(path: Path) -> np.ndarray | None:
    """Return the first frame in grey, ``None`` when the file holds no readable image."""
    try:
        dataset = pydicom.dcmread(path, force=True)
        frames = pixel_array(dataset, index=0)
    # pydicom ships files that are broken on purpose; those are no test of the gate.
    except (ValueError, AttributeError, RuntimeError, NotImplementedError, EOFError, KeyError):
        return None
    grey = frames.mean(axis=-1) if frames.ndim == 3 else frames
    return full_range(grey.astype(np.float32))
