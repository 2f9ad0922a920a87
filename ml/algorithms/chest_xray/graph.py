"""Backbone, heads, distance and evidence maps as one graph, written as ONNX."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import onnxruntime
from keras import layers, ops

from ml.algorithms.chest_xray.backbone import averages, window
from ml.algorithms.chest_xray.heads import Cloud, Head

BATCH = 32


def assemble(network: keras.Model, pneumonia: Head, gate: list[Head], cloud: Cloud) -> keras.Model:
    """Put everything that serving needs behind one input.

    Parameters
    ----------
    network
        Maps per stage, of :func:`ml.algorithms.chest_xray.backbone.build`.
    gate
        Heads of the gate, in the order of ``gate.json``.

    Returns
    -------
    keras.Model
        Outputs ``logit`` (n, 1), ``gate`` (n, heads), ``distance`` (n, 1) and, per size of map,
        ``evidence_<side>`` (n, side, side, 1): a class-activation map (Zhou 2016), the sum over the
        stages of that size, exact because the head is linear in averaged maps.
    """
    # Centred before they are averaged: the mean of many large numbers loses the digits that matter.
    centre = np.asarray(pneumonia.centre, dtype=np.float32)
    columns = _columns(network.outputs)
    pooled = ops.concatenate(
        [
            averages(stage - centre[part])[which]
            for stage, both in zip(network.outputs, columns, strict=True)
            for which, part in enumerate(both)
        ],
        axis=1,
    )
    return keras.Model(
        network.input,
        {
            "logit": _dense(pooled, "pneumonia", [pneumonia], centre),
            "gate": _dense(pooled, "gate_heads", gate, centre),
            "distance": _distance(pooled, cloud, centre),
            **_evidence(network.outputs, columns, pneumonia.weights, centre),
        },
        name="chest_xray",
    )


def _dense(pooled: keras.KerasTensor, name: str, heads: list[Head], centre: np.ndarray) -> keras.KerasTensor:
    weights = np.stack([head.weights for head in heads], axis=1)
    bias = np.array([head.intercept + (centre - head.centre) @ head.weights for head in heads])
    return _linear(layers.Dense(len(heads), name=name), pooled, weights, bias)


def _distance(pooled: keras.KerasTensor, cloud: Cloud, centre: np.ndarray) -> keras.KerasTensor:
    layer = layers.Dense(cloud.axes.shape[1], name="principal_axes")
    projected = _linear(layer, pooled, cloud.axes, (centre - cloud.centre) @ cloud.axes)
    return ops.mean(ops.square(projected), axis=1, keepdims=True)


def _evidence(
    stages: list[keras.KerasTensor],
    columns: list[tuple[np.ndarray, np.ndarray]],
    weights: np.ndarray,
    centre: np.ndarray,
) -> dict[str, keras.KerasTensor]:
    """Return the map of each size, stages of one size taken together.

    A position counts once in the average of the whole image, and as much as the window says in the
    average of its middle: the mean of what it adds is what both averages add to the score.
    """
    maps = {}
    for side in sorted({stage.shape[1] for stage in stages}):
        together = [i for i, stage in enumerate(stages) if stage.shape[1] == side]
        whole, middle = (np.concatenate([columns[i][which] for i in together]) for which in (0, 1))
        joined = ops.concatenate([stages[i] - centre[columns[i][0]] for i in together], axis=3)
        kernel = np.stack([weights[whole], weights[middle]], axis=1)[None, None]
        bias = np.array([0.0, (centre[whole] - centre[middle]) @ weights[middle]])
        added = _linear(layers.Conv2D(2, 1, name=f"evidence_of_{side}"), joined, kernel, bias)
        maps[f"evidence_{side}"] = added[..., :1] + added[..., 1:] * window(side)[None, :, :, None]
    return maps


def _columns(stages: list[keras.KerasTensor]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return per stage the columns of its average over the whole image and over the middle."""
    widths = [stage.shape[3] for stage in stages for _ in range(2)]
    parts = np.split(np.arange(sum(widths)), np.cumsum(widths)[:-1])
    return list(zip(parts[::2], parts[1::2], strict=True))


def _linear(
    layer: keras.Layer, tensor: keras.KerasTensor, weights: np.ndarray, bias: np.ndarray
) -> keras.KerasTensor:
    made = layer(tensor)
    layer.set_weights([weights.astype(np.float32), bias.astype(np.float32)])
    return made


def largest_difference(model: keras.Model, path: Path, images: np.ndarray) -> float:
    """Return the largest difference of the probability between Keras and the ONNX file.

    Parameters
    ----------
    images
        Shape (n, 224, 224), uint8.
    """
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    name, differences = session.get_inputs()[0].name, [0.0]
    for start in range(0, len(images), BATCH):
        batch = images[start : start + BATCH, ..., None].astype(np.float32)
        (exported,) = session.run(["logit"], {name: batch})
        ours = model.predict_on_batch(batch)["logit"]
        differences.append(np.abs(1 / (1 + np.exp(-exported)) - 1 / (1 + np.exp(-ours))).max())
    return float(max(differences))
