"""The usual way: Keras' own MobileNetV2 of the same width, asked with ``predict`` and called directly."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np

from bench.chest_xray.film import ARRAY, FILE
from bench.measuring import Samples, cpu_ms


def measure(folder: Path, repeats: int) -> Samples:
    """Return CPU milliseconds per image, weights random: they cost the same."""
    view = np.load(folder / ARRAY).astype(np.float32)
    batch = np.repeat(view[None, :, :, None], 3, axis=3) / 127.5 - 1
    network = keras.applications.MobileNetV2(
        input_shape=(*view.shape, 3), alpha=0.35, weights=None, classes=2
    )

    def predict() -> None:
        network.predict(batch, verbose=0)

    def call() -> None:
        network(batch, training=False)

    def from_file() -> None:
        image = keras.utils.load_img(folder / FILE, target_size=view.shape, interpolation="bilinear")
        network.predict(keras.utils.img_to_array(image)[None] / 127.5 - 1, verbose=0)

    predict()
    call()
    from_file()
    return {
        "predict_cpu_ms": cpu_ms(predict, 4 * repeats),
        "call_cpu_ms": cpu_ms(call, repeats),
        "file_cpu_ms": cpu_ms(from_file, 4 * repeats),
    }
