"""An invented picture with the size and smoothness of a film, as a file and as what a network sees."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from ml.algorithms.chest_xray.view import model_view

HEIGHT, WIDTH = 1300, 1500
FILE, ARRAY = "film.jpg", "view.npy"


def prepare(folder: Path) -> None:
    """Write both into ``folder``."""
    rng = np.random.default_rng(0)
    coarse = Image.fromarray(rng.uniform(30, 220, (9, 11)).astype(np.float32))
    smooth = np.asarray(coarse.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC))
    grey = np.clip(smooth + rng.normal(0, 4, smooth.shape), 0, 255).astype(np.uint8)
    Image.fromarray(grey).save(folder / FILE, quality=92)
    np.save(folder / ARRAY, model_view(grey.astype(np.float32)))
