"""The convolutional network on raw epochs: built and fitted in Keras, written as ONNX. Training only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ml.algorithms.sleep.contract import STAGES
from ml.algorithms.sleep.features import EPOCH_SAMPLES
from ml.algorithms.sleep.onnx_graph import Graph

# Layer: filters, samples wide, step, then the pooling after it.
_ENCODER = ((16, 50, 6, 8), (32, 8, 1, 4), (64, 8, 1, 1))
_CONTEXT_FILTERS, _CONTEXT_EPOCHS = 64, 5


@dataclass(frozen=True, slots=True)
class Night:
    """What the network learns from: epochs (n, 3000) and labels (n,), -100 where unscored."""

    epochs: np.ndarray
    labels: np.ndarray


@dataclass
class State:
    """Where a training stands after a pass; all of it is kept, so that a stopped training goes on alike."""

    done: int = 0
    losses: list[float] = field(default_factory=list)
    held_out: list[float] = field(default_factory=list)
    weights: list[np.ndarray] = field(default_factory=list)
    moments: list[np.ndarray] = field(default_factory=list)
    best: list[np.ndarray] = field(default_factory=list)

    @property
    def best_pass(self) -> int:
        """The pass, from 1, with the least loss on the patients held out for stopping."""
        return int(np.argmin(self.held_out)) + 1 if self.held_out else self.done


def build() -> keras.Model:
    """Build the network: three convolutions over an epoch, two over five epochs, a softmax per epoch.

    Returns
    -------
    keras.Model
        (batch, epochs, 3000) → (batch, epochs, 5).
    """
    inputs = keras.Input((None, EPOCH_SAMPLES))
    x = keras.ops.expand_dims(inputs, -1)
    for i, (filters, width, step, pool) in enumerate(_ENCODER):
        x = keras.layers.Conv2D(filters, (1, width), (1, step), use_bias=False, name=f"wave_{i}")(x)
        x = keras.layers.BatchNormalization(momentum=0.9, name=f"scale_{i}")(x)
        x = keras.layers.ReLU()(x)
        x = keras.layers.MaxPooling2D((1, pool))(x) if pool > 1 else x
    x = keras.ops.concatenate([keras.ops.mean(x, axis=2), keras.ops.max(x, axis=2)], axis=-1)
    for i in range(2):
        x = keras.layers.Conv1D(
            _CONTEXT_FILTERS, _CONTEXT_EPOCHS, padding="same", activation="relu", name=f"context_{i}"
        )(x)
    return keras.Model(inputs, keras.layers.Dense(len(STAGES), activation="softmax", name="stage")(x))


def fit(
    nights: Sequence[Night],
    stopping: Sequence[Night],
    settings: Mapping[str, Any],
    *,
    seed: int,
    passes: int,
    state: State | None = None,
    on_pass: Callable[[State], None] | None = None,
) -> tuple[keras.Model, State]:
    """Train one network, to the pass that the nights held out for stopping like best.

    Parameters
    ----------
    nights
        What is learned from.
    stopping
        Nights of other patients, or none: then every pass is run and the last one counts.
    settings
        The ``cnn`` section of the sleep parameters.
    passes
        Passes at most.
    state
        Of the same training, stopped earlier.
    on_pass
        Called after every pass, to keep the state.
    """
    keras.utils.set_random_seed(seed)
    model, state = build(), state or State()
    optimizer = keras.optimizers.AdamW(
        settings["learning_rate"], weight_decay=settings["weight_decay"], clipnorm=1.0
    )
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=settings["label_smoothing"])
    model.compile(optimizer=optimizer, loss=loss)
    optimizer.build(model.trainable_variables)
    _restore(model, state)
    weights = _class_weights(nights, settings["class_weight_power"])
    while state.done < passes and not _tired(state, settings["patience"]):
        rng = np.random.default_rng([seed, state.done])
        x, y, counted = _windows(nights, settings, rng, weights)
        history = model.fit(
            x, y, sample_weight=counted, batch_size=settings["batch"], shuffle=False, verbose=0
        )
        _keep(model, state, history.history["loss"][-1], _loss(model, stopping))
        if on_pass is not None:
            on_pass(state)
    if state.best:
        model.set_weights(state.best)
    return model, state


def _restore(model: keras.Model, state: State) -> None:
    if state.done:
        model.set_weights(state.weights)
        for variable, value in zip(model.optimizer.variables, state.moments, strict=True):
            variable.assign(value)


def _keep(model: keras.Model, state: State, loss: float, held_out: float | None) -> None:
    state.done += 1
    state.losses.append(float(loss))
    state.weights = model.get_weights()
    state.moments = [np.asarray(variable) for variable in model.optimizer.variables]
    if held_out is not None:
        state.held_out.append(held_out)
        if state.best_pass == state.done:
            state.best = state.weights


def _tired(state: State, patience: int) -> bool:
    return bool(state.held_out) and state.done - state.best_pass >= patience


def _loss(model: keras.Model, nights: Sequence[Night]) -> float | None:
    """Mean cross-entropy over the scored epochs of some nights."""
    if not nights:
        return None
    spent = []
    for night in nights:
        found = model.predict(night.epochs[None].astype(np.float32), verbose=0)[0]
        scored = night.labels >= 0
        spent.append(-np.log(np.maximum(found[scored, night.labels[scored]], 1e-7)))
    return float(np.concatenate(spent).mean())


def _windows(
    nights: Sequence[Night], settings: Mapping[str, Any], rng: np.random.Generator, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cut nights into windows, anew in every pass; so are gain, polarity, shift and noise drawn."""
    size = settings["window"]
    signals, labels = [], []
    for night in nights:
        first = int(rng.integers(0, max(1, min(size, len(night.labels) - size + 1))))
        for start in range(first, max(first + 1, len(night.labels) - size + 1), size):
            signals.append(_padded(night.epochs[start : start + size], size, 0))
            labels.append(_padded(night.labels[start : start + size], size, -1))
    order = rng.permutation(len(signals))
    x, y = np.stack(signals)[order].astype(np.float32), np.stack(labels)[order]
    drawn = (len(x), 1, 1)
    x *= np.exp(rng.normal(0, settings["gain_jitter"], drawn)).astype(np.float32)
    x *= rng.choice(np.array([-1, 1], np.float32), drawn)
    x = np.roll(x, int(rng.integers(EPOCH_SAMPLES)), axis=2)
    x += rng.standard_normal(x.shape, np.float32) * np.float32(settings["noise"])
    one_hot = np.eye(len(STAGES), dtype=np.float32)[np.maximum(y, 0)]
    return x, one_hot, np.where(y >= 0, weights[np.maximum(y, 0)], 0).astype(np.float32)


def _padded(part: np.ndarray, size: int, value: int) -> np.ndarray:
    missing = [(0, size - len(part)), *[(0, 0)] * (part.ndim - 1)]
    return np.pad(part, missing, constant_values=value)


def _class_weights(nights: Sequence[Night], power: float) -> np.ndarray:
    """Mild class weights, ``share ** -power``; a stage that nobody scored has none."""
    labels = np.concatenate([n.labels for n in nights])
    share = np.bincount(labels[labels >= 0], minlength=len(STAGES)) / (labels >= 0).sum()
    weights = np.where(share > 0, np.maximum(share, 1e-9) ** -power, 0)
    return weights / (weights * share).sum()


def export(model: keras.Model, path: Path) -> None:
    """Write a network as an ONNX graph: ``epochs`` (batch, epochs, 3000) → ``probabilities`` (…, 5)."""
    graph = Graph()
    x = graph.node("Unsqueeze", ["epochs", graph.constant(np.array([1], np.int64))])
    for i, (_, width, step, pool) in enumerate(_ENCODER):
        (kernel,) = model.get_layer(f"wave_{i}").get_weights()
        kernel = graph.constant(kernel.transpose(3, 2, 0, 1))
        x = graph.node("Conv", [x, kernel], kernel_shape=[1, width], strides=[1, step])
        x = graph.node("Relu", [_scaled(graph, x, model.get_layer(f"scale_{i}"))])
        if pool > 1:
            x = graph.node("MaxPool", [x], kernel_shape=[1, pool], strides=[1, pool])
    summed = [graph.node(kind, [x], axes=[3], keepdims=0) for kind in ("ReduceMean", "ReduceMax")]
    x = graph.node("Concat", summed, axis=1)
    for i in range(2):
        kernel, bias = model.get_layer(f"context_{i}").get_weights()
        weights = [graph.constant(kernel.transpose(2, 1, 0)), graph.constant(bias)]
        half = _CONTEXT_EPOCHS // 2
        x = graph.node("Conv", [x, *weights], kernel_shape=[_CONTEXT_EPOCHS], pads=[half, half])
        x = graph.node("Relu", [x])
    kernel, bias = model.get_layer("stage").get_weights()
    x = graph.node("MatMul", [graph.node("Transpose", [x], perm=[0, 2, 1]), graph.constant(kernel)])
    graph.node("Softmax", [graph.node("Add", [x, graph.constant(bias)])], "probabilities", axis=2)
    made = graph.made("sleep_cnn", {"epochs": (EPOCH_SAMPLES,)}, {"probabilities": (len(STAGES),)})
    path.write_bytes(made)


def _scaled(graph: Graph, x: str, layer: keras.layers.Layer) -> str:
    weights = [graph.constant(w) for w in layer.get_weights()]
    return graph.node("BatchNormalization", [x, *weights], epsilon=float(layer.epsilon))
