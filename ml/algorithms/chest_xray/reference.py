"""The picture shown where an image is hidden: an average normal chest as sharp as a single one.

``python -m ml.algorithms.chest_xray.reference --data ../shared/data`` computes it again. It depends on the
training images and on :func:`ml.algorithms.chest_xray.view.model_view`, not on any network.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from ml.algorithms.chest_xray import dataset
from ml.algorithms.chest_xray.masking import REFERENCE
from ml.algorithms.chest_xray.view import SIDE, model_view, png
from ml.training.progress import progress

MIDDLE, SPREAD = 32768, 8000
"""Mean and standard deviation in levels of 16 bits: in 8, rounding alone moves the picture's score."""


def reference(pixels: np.ndarray) -> np.ndarray:
    """Average standardised views, and give the average the sharpness of one view.

    An average is blurred, and blur itself looks like disease to the network; so the amplitude of every
    spatial frequency is raised to that of a single view, its phase (where things are) kept.

    Parameters
    ----------
    pixels
        Shape (n, 224, 224), uint8, of images without pneumonia.

    Returns
    -------
    ndarray of uint16, shape (224, 224)
    """
    average, power = np.zeros((SIDE, SIDE)), np.zeros((SIDE, SIDE))
    for image in progress(pixels, "normal images", unit="image"):
        view = model_view(image).astype(np.float64)
        standard = (view - view.mean()) / view.std()
        average += standard / len(pixels)
        power += np.abs(np.fft.fft2(standard)) ** 2 / len(pixels)
    spectrum = np.fft.fft2(average)
    gain = np.sqrt(_by_frequency(power) / np.maximum(_by_frequency(np.abs(spectrum) ** 2), 1e-12))
    sharp = np.real(np.fft.ifft2(spectrum * gain))
    levels = np.rint(MIDDLE + SPREAD * (sharp - sharp.mean()) / sharp.std())
    return np.clip(levels, 0, 2 * MIDDLE - 1).astype(np.uint16)


def _by_frequency(power: np.ndarray) -> np.ndarray:
    """Average a spectrum over all directions, every whole cycle per image apart."""
    along = np.fft.fftfreq(len(power)) * len(power)
    ring = np.minimum(np.hypot(*np.meshgrid(along, along)).astype(int), len(power) // 2).ravel()
    means = np.bincount(ring, power.ravel()) / np.bincount(ring)
    return means[ring].reshape(power.shape)


def main() -> int:
    """Write the picture that :mod:`ml.algorithms.chest_xray.masking` shows."""
    parser = argparse.ArgumentParser(prog="python -m ml.algorithms.chest_xray.reference")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of the data")
    images = dataset.kermany(parser.parse_args().data, "train")
    REFERENCE.write_bytes(png(Image.fromarray(reference(images.pixels[images.y == 0]))))
    sys.stdout.write(f"{REFERENCE.name}: average of {np.sum(images.y == 0)} normal training images\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
