"""The sequence network: built and trained in Keras, written as an ONNX graph. Training only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx
from onnx import numpy_helper

from ml.algorithms.sleep import device, onnx_graph
from ml.algorithms.sleep.augmentation import N_STAGES, augmented_windows
from ml.algorithms.sleep.bandpower import Night
from ml.algorithms.sleep.device import Tilt
from ml.algorithms.sleep.features import N_INPUTS

# Constants of one network in the graph: two dense layers of two, two recurrent of three and a shape, an axis.
_CONSTANTS = 13


def build(units: int, *, dropout: float) -> keras.Model:
    """Build the network: a per-epoch layer, two bidirectional GRU layers, a softmax per epoch.

    Parameters
    ----------
    units
        Width of every layer.

    Returns
    -------
    keras.Model
        (batch, epochs, 63) → (batch, epochs, 5).
    """

    def recurrent(name: str) -> keras.layers.Layer:
        return keras.layers.Bidirectional(keras.layers.GRU(units, return_sequences=True), name=name)

    inputs = keras.Input((None, N_INPUTS))
    x = keras.layers.Dense(units, activation="relu", name="epoch")(inputs)
    x = keras.layers.Dropout(dropout)(x)
    x = recurrent("context_1")(x)
    x = keras.layers.Dropout(dropout)(x)
    x = recurrent("context_2")(x)
    x = keras.layers.Dropout(dropout)(x)
    return keras.Model(inputs, keras.layers.Dense(N_STAGES, activation="softmax", name="stage")(x))


def fit(
    nights: Sequence[Night],
    params: Mapping[str, Any],
    *,
    seed: int,
    on_pass: Callable[[int, float], None] | None = None,
    start: keras.Model | None = None,
    raw: Sequence[Night] = (),
) -> keras.Model:
    """Train one network.

    Parameters
    ----------
    nights
        Labelled nights with all three slots.
    params
        The ``network`` section of the sleep parameters.
    seed
        Seed of weights, order and augmentation.
    on_pass
        Called with the number of the pass and its loss.
    start
        A network to go on from, of the same width; else from chance.
    raw
        Raw recordings of wake and deep sleep to learn from as well.
    """
    keras.utils.set_random_seed(seed)
    rng = np.random.default_rng(seed)
    model = build(params["units"], dropout=params["dropout"])
    if start is not None:
        model.set_weights(start.get_weights())
    seen = round(params["nights"] * len(nights))
    epochs = params["nights"] * sum(len(n.features) for n in nights)
    steps = int(params["passes"] * epochs) // params["window"] // params["batch"]
    model.compile(
        optimizer=keras.optimizers.Adam(
            keras.optimizers.schedules.CosineDecay(params["learning_rate"], max(steps, 1)), clipnorm=1.0
        ),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=params["label_smoothing"]),
    )
    weights = class_weights(nights, params["class_weight_power"])
    for number in range(params["passes"]):
        drawn = [nights[i] for i in rng.permutation(len(nights))[:seen]]
        x, y = augmented_windows(drawn, params, rng, raw)
        one_hot = np.eye(N_STAGES, dtype=np.float32)[np.maximum(y, 0)]
        counted = np.where(y >= 0, weights[np.maximum(y, 0)], 0).astype(np.float32)
        history = model.fit(x, one_hot, sample_weight=counted, batch_size=params["batch"], verbose=0)
        if on_pass is not None:
            on_pass(number + 1, history.history["loss"][-1])
    return model


def class_weights(nights: Sequence[Night], power: float) -> np.ndarray:
    """Return mild class weights, ``share ** -power``, with mean 1 over the epochs; shape (5,)."""
    labels = np.concatenate([n.labels for n in nights])
    share = np.bincount(labels[labels >= 0], minlength=N_STAGES) / (labels >= 0).sum()
    weights = share**-power
    return weights / (weights * share).sum()


def export(
    models: Sequence[keras.Model],
    path: Path,
    *,
    temperature: float = 1.0,
    tilts: Sequence[Tilt] | None = None,
) -> None:
    """Write the mean of several networks as one ONNX graph.

    Parameters
    ----------
    models
        Networks of :func:`build`, all of one width.
    temperature
        Divides the log of the mean probabilities (temperature scaling, Guo 2017).
    tilts
        What the theta against beta of an epoch adds to each network's log odds of N3 against wake.

    Notes
    -----
    Keras and ONNX order the gates alike (z, r, h) and ``reset_after`` is ``linear_before_reset``,
    so the weights move over without arithmetic. Input ``inputs`` (batch, epochs, 63), outputs
    ``probabilities`` (batch, epochs, 5) and, before averaging, ``members`` (batch, epochs, n, 5).
    """
    graph = _Graph()
    stacked = [
        graph.node(
            "Unsqueeze", [graph.member(model, f"net{i}", tilt), graph.constant(np.array([2], np.int64))]
        )
        for i, (model, tilt) in enumerate(zip(models, tilts or [None] * len(models), strict=True))
    ]
    members = graph.node("Concat", stacked, "members", axis=2)
    mean = graph.node("ReduceMean", [members], axes=[2], keepdims=0)
    logged = graph.node("Log", [graph.node("Clip", [mean, graph.constant(np.float32(1e-9))])])
    scaled = graph.node("Div", [logged, graph.constant(np.float32(temperature))])
    graph.node("Softmax", [scaled], "probabilities", axis=2)
    ends = {"probabilities": (N_STAGES,), "members": (len(models), N_STAGES)}
    path.write_bytes(graph.made("sleep", {"inputs": (N_INPUTS,)}, ends))


def part(path: Path, which: slice) -> bytes:
    """Return a graph of :func:`export` with some of its networks only, so that the others cost nothing."""
    model = onnx.load(path)
    (joined,) = (node for node in model.graph.node if node.output[0] == "members")
    kept = list(joined.input)[which]
    del joined.input[:]
    joined.input.extend(kept)
    (shape,) = (out.type.tensor_type.shape for out in model.graph.output if out.name == "members")
    shape.dim[2].dim_value = len(kept)
    return model.SerializeToString()


def read(path: Path, *, dropout: float) -> list[keras.Model]:
    """Build the networks of a graph of :func:`export` again, to average them with others."""
    stored = {w.name: numpy_helper.to_array(w) for w in onnx.load(path).graph.initializer}
    weights = [stored[f"w{i}"] for i in range(len(stored))]
    per_member, members = _CONSTANTS, len(weights) // _CONSTANTS
    return [_rebuilt(weights[i * per_member : (i + 1) * per_member], dropout=dropout) for i in range(members)]


def _rebuilt(weights: Sequence[np.ndarray], *, dropout: float) -> keras.Model:
    kernel, bias, *context, last_kernel, last_bias, _axis = weights
    model = build(kernel.shape[1], dropout=dropout)
    model.get_layer("epoch").set_weights([kernel, bias])
    model.get_layer("stage").set_weights([last_kernel, last_bias])
    for i, name in enumerate(("context_1", "context_2")):
        kernels, recurrents, biases = context[4 * i : 4 * i + 3]
        directions = [[kernels[d].T, recurrents[d].T, biases[d].reshape(2, -1)] for d in range(len(kernels))]
        model.get_layer(name).set_weights([w for direction in directions for w in direction])
    return model


class _Graph(onnx_graph.Graph):
    """The graph of several networks."""

    def member(self, model: keras.Model, name: str, tilt: Tilt | None) -> str:
        """Add one network, return the name of its probabilities."""
        x = self._dense("inputs", model.get_layer("epoch"))
        x = self.node("Transpose", [self.node("Relu", [x])], perm=[1, 0, 2])
        for layer in ("context_1", "context_2"):
            x = self._recurrent(x, model.get_layer(layer), f"{name}_{layer}")
        x = self.node("Transpose", [x], perm=[1, 0, 2])
        logits = self._dense(x, model.get_layer("stage"))
        if tilt is not None:
            logits = self.node("Add", [logits, self._tilted(tilt)])
        return self.node("Softmax", [logits], axis=2)

    def _tilted(self, tilt: Tilt) -> str:
        theta, beta = (
            self.node("Gather", ["inputs", self.constant(np.array([column], np.int64))], axis=2)
            for column in (device.THETA, device.BETA)
        )
        scaled = self.node("Mul", [self.node("Sub", [theta, beta]), self.constant(np.float32(tilt.slope))])
        odds = self.node("Add", [scaled, self.constant(np.float32(tilt.offset))])
        ends = (self.constant(np.float32(end)) for end in (-device.MOST, device.MOST))
        return self.node("Mul", [self.node("Clip", [odds, *ends]), self.constant(device.TOWARDS)])

    def _dense(self, x: str, layer: keras.layers.Layer) -> str:
        kernel, bias = layer.get_weights()
        return self.node("Add", [self.node("MatMul", [x, self.constant(kernel)]), self.constant(bias)])

    def _recurrent(self, x: str, layer: keras.layers.Layer, name: str) -> str:
        weights = layer.get_weights()
        units = weights[1].shape[0]
        kernels, recurrents, biases = (np.stack([weights[i], weights[i + 3]]) for i in range(3))
        hidden = self.node(
            "GRU",
            [
                x,
                self.constant(kernels.transpose(0, 2, 1)),
                self.constant(recurrents.transpose(0, 2, 1)),
                self.constant(biases.reshape(2, -1)),
            ],
            f"{name}_y",
            hidden_size=units,
            direction="bidirectional",
            linear_before_reset=1,
        )
        # (epochs, directions, batch, units) → (epochs, batch, directions · units), as Keras joins them.
        moved = self.node("Transpose", [hidden], perm=[0, 2, 1, 3])
        return self.node("Reshape", [moved, self.constant(np.array([0, 0, 2 * units], np.int64))])
