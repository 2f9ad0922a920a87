"""The network: MobileNetV2 without its top, read out at five depths."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from ml.algorithms.chest_xray.view import SIDE

STAGES = (
    "block_1_expand_relu", "block_3_expand_relu", "block_6_expand_relu", "block_13_expand_relu", "out_relu",
)  # fmt: skip
"""Layers whose maps can be averaged into features: 112, 56, 28, 14 and 7 positions a side."""


def build(params: Mapping[str, Any], weights: Path | None) -> keras.Model:
    """Build the frozen feature extractor.

    The grey image is standardised inside the graph (mean 0, standard deviation 0.5), so that exposure
    and window cannot move the score, and repeated on three channels.

    Parameters
    ----------
    params
        ``alpha`` (width of MobileNetV2) and ``stages`` (names among :data:`STAGES`, deepest last).
    weights
        ImageNet weights without top as Keras 3 stores them; random weights when ``None``.

    Returns
    -------
    keras.Model
        From (n, 224, 224, 1) grey levels 0–255 to one feature map per stage, (n, h, w, channels).

    Raises
    ------
    ValueError
        When a stage does not exist; the message names it and those there are.
    """
    unknown = [stage for stage in params["stages"] if stage not in STAGES]
    if unknown or not params["stages"]:
        raise ValueError(f"stages: expected some of {', '.join(STAGES)}, got {', '.join(unknown) or 'none'}")
    image = keras.Input((SIDE, SIDE, 1), name="image")
    standard = layers.Concatenate(name="three_channels")([_standardise(image)] * 3)
    network = keras.applications.MobileNetV2(
        input_tensor=standard, alpha=params["alpha"], include_top=False, weights=None
    )
    if weights is not None:
        network.load_weights(weights)
    network.trainable = False
    maps = [network.get_layer(stage).output for stage in params["stages"]]
    return keras.Model(image, maps, name="mobilenet_v2_stages")


def _standardise(image: keras.KerasTensor) -> keras.KerasTensor:
    mean = ops.mean(image, axis=(1, 2, 3), keepdims=True)
    centred = image - mean
    variance = ops.mean(ops.square(centred), axis=(1, 2, 3), keepdims=True)
    return centred * (0.5 / ops.sqrt(variance + 1.0))


def pooled(model: keras.Model) -> keras.Model:
    """Return the model whose output is the average of every map: (n, features)."""
    averages = [ops.mean(stage, axis=(1, 2)) for stage in model.outputs]
    joined = averages[0] if len(averages) == 1 else ops.concatenate(averages, axis=1)
    return keras.Model(model.input, joined, name="pooled_stages")


def features(model: keras.Model, images: np.ndarray, *, batch: int = 64) -> np.ndarray:
    """Return the features of grey images of shape (n, 224, 224): shape (n, features), float32."""
    return model.predict(images[..., None].astype(np.float32), batch_size=batch, verbose=0)
