"""The end of the network, tuned: what follows stack 6, together with the head's weights on it.

Tuning starts from the frozen network and the linear head fitted to it, and lets the last convolutions and
the head's weights on their maps move. Every step sees two views of each image, altered apart, and is
punished when their scores differ: what changes between them is the room, not the child.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from ml.algorithms.chest_xray import backbone, efficientnet_lite
from ml.algorithms.chest_xray.heads import Head
from ml.algorithms.chest_xray.maps import LAST_FIXED

STAGES = ("stack_7", "head")
"""Stages whose maps change; all before them stay as they are."""
BATCH = 256
"""Images scored at once."""


@dataclass(frozen=True)
class Learned:
    """What is learned from: altered copies of the same images.

    Parameters
    ----------
    y, weights
        Shape (n,); the weight of each image.
    fixed
        Per copy what the fixed stages add to the score, shape (n,).
    maps
        Per copy (n, 2, 7, 7, 192): maps before the end, of the image and of its mirror image.
    kept
        Per copy whether it may be learned from, shape (n,) of bool; each image has at least one that may.
    """

    y: np.ndarray
    weights: np.ndarray
    fixed: Sequence[np.ndarray]
    maps: Sequence[np.ndarray]
    kept: Sequence[np.ndarray]


@dataclass(frozen=True)
class Ending:
    """A tuned end.

    Parameters
    ----------
    convolutions
        Weights of every tuned layer, by its name.
    head
        Linear head on the averages of all stages, those of the tuned ones at the end.
    """

    convolutions: Mapping[str, list[np.ndarray]]
    head: Head

    def averages(self, maps: np.ndarray) -> np.ndarray:
        """Return the averages of the tuned stages' maps, both sides together: (n, features)."""
        end = _end(self.convolutions)
        found = []
        for start in range(0, len(maps), BATCH):
            part = maps[start : start + BATCH].astype(np.float32)
            sides = end(part.reshape(-1, *part.shape[2:]), training=False).numpy()
            found.append(sides.reshape(len(part), 2, -1).mean(axis=1))
        return np.concatenate(found)

    def features(self, features: np.ndarray, maps: np.ndarray) -> np.ndarray:
        """Return features of all stages, those of the tuned ones replaced."""
        tuned = self.averages(maps)
        return np.concatenate([features[:, : -tuned.shape[1]], tuned], axis=1)


def convolutions(network: keras.Model) -> dict[str, list[np.ndarray]]:
    """Return the weights of the layers that can be tuned, in the order of the network."""
    names = [layer.name for layer in network.layers]
    after = network.layers[names.index(LAST_FIXED) + 1 :]
    return {layer.name: layer.get_weights() for layer in after if layer.weights}


def _end(weights: Mapping[str, list[np.ndarray]]) -> keras.Model:
    """Build the end alone, from its maps (n, 7, 7, 192) to the averages of its stages."""
    reference = efficientnet_lite.build(keras.Input((None, None, 3)))
    names = [layer.name for layer in reference.layers]
    start = names.index(LAST_FIXED)
    image = made = keras.Input((7, 7, reference.layers[start].output.shape[-1]))
    stages = []
    for layer in reference.layers[start + 1 :]:
        made = layer.__class__.from_config(layer.get_config())(made)
        if layer.name in STAGES:
            stages.append(made)
    found = [average for stage in stages for average in backbone.averages(stage)]
    end = keras.Model(image, ops.concatenate(found, axis=1))
    for name, own in weights.items():
        end.get_layer(name).set_weights(own)
    return end


def tune(
    start: Mapping[str, list[np.ndarray]], head: Head, learned: Learned, params: Mapping[str, Any], seed: int
) -> Ending:
    """Tune the end from where the frozen network and its head stand.

    Parameters
    ----------
    start
        Weights of the end, of :func:`convolutions`.
    head
        Head on the averages of all stages, those of :data:`STAGES` last.
    params
        ``epochs``; ``batch`` (images); ``learning_rate`` and ``head_learning_rate``, both falling to
        zero along a cosine; ``label_smoothing``; ``consistency``, the weight of the squared difference
        between the scores of two views.
    """
    rng = np.random.default_rng(seed)
    tuning = _Tuning(start, head, params, params["epochs"] * (len(learned.y) // params["batch"]))
    soft = learned.y * (1 - 2 * params["label_smoothing"]) + params["label_smoothing"]
    kept = np.stack(learned.kept, axis=1)
    for _ in range(params["epochs"]):
        order = rng.permutation(len(learned.y))
        for at in range(0, len(order) - params["batch"] + 1, params["batch"]):
            rows = order[at : at + params["batch"]]
            copies, twice = np.concatenate(_two(kept[rows], rng)), np.r_[rows, rows]
            sides = rng.integers(0, 2, len(twice))
            drawn = list(zip(copies, twice, sides, strict=True))
            tuning.step(
                np.stack([learned.maps[copy][row, side] for copy, row, side in drawn]),
                np.array([learned.fixed[copy][row] for copy, row, _ in drawn]),
                soft[twice],
                learned.weights[twice],
            )
    return tuning.ending()


class _Tuning:
    """The end and the head's weights on it, on their way."""

    def __init__(
        self, start: Mapping[str, list[np.ndarray]], head: Head, params: Mapping[str, Any], steps: int
    ) -> None:
        self._names, self._head, self._end = list(start), head, _end(start)
        self._width = self._end.output_shape[-1]
        self._weights = tf.Variable(head.weights[-self._width :], dtype=tf.float32)
        self._bias = tf.Variable(head.intercept, dtype=tf.float32)
        self._centre = tf.constant(head.centre[-self._width :], tf.float32)
        self._consistency = params["consistency"]
        decay = keras.optimizers.schedules.CosineDecay
        self._optimizers = [
            keras.optimizers.Adam(decay(params[rate], steps))
            for rate in ("learning_rate", "head_learning_rate")
        ]
        self._graph = tf.function(self._step)

    def step(self, maps: np.ndarray, fixed: np.ndarray, y: np.ndarray, weights: np.ndarray) -> None:
        """Learn from two views of some images, all first views before all second ones."""
        self._graph(*(tf.constant(given, tf.float32) for given in (maps, fixed, y, weights)))

    def _step(self, maps: tf.Tensor, fixed: tf.Tensor, y: tf.Tensor, weights: tf.Tensor) -> None:
        tuned = [self._end.trainable_variables, [self._weights, self._bias]]
        with tf.GradientTape() as tape:
            averages = self._end(maps, training=True)
            odds = fixed + tf.linalg.matvec(averages - self._centre, self._weights) + self._bias
            one, other = tf.split(odds, 2)
            wrong = weights * tf.nn.sigmoid_cross_entropy_with_logits(y, odds)
            loss = tf.reduce_mean(wrong) + self._consistency * tf.reduce_mean(tf.square(one - other))
        gradients = tape.gradient(loss, tuned)
        for optimizer, of_these, these in zip(self._optimizers, gradients, tuned, strict=True):
            optimizer.apply_gradients(zip(of_these, these, strict=True))

    def ending(self) -> Ending:
        """Return what has been learned so far."""
        weights = np.array(self._head.weights, np.float64)
        weights[-self._width :] = self._weights.numpy()
        tuned = {name: self._end.get_layer(name).get_weights() for name in self._names}
        return Ending(tuned, Head(self._head.centre, weights, float(self._bias.numpy())))


def _two(kept: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw two copies of each image, different ones where there are two, among those that are kept."""
    order = np.argsort(np.where(kept, rng.random(kept.shape), 2.0), axis=1)
    second = np.where(kept.sum(axis=1) > 1, order[:, 1], order[:, 0])
    return order[:, 0], second
