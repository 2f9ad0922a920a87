"""The frozen networks, read out at several depths of the image and of its mirror image."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import keras
import numpy as np
import onnxruntime
from keras import layers, ops

from ml.algorithms.chest_xray import efficientnet_lite
from ml.algorithms.chest_xray.view import SIDE

MOBILENET_ALPHA = 0.35
OPSET = 17


def _mobilenet(image: keras.KerasTensor) -> keras.Model:
    return keras.applications.MobileNetV2(
        input_tensor=image, alpha=MOBILENET_ALPHA, include_top=False, weights=None
    )


NETWORKS: dict[str, Callable[[keras.KerasTensor], keras.Model]] = {
    "efficientnet_lite0": efficientnet_lite.build,
    "mobilenet_v2": _mobilenet,
}
STAGES: dict[str, tuple[str, ...]] = {
    "efficientnet_lite0": efficientnet_lite.STAGES,
    "mobilenet_v2": (
        "block_1_expand_relu", "block_3_expand_relu", "block_6_expand_relu", "block_13_expand_relu",
        "out_relu",
    ),
}  # fmt: skip
"""Layers whose maps can be averaged into features, from fine to coarse."""


def check(networks: Mapping[str, Sequence[str]]) -> None:
    """Raise ``ValueError`` naming the network or stage that does not exist, and those there are."""
    unknown = [name for name in networks if name not in NETWORKS]
    if unknown or not networks:
        raise ValueError(
            f"networks: expected some of {', '.join(NETWORKS)}, got {', '.join(unknown) or 'none'}"
        )
    for name, stages in networks.items():
        wrong = [stage for stage in stages if stage not in STAGES[name]]
        if wrong or not stages:
            raise ValueError(_expected(f"networks.{name}", STAGES[name], wrong))


def _expected(where: str, known: Iterable[str], wrong: Sequence[str]) -> str:
    return f"{where}: expected some of {', '.join(known)}, got {', '.join(wrong) or 'none'}"


def build(networks: Mapping[str, Sequence[str]], weights: Mapping[str, Path | None]) -> keras.Model:
    """Build the frozen feature extractor.

    The grey image is standardised inside the graph (mean 0, standard deviation 0.5), so that exposure
    and window cannot move the score, and repeated on three channels. Every map is the average of the
    image's own and of its mirror image's, mirrored back: left and right cannot move the score either.

    Parameters
    ----------
    networks
        Per network the stages read out, names among :data:`STAGES`.
    weights
        ImageNet weights per network: a PyTorch checkpoint for EfficientNet-Lite0, a file as Keras 3
        stores them for MobileNetV2; random weights where ``None``.

    Returns
    -------
    keras.Model
        From (n, 224, 224, 1) grey levels 0–255 to one feature map per stage, (n, h, w, channels).

    Raises
    ------
    ValueError
        When a network or stage does not exist; the message names it and those there are.
    """
    check(networks)
    image = keras.Input((SIDE, SIDE, 1), name="image")
    views = ops.concatenate([image, image[:, :, ::-1, :]], axis=0)
    standard = layers.Concatenate(name="three_channels")([_standardise(views)] * 3)
    maps = []
    for name, stages in networks.items():
        network = NETWORKS[name](standard)
        _load(network, name, weights[name])
        network.trainable = False
        maps += [_both_sides(network.get_layer(stage).output) for stage in stages]
    return keras.Model(image, maps, name="frozen_stages")


def _load(network: keras.Model, name: str, path: Path | None) -> None:
    if path is None:
        return
    if name == "efficientnet_lite0":
        efficientnet_lite.load(network, path)
    else:
        network.load_weights(path)


def _standardise(image: keras.KerasTensor) -> keras.KerasTensor:
    centred = image - _mean(image)
    return centred * (0.5 / ops.sqrt(_mean(ops.square(centred)) + 1.0))


def _mean(image: keras.KerasTensor) -> keras.KerasTensor:
    """Average each image over rows, then over the row means.

    The sum of 50,176 grey levels in single precision loses digits in an order that each runtime
    chooses for itself, and every feature would feel it: Keras and ONNX Runtime differed by 2.5e-5 in
    probability, and by 2e-6 this way.
    """
    return ops.mean(ops.mean(image, axis=2, keepdims=True), axis=1, keepdims=True)


def _both_sides(stage: keras.KerasTensor) -> keras.KerasTensor:
    """Average the maps of the images, first half of the batch, and of their mirror images."""
    pairs = ops.reshape(stage, (2, -1, *stage.shape[1:]))
    return (pairs[0] + pairs[1][:, :, ::-1, :]) * 0.5


def window(side: int) -> np.ndarray:
    """Return how much each position counts in the average of the middle: Hann's window, mean 1.

    Collimation, arms, markers and neck lie at the edges and tell the room more than the lungs.

    Returns
    -------
    ndarray of float32, shape (side, side)
    """
    along = np.sin(np.pi * (np.arange(side) + 0.5) / side) ** 2
    both = np.outer(along, along)
    return (both / both.mean()).astype(np.float32)


def averages(stage: keras.KerasTensor) -> list[keras.KerasTensor]:
    """Return the average of a map over the whole image, and over its middle (:func:`window`)."""
    middle = stage * window(stage.shape[1])[None, :, :, None]
    return [ops.mean(stage, axis=(1, 2)), ops.mean(middle, axis=(1, 2))]


def pooled(model: keras.Model) -> keras.Model:
    """Return the model of both averages of every map, stage by stage: (n, features)."""
    found = [average for stage in model.outputs for average in averages(stage)]
    return keras.Model(model.input, ops.concatenate(found, axis=1), name="pooled_stages")


def export(model: keras.Model, path: Path) -> None:
    """Write a model as ONNX, any batch size."""
    # Keras asks for one call before it knows the shapes to export.
    model(np.zeros((1, *model.input.shape[1:]), np.float32))
    model.export(path, format="onnx", opset_version=OPSET, verbose=False)


def features(session: onnxruntime.InferenceSession, images: np.ndarray) -> np.ndarray:
    """Return the features of grey images of shape (n, 224, 224): shape (n, features), float32.

    One image at a time: in ONNX Runtime that is faster on a CPU than Keras with any batch.
    """
    name = session.get_inputs()[0].name
    batches = (image[None, ..., None].astype(np.float32) for image in images)
    return np.concatenate([session.run(None, {name: batch})[0] for batch in batches])
