"""Backbone, heads, distance and evidence maps as one graph, written as ONNX."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import onnxruntime
from keras import layers, ops

from ml.algorithms.chest_xray.heads import Cloud, Head

BATCH = 32


def assemble(backbone: keras.Model, pneumonia: Head, gate: list[Head], cloud: Cloud) -> keras.Model:
    """Put everything that serving needs behind one input.

    Parameters
    ----------
    backbone
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
    ends = np.cumsum([stage.shape[3] for stage in backbone.outputs])
    parts = [slice(end - stage.shape[3], end) for end, stage in zip(ends, backbone.outputs, strict=True)]
    centred = [stage - centre[part] for stage, part in zip(backbone.outputs, parts, strict=True)]
    averages = [ops.mean(stage, axis=(1, 2)) for stage in centred]
    pooled = averages[0] if len(averages) == 1 else ops.concatenate(averages, axis=1)
    return keras.Model(
        backbone.input,
        {
            "logit": _dense(pooled, "pneumonia", [pneumonia], centre),
            "gate": _dense(pooled, "gate_heads", gate, centre),
            "distance": _distance(pooled, cloud, centre),
            **_evidence(centred, [pneumonia.weights[part] for part in parts]),
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


def _evidence(centred: list[keras.KerasTensor], weights: list[np.ndarray]) -> dict[str, keras.KerasTensor]:
    """Return the map of each size, stages of one size taken together."""
    maps = {}
    for side in sorted({stage.shape[1] for stage in centred}):
        together = [i for i, stage in enumerate(centred) if stage.shape[1] == side]
        joined = ops.concatenate([centred[i] for i in together], axis=3)
        kernel = np.concatenate([weights[i] for i in together])[None, None, :, None]
        layer = layers.Conv2D(1, 1, name=f"evidence_of_{side}")
        maps[f"evidence_{side}"] = _linear(layer, joined, kernel, np.zeros(1))
    return maps


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
