"""Any backbone with a head described as a list, built by one function.

What is fixed and what is tuned are two models in a row, so that the maps of the fixed part are computed
once per altered copy and not in every epoch.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import keras
from keras import layers, ops

from ml.algorithms.chest_xray import dataset, efficientnet_lite
from ml.algorithms.chest_xray.bench.settings import Settings, WrongSetting, check_layers
from ml.algorithms.chest_xray.torch_weights import UnknownCheckpoint
from ml.training.data import DataMissing

OPTIMIZERS = {
    "adam": keras.optimizers.Adam,
    "adamw": keras.optimizers.AdamW,
    "rmsprop": keras.optimizers.RMSprop,
    "sgd": keras.optimizers.SGD,
}
LOSSES = {
    "categorical_crossentropy": keras.losses.CategoricalCrossentropy,
    "categorical_focal_crossentropy": keras.losses.CategoricalFocalCrossentropy,
}
POOLING = {"max": layers.GlobalMaxPooling2D, "avg": layers.GlobalAveragePooling2D}
LITE = "EfficientNetLite0"
FIXED, TUNED = "fixed", "tuned"
GREY, SPREAD = 127.5, 64.0
"""Mean and standard deviation to which ``normalisation: image`` brings every image, in grey levels."""

Prepare = Callable[[keras.KerasTensor], keras.KerasTensor]


def backbones() -> dict[str, ModuleType]:
    """Return every backbone of Keras Applications and the module with its preprocessing."""
    modules = [module for _, module in inspect.getmembers(keras.applications, inspect.ismodule)]
    return {
        name: module
        for module in modules
        if hasattr(module, "preprocess_input")
        for name, member in inspect.getmembers(module, callable)
        if name[0].isupper()
    }


def build(
    params: Settings, added_layers: Sequence[Mapping[str, Any]], data: Path = Path(), where: str = "run"
) -> keras.Model:
    """Build and compile a network.

    Parameters
    ----------
    params
        Backbone, weights, strategy, optimiser and loss.
    added_layers
        From the pooled features to the classes, as ``settings.check_layers`` knows them.
    data
        Folder below which a weights file is looked for.
    where
        Path of the parameters, for messages.

    Returns
    -------
    keras.Model
        From (n, side, side, 1) grey levels 0–255 to (n, 2) probabilities: normal, pneumonia. Its layer
        ``fixed`` holds what is not tuned (absent with strategy ``full``), ``tuned`` the rest.

    Raises
    ------
    WrongSetting
        When the backbone, its options or the number of fixed layers do not exist, or a weights file
        belongs to another network.
    ml.training.data.DataMissing
        When a weights file is not there, or ImageNet weights cannot be downloaded.
    """
    check_layers(added_layers, f"{where}.added_layers")
    network, prepare = _backbone(params, data, where)
    network = keras.Model(network.input, POOLING[params.pooling](name="pooled")(network.output))
    if params.momentum is not None:
        _set_momentum(network, params.momentum)
    fixed, tail = _split(network, _fixed_layers(params, network, where))
    # In inference mode batch normalisation keeps its ImageNet statistics: small batches would spoil them.
    training = None if params.weights == "random" else False
    image = keras.Input((params.side, params.side, 1), name="image")
    made = _colours(image, params, prepare)
    if fixed is not None:
        fixed.trainable = False
        first = keras.Model(image, fixed(made, training=False), name=FIXED)
        inputs = [keras.Input(one.shape[1:]) for one in first.outputs]
        head = _head(inputs[0] if tail is None else tail(inputs, training=training), added_layers)
        second = keras.Model(inputs, head, name=TUNED)
        made = first(image)
    else:
        second = keras.Model(image, _head(network(made, training=training), added_layers), name=TUNED)
        made = image
    model = keras.Model(image, second(made), name=params.backbone.lower())
    compile_for(model, params)
    return model


def parts(model: keras.Model) -> tuple[keras.Model | None, keras.Model]:
    """Return the fixed part of a network of :func:`build`, if any, and the tuned one."""
    by_name = {layer.name: layer for layer in model.layers}
    return by_name.get(FIXED), by_name[TUNED]


def compile_for(model: keras.Model, params: Settings) -> None:
    """Give a network, or its tuned part, the optimiser and loss of a run."""
    # Batches of several sizes would each be compiled anew by XLA.
    model.compile(
        optimizer=OPTIMIZERS[params.optimizer](params.learning_rate),
        loss=LOSSES[params.loss](),
        jit_compile=False,
    )


def _fixed_layers(params: Settings, network: keras.Model, where: str) -> int:
    if params.strategy == "full":
        return 0
    if params.strategy == "no_tuning":
        return len(network.layers)
    if not 0 < params.fixed_layers < len(network.layers):
        raise WrongSetting(
            f"{where}.fixed_layers is {params.fixed_layers}; allowed is 1 to {len(network.layers) - 1}: "
            f"{params.backbone} has so many layers that can be fixed"
        )
    return params.fixed_layers


def _split(network: keras.Model, fixed: int) -> tuple[keras.Model | None, keras.Model | None]:
    """Cut a network behind its first layers: the fixed part and the rest, ``None`` where there is none."""
    if fixed == 0:
        return None, network
    if fixed == len(network.layers):
        return network, None
    before = {id(layer) for layer in network.layers[:fixed]}
    cut = {
        id(tensor): tensor
        for layer in network.layers[fixed:]
        for node in layer._inbound_nodes
        for tensor in node.input_tensors
        if id(tensor._keras_history.operation) in before
    }
    across = list(cut.values())
    return keras.Model(network.input, across), keras.Model(across, network.output)


def _colours(image: keras.KerasTensor, params: Settings, prepare: Prepare) -> keras.KerasTensor:
    if params.normalisation == "image":
        centred = image - ops.mean(image, axis=(1, 2, 3), keepdims=True)
        spread = ops.sqrt(ops.mean(ops.square(centred), axis=(1, 2, 3), keepdims=True) + 1.0)
        image = centred * (SPREAD / spread) + GREY
    return prepare(layers.Concatenate()([image] * 3))


def _set_momentum(network: keras.Model, momentum: float) -> None:
    for layer in network.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = momentum


def _head(made: keras.KerasTensor, added_layers: Sequence[Mapping[str, Any]]) -> keras.KerasTensor:
    for layer in added_layers:
        made = _added(layer)(made)
    return made


def _added(layer: Mapping[str, Any]) -> keras.Layer:
    if layer["kind"] == "dropout":
        return layers.Dropout(layer["rate"])
    if layer["kind"] == "batch_normalization":
        return layers.BatchNormalization()
    return layers.Dense(layer["units"], activation=layer["activation"])


def _backbone(params: Settings, data: Path, where: str) -> tuple[keras.Model, Prepare]:
    """Return the network without its top and the function that prepares colours for it."""
    if params.backbone == LITE:
        return _lite(params, data, where), lambda colours: (colours - 127.0) / 128.0
    known = backbones()
    if params.backbone not in known:
        raise WrongSetting(
            f"{where}.backbone is {params.backbone!r}; allowed: {LITE} or one of Keras Applications: "
            f"{', '.join(sorted(known))}"
        )
    network = _application(known[params.backbone], params, data, where)
    if params.weights not in ("imagenet", "random"):
        _load(network.load_weights, data, params, where)
    return network, known[params.backbone].preprocess_input


def _application(module: ModuleType, params: Settings, data: Path, where: str) -> keras.Model:
    imagenet = params.weights == "imagenet"
    try:
        return getattr(module, params.backbone)(
            input_shape=(params.side, params.side, 3), include_top=False,
            weights="imagenet" if imagenet else None, **params.options,
        )  # fmt: skip
    except (TypeError, ValueError) as error:
        raise WrongSetting(
            f"{where}.options, .side or .weights: {params.backbone} does not take them: {error}"
        ) from error
    except Exception as error:
        # Keras Applications passes on whatever its download ran into.
        if not imagenet:
            raise
        file = f"{dataset.WEIGHTS_FOLDER}/{params.backbone}.weights.h5"
        hint = (
            f"Those are the ImageNet weights of {params.backbone} without its top, saved by Keras 3 on a "
            f"machine that may download ({error}); then set {where}.weights to {file}"
        )
        raise DataMissing(data, (file,), hint) from error


def _lite(params: Settings, data: Path, where: str) -> keras.Model:
    if params.options:
        raise WrongSetting(f"{where}.options is {dict(params.options)!r}; allowed is {{}} for {LITE}")
    network = efficientnet_lite.build(keras.Input((params.side, params.side, 3)))
    if params.weights == "imagenet":
        efficientnet_lite.load(network, dataset.weights(data, "efficientnet_lite0"))
    elif params.weights != "random":
        _load(lambda path: efficientnet_lite.load(network, path), data, params, where)
    return network


def _load(load: Callable[[Path], Any], data: Path, params: Settings, where: str) -> None:
    path = data / params.weights
    if not path.is_file():
        hint = f"{where}.weights names it; allowed as well: imagenet, random"
        raise DataMissing(data, (params.weights,), hint)
    try:
        load(path)
    except (ValueError, OSError, KeyError, UnknownCheckpoint) as error:
        raise WrongSetting(
            f"{where}.weights is {params.weights!r}; allowed is a file of {params.backbone} with the options "
            f"{dict(params.options)}: {error}"
        ) from error
